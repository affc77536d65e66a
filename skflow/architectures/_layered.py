"""Layers of columns that are mapped one by one, with a mixing between two layers."""

import torch

from skflow.bijections import (
    PLU,
    QR,
    Additive,
    Affine,
    Autoregressive,
    Chain,
    Coupling,
    DeepSigmoid,
    Diagonal,
    MarginalGaussianization,
    MixtureLogisticCDF,
    MixtureNormalCDF,
    MonotoneNet,
    Orthogonal,
    Permutation,
    PReLU,
    RationalQuadraticSpline,
    Reverse,
    SinhArcsinh,
    UnconstrainedMonotone,
)
from skflow.bijections._coupling import coupling_sizes
from skflow.nets import MADE, MLP

__all__ = [
    "ELEMENTWISE",
    "MIXINGS",
    "STACKS",
    "autoregressive_stack",
    "coupling_stack",
    "gaussianization_stack",
]

ELEMENTWISE = {
    "additive": Additive,
    "affine": Affine,
    "spline": RationalQuadraticSpline,
    "prelu": PReLU,
    "sinh_arcsinh": SinhArcsinh,
    "mixture_cdf": MixtureLogisticCDF,
    "deep_sigmoid": DeepSigmoid,
    "monotone_net": MonotoneNet,
    "unconstrained_monotone": UnconstrainedMonotone,
    "mixture_score": MixtureNormalCDF,
}

MIXINGS = {
    "none": None,
    "reverse": lambda n_features, layer: Reverse(n_features),
    "permutation": Permutation.random,
    "orthogonal": lambda n_features, layer: Orthogonal(n_features),
    "pca": lambda n_features, layer: Orthogonal(n_features, start="pca"),
    "plu": lambda n_features, layer: PLU(n_features, order=range(n_features - 1, -1, -1)),
    "qr": lambda n_features, layer: QR(n_features),
}

# those after which the halves have changed places, so that the same half of the places moves
# the other half of the features
REVERSALS = {"plu", "reverse"}


def coupling_stack(
    n_features,
    elementwise,
    *,
    n_layers=8,
    hidden_features=(64, 64),
    n_context=0,
    mixing="plu",
    residual=False,
    dropout=0.0,
    reach=None,
    order=None,
    final_scaling=False,
):
    """Coupling layers that take turns in which half they move, with a mixing between them.

    Parameters
    ----------
    n_features : int
    elementwise : Elementwise
        The map of each layer; one with weights of its own is drawn anew in each.
    n_layers : int
    hidden_features : tuple of int
        Hidden layers of each coupling's net.
    n_context : int
        Columns of the context.
    mixing : {"plu", "qr", "orthogonal", "pca", "permutation", "reverse", "none"}
        Linear map between layers; those that learn start at the identity, "plu" at the reversal
        of the features, "pca" at the principal directions of its rows.
    residual : bool
        Residual nets.
    dropout : float
    reach : float, optional
        What the nets see is bent from about this size on, for features with heavy tails.
    order : sequence of int, optional
        The features are put in this order before the first layer, so that its first half makes
        one part of the couplings.
    final_scaling : bool
        End with a learnable scale per feature, as NICE does since its couplings preserve volume.

    Returns
    -------
    Chain
    """

    def layer(i):
        swap = bool(i % 2) and mixing not in REVERSALS
        n_steering, n_moved = coupling_sizes(n_features, swap)
        net = MLP(
            n_steering,
            n_moved,
            elementwise.n_params,
            hidden_features,
            n_context,
            residual,
            dropout,
            reach,
        )
        return Coupling(n_features, elementwise.fresh(), net, swap)

    last = [Diagonal(n_features)] if final_scaling else []
    return Chain(_interleave(layer, n_layers, n_features, mixing, order) + last)


def autoregressive_stack(
    n_features,
    elementwise,
    *,
    n_layers=5,
    hidden_features=(64, 64),
    n_context=0,
    mixing="plu",
    residual=False,
    dropout=0.0,
    reach=None,
    order=None,
):
    """Autoregressive layers with a mixing between them; parameters as for coupling_stack.

    The first layer goes through the features in the given order; with "plu" and "reverse" every
    second layer does so backwards.
    """

    def layer(i):
        sizes = (n_features, elementwise.n_params, hidden_features)
        net = MADE(*sizes, n_context, residual, dropout, reach, elementwise.start())
        return Autoregressive(elementwise.fresh(), net)

    return Chain(_interleave(layer, n_layers, n_features, mixing, order))


# how the features steer each other, where an estimator leaves that open
STACKS = {"autoregressive": autoregressive_stack, "coupling": coupling_stack}


def gaussianization_stack(n_features, *, n_layers=4, n_components=8, mixing="plu"):
    """Trainable normal scores of every column, with a mixing between two layers.

    Parameters
    ----------
    n_features : int
    n_layers : int
        Layers of normal scores.
    n_components : int
        Normals in the mixture of each column.
    mixing : {"pca", "orthogonal", "plu", "qr", "permutation", "reverse", "none"}
        Linear map between layers. "orthogonal" is a rotation that starts at the identity, "pca"
        one that starts at the principal directions of its rows; both are learnt.

    Returns
    -------
    Chain
    """

    def layer(i):
        return MarginalGaussianization(n_features, n_components)

    return Chain(_interleave(layer, n_layers, n_features, mixing))


def _interleave(layer, n_layers, n_features, mixing, order=None):
    """Layers and mixings in turn; in the end every feature is back in its place."""
    if mixing not in MIXINGS:
        raise ValueError(f"mixing must be one of {sorted(MIXINGS)}, got {mixing!r}")
    mix = MIXINGS[mixing] if n_features > 1 else None
    natural = torch.arange(n_features)
    ordered = order is None or list(order) == natural.tolist()
    parts = [] if ordered else [Permutation(order)]
    mixings = list(parts)
    for i in range(n_layers):
        if i and mix is not None:
            mixings.append(mix(n_features, i))
            parts.append(mixings[-1])
        parts.append(layer(i))
    # each mixing that learns starts at a permutation, as those that do not are
    with torch.no_grad():
        places = Chain(mixings)(natural.to(torch.get_default_dtype()).unsqueeze(0))[0]
    places = places.squeeze(0).round().long()
    return parts if torch.equal(places, natural) else [*parts, Permutation(places.argsort())]
