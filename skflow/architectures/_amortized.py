"""Flows of latents given what was observed: the posteriors of variational inference."""

from skflow.architectures._layered import autoregressive_stack, coupling_stack
from skflow.bases import Normal
from skflow.bijections import Affine, Chain, ConditionalElementwise, Conditioned, Inverse
from skflow.flow import Flow
from skflow.nets import MLP, Encoder

__all__ = ["POSTERIORS", "amortized_flow"]

MAX_LOG_SCALE = 10.0  # of the Gaussian: a posterior may be much narrower than the prior


def _inverse_autoregressive(n_features, elementwise, **settings):
    return Inverse(autoregressive_stack(n_features, elementwise, **settings))


# layers between the latents and the Gaussian
POSTERIORS = {
    "diagonal": None,
    "iaf": _inverse_autoregressive,
    "coupling": coupling_stack,
}


def amortized_flow(
    n_features,
    n_context,
    *,
    flow="iaf",
    n_layers=2,
    hidden_features=(64, 64),
    encoder_features=(128, 128),
    elementwise=None,
    mixing="reverse",
    dropout=0.0,
):
    r"""Build a flow of latents x given a context c, fast from noise to data.

    .. math::
        h = \mathrm{encoder}(c), \quad
        x_0 = \mu(h) + \sigma(h) z, \quad
        x_t = g_t(x_{t-1};\ h), \quad x = x_T

    with z standard normal, linear maps for the mean and the log deviations, and layers
    :math:`g_t` that see h beside the latents (Kingma et al. 2016, arXiv:1606.04934,
    algorithm 1). Without layers it is the diagonal Gaussian posterior of a variational
    autoencoder. At the start x = z, whatever the context.

    Parameters
    ----------
    n_features : int
        Latents.
    n_context : int
        Columns of the context, which should be of the order of one.
    flow : {"iaf", "coupling", "diagonal"}
        Kind of the layers. Those of "iaf" are inverse autoregressive: one pass of a net from
        noise to data, one slice a feature back. "diagonal" has none.
    n_layers : int
    hidden_features : tuple of int
        Hidden layers of the net of each layer.
    encoder_features : tuple of int
        Layers of the encoder; the last is the width of h. Empty for h = c.
    elementwise : Elementwise, optional
        The map of each layer; affine by default.
    mixing : str
        Between layers, see :func:`coupling_stack`.
    dropout : float
        Of the encoder and of the layers' nets.

    Returns
    -------
    Flow
        With base Normal.
    """
    if flow not in POSTERIORS:
        raise ValueError(f"flow must be one of {sorted(POSTERIORS)}, got {flow!r}")
    width = encoder_features[-1] if encoder_features else n_context
    stack, layers = POSTERIORS[flow], []
    if stack is not None:
        settings = {"hidden_features": hidden_features, "mixing": mixing, "dropout": dropout}
        elementwise = Affine() if elementwise is None else elementwise
        layers = [stack(n_features, elementwise, n_layers=n_layers, n_context=width, **settings)]
    head = MLP(width, n_features, Affine.n_params, hidden_features=())
    gaussian = Inverse(ConditionalElementwise(Affine(MAX_LOG_SCALE), head))
    bijection = Chain([*layers, gaussian])
    if encoder_features:
        bijection = Conditioned(Encoder(n_context, encoder_features, dropout), bijection)
    return Flow(bijection, Normal(n_features))
