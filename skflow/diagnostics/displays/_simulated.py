"""What the displays of posteriors learnt from simulations share."""

from sklearn.utils import check_random_state

from skflow._random import draw_seed
from skflow.diagnostics.report._posterior import simulations_of

__all__ = ["asked", "check_finding", "checked_kind"]


def asked(posterior, theta, x, n_draws, use_log_density, random_state):
    """Return simulations with draws of a posterior, and a seed, those of ``check_posterior``."""
    rng = check_random_state(random_state)
    made = simulations_of(posterior, theta, x, n_draws, use_log_density, rng)
    return made, draw_seed(rng)


def check_finding(finding, kind, function):
    """Raise a TypeError for what is not a result of a function."""
    if not isinstance(finding, kind):
        raise TypeError(
            f"expected what skflow.diagnostics.{function} returns, got {type(finding).__name__}."
        )


def checked_kind(kind, kinds):
    """Return the kind of a picture if it is one of those there are."""
    if kind not in kinds:
        raise ValueError(f"kind must be one of {', '.join(map(repr, kinds))}, got {kind!r}.")
    return kind
