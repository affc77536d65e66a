"""All candidates of a stack, one after the other or side by side, until the time is over."""

import time
from dataclasses import dataclass

import numpy as np
from joblib import delayed, effective_n_jobs

from skflow._clock import left_out, seconds_left
from skflow._side_by_side import as_they_come
from skflow._watch import tell
from skflow.estimators.stack._cross_fit import CrossFit, cross_fit

__all__ = ["Turn", "cross_fit_all"]


@dataclass(frozen=True)
class Turn:
    """How much of the time for all candidates is one's own.

    Attributes
    ----------
    deadline : float or None
        When all are to be done, by ``time.time``, which processes share; None for no limit.
    n_to_come : int
        Turns until then, this one included.
    needed : bool
        Whether the candidate is to be fitted even after the deadline.
    """

    deadline: float | None = None
    n_to_come: int = 1
    needed: bool = True

    def seconds(self, n_left, n_fits):
        """Seconds for the next fit of a candidate that has ``n_left`` of its ``n_fits`` to go.

        All fits to come get the same, as if the other candidates had as many. None without a
        deadline.

        Raises
        ------
        TimeoutError
            After the deadline, unless the candidate is needed.
        """
        if self.deadline is None:
            return None
        left = max(0.0, self.deadline - time.time())
        if not left and not self.needed:
            raise TimeoutError("max_seconds was over before it was fitted")
        return left / ((self.n_to_come - 1) * n_fits + n_left)


def cross_fit_all(candidates, rows, *, n_jobs=None, verbose=0, task=None):
    """Cross-fit (name, estimator) pairs of different names to FoldedRows.

    The failures are in the results. Candidates that are quick go first, so that a limit of time
    or Ctrl-C leaves something. Each is told its share of what is left, the first is fitted
    however little that is, and those whose turn comes too late are given up. Each is a part of a
    FitTask, if there is one.

    Returns
    -------
    results : list of CrossFit
        In the order of the candidates.

    Raises
    ------
    KeyboardInterrupt
        If it came before any candidate was done.
    """
    queue = sorted(candidates, key=lambda pair: _cost(pair[1]))
    turns = _turns(len(queue), effective_n_jobs(n_jobs))
    tell(f"cross-fitting to {len(rows.X):,} rows: {', '.join(name for name, _ in queue)}")
    jobs = (
        delayed(cross_fit)(*pair, rows, turn, task, number)
        for number, (pair, turn) in enumerate(zip(queue, turns, strict=True))
    )
    settings = {"n_jobs": n_jobs, "verbose": max(0, verbose - 1)}
    done = {}
    try:
        for result in as_they_come(jobs, ordered=False, **settings):
            done[result.name] = result
            tell(_report(result, rows))
            for what in result.left_out:
                left_out(f"{what} ({result.name})")
            if result.stopped_by == "interrupt":
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        if all(result.failure for result in done.values()):
            raise
    return [done.get(name) or _interrupted(name) for name, _ in candidates]


def _report(result, rows):
    """Say how a candidate did, in a line."""
    if result.failure:
        return f"{result.name}: {result.failure}, after {result.seconds:.1f} s"
    held = rows.fold >= 0
    weight = None if rows.weight is None else rows.weight[held]
    score = "no held-out rows"
    if held.any():
        mean = np.average(result.held_out[held], weights=weight)
        score = f"held-out log density {mean:.4g} nats a row"
    return f"{result.name}: {score}, {result.seconds:.1f} s"


def _cost(estimator):
    """Rank of an estimator, the quick ones lowest.

    Highest are those that train in epochs or fit estimators of their own, themselves or by what
    is in them; between are those whose columns are fitted one by one first.
    """
    params = estimator.get_params()
    names = {name.split("__")[-1] for name in params}
    if names & {"max_epochs", "estimators"}:
        return 2
    return int(params.get("preprocessing") == "gaussianize")


def _turns(n, n_side_by_side):
    """Deal the time that is left out to n candidates that start in this order."""
    left = seconds_left()
    deadline = None if left == float("inf") else time.time() + left
    return [Turn(deadline, -(-(n - i) // n_side_by_side), i == 0) for i in range(n)]


def _interrupted(name):
    return CrossFit(
        name, failure="the fit was interrupted before it was done", stopped_by="interrupt"
    )
