"""Our side of the speed comparisons: a wide autoregressive flow and a small coupling flow."""

import warnings

import numpy as np

N_FEATURES = 43
SETTINGS = {"n_layers": 5, "hidden_features": (512, 512)}


def our_estimator():
    """A MAFDensity as a user holds it; how well it is fitted does not change its speed."""
    from skflow import MAFDensity

    X = np.random.default_rng(0).normal(size=(2000, N_FEATURES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch converges nowhere
        return MAFDensity(**SETTINGS, n_members=1, max_epochs=1, random_state=0).fit(X)


def our_flow():
    """The flow that the peers have: no preprocessing, the order reversed between layers."""
    from skflow.architectures import autoregressive_stack
    from skflow.bases import Normal
    from skflow.bijections import Affine
    from skflow.flow import Flow

    stack = autoregressive_stack(N_FEATURES, Affine(), **SETTINGS, mixing="reverse")
    return Flow(stack, Normal(N_FEATURES)).eval()


def our_coupling(n_features):
    from skflow.architectures import coupling_stack
    from skflow.bases import Normal
    from skflow.bijections import Affine
    from skflow.flow import Flow

    stack = coupling_stack(
        n_features, Affine(), n_layers=6, hidden_features=(64, 64), mixing="none"
    )
    return Flow(stack, Normal(n_features)).eval()
