"""What a fit will take: said before it begins, where a log density is slow."""

import math
import time

import torch

from skflow._clock import seconds_left
from skflow._notices import warn

__all__ = ["foretell"]

LONG = 120.0  # seconds from which on it is said; the flow's own part comes on top
SEARCH_CALLS = 600  # of the density by a search, by experience
REPEATS = 2  # of the call that is timed: the faster one counts


def foretell(target, support, settings, n_steps):
    """Time a call with its gradient, and say what the fit will take if that is over 2 minutes.

    Nothing but the notice depends on the time measured. Where time is limited nothing is
    measured: the limit is what it will take.

    Parameters
    ----------
    target : Target
    support : Bijection
        From parameters to the whole line.
    settings : ApproximationSettings
    n_steps : pair of int
        Steps of training that any fit takes, and those it may take beyond.

    Warns
    -----
    UserWarning
        If the calls alone take more than two minutes.
    """
    if seconds_left() < math.inf:
        return
    seconds = min(_seconds_of_call(target, support, settings) for _ in range(REPEATS))
    certain, most = (seconds * (SEARCH_CALLS + n_steps[0]), seconds * n_steps[1])
    if certain + most > LONG:
        warn(
            f"log_density takes {seconds:.2g} s for {settings.batch_size} rows with their "
            f"gradient: search and Gaussian will take about {_spoken(certain)}, the layers of the "
            f"flow up to {_spoken(most)} more, if not fewer steps are good enough. To bound it "
            "set max_seconds; to shorten it, compute all rows at once instead of one by one, or "
            "lower batch_size, n_starts or max_epochs.",
            UserWarning,
        )


def _seconds_of_call(target, support, settings):
    size = settings.batch_size, len(support.low)
    u = torch.linspace(-1, 1, size[0] * size[1], dtype=torch.float64).reshape(size)
    x = support.inverse(u)[0].requires_grad_()
    start = time.perf_counter()
    with torch.enable_grad():
        torch.autograd.grad(target(x).sum(), x)
    return time.perf_counter() - start


def _spoken(seconds):
    return f"{seconds / 60:.0f} minutes" if seconds > 100 else f"{seconds:.0f} s"
