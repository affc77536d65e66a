"""Layers that move all columns at once, so that nothing needs to be mixed between them."""

from skflow.bijections import (
    PLU,
    QR,
    ActNorm,
    Chain,
    Continuous,
    Diagonal,
    Orthogonal,
    Residual,
    Triangular,
)
from skflow.nets import LipschitzMLP, ParticleNet, VelocityNet

__all__ = [
    "LINEAR",
    "continuous_stack",
    "linear_stack",
    "low_rank_stack",
    "particle_flow",
    "residual_stack",
]

LINEAR = {
    "diagonal": (Diagonal,),
    "triangular": (Triangular,),
    "orthogonal": (Orthogonal, Diagonal),
    "plu": (PLU,),
    "qr": (QR,),
}


def linear_stack(n_features, parametrization):
    """Build a linear flow by the name of its parametrization in LINEAR.

    Parameters
    ----------
    n_features : int
    parametrization : {"diagonal", "triangular", "orthogonal", "plu", "qr"}

    Returns
    -------
    Chain
        Each of its parts has a method ``whiten(mean, covariance)``.
    """
    if parametrization not in LINEAR:
        raise ValueError(
            f"parametrization must be one of {sorted(LINEAR)}, got {parametrization!r}"
        )
    return Chain([part(n_features) for part in LINEAR[parametrization]])


def low_rank_stack(n_features, layer, *, n_layers=16):
    """Planar, radial or Sylvester layers, one after the other, then a triangular matrix.

    Each has directions of its own, so that there is nothing to mix in between. The matrix is
    what makes every Gaussian one of these flows, whatever the base.

    Parameters
    ----------
    n_features : int
    layer : callable
        Builds a layer for ``n_features`` columns: Planar, Radial, or Sylvester with its number
        of directions bound by :func:`functools.partial`.
    n_layers : int

    Returns
    -------
    Chain
    """
    layers = [layer(n_features) for _ in range(n_layers)]
    return Chain([*layers, Triangular(n_features)])


def continuous_stack(
    n_features,
    *,
    n_layers=1,
    hidden_features=(64, 64),
    n_context=0,
    n_frequencies=1,
    activation="tanh",
    **settings,
):
    """Continuous flows one after the other, each with a velocity net of its own.

    Parameters
    ----------
    n_features, n_layers : int
    hidden_features : tuple of int
        Hidden layers of each net.
    n_context : int
        Columns of the context.
    n_frequencies : int
        Pairs of sine and cosine that tell a net the time.
    activation : {"tanh", "softplus", "elu"}
    **settings
        Of :class:`skflow.bijections.Continuous`: n_steps, tolerance, trace, kinetic.

    Returns
    -------
    Chain
    """
    sizes = (hidden_features, n_context, n_frequencies, activation)
    nets = [VelocityNet(n_features, *sizes) for _ in range(n_layers)]
    return Chain([Continuous(net, **settings) for net in nets])


def particle_flow(n_particles, n_dims, *, hidden_features=(64, 64), **settings):
    """Build a continuous flow of particles, which goes along with their symmetries.

    Parameters
    ----------
    n_particles, n_dims : int
    hidden_features : tuple of int
        Of :class:`skflow.nets.ParticleNet`.
    **settings
        Of :class:`skflow.bijections.Continuous`: n_steps, tolerance, kinetic.

    Returns
    -------
    Continuous
    """
    return Continuous(ParticleNet(n_particles, n_dims, hidden_features), **settings)


def residual_stack(
    n_features,
    *,
    n_layers=8,
    hidden_features=(64, 64),
    n_context=0,
    lipschitz=0.9,
    log_det="roulette",
):
    """Residual blocks, a scale and shift of each feature before each of them.

    Parameters
    ----------
    n_features : int
    n_layers : int
        Residual blocks.
    hidden_features : tuple of int
        Hidden layers of each block's net.
    n_context : int
        Columns of the context.
    lipschitz : float
        Bound of the Lipschitz constant of each block's net, between 0 and 1.
    log_det : {"roulette", "exact"}
        In training mode: an unbiased estimate or the exact log-determinant.

    Returns
    -------
    Chain
    """
    parts = []
    for _ in range(n_layers):
        net = LipschitzMLP(n_features, hidden_features, n_context, lipschitz)
        parts += [ActNorm(n_features), Residual(net, log_det)]
    return Chain(parts)
