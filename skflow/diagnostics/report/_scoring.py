"""Fits of a comparison, told of as they come."""

from skflow._side_by_side import as_they_come
from skflow._watch import tell

__all__ = ["scored"]


def scored(tasks, names, n_jobs):
    """Results of delayed fits in their order, each with a line by its name when it is done.

    Parameters
    ----------
    tasks : iterable of joblib's delayed calls
        That return scores or so, seconds, and what went wrong, as the last two of a tuple.
    names : list of str
    n_jobs : int or None
    """
    done = []
    for name, result in zip(names, as_they_come(tasks, n_jobs=n_jobs), strict=True):
        *_, seconds, failure = result
        tell(f"{name}: {failure or 'scored'}, after {seconds:.1f} s")
        done.append(result)
    return done
