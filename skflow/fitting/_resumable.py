"""Fits that go on where they were killed: what a fit's result depends on, as a fingerprint."""

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version

import numpy as np

from skflow._validation import resolve_device

__all__ = ["Resumable", "fingerprint"]

# parameters that change how long a fit takes and what it says, and not how it ends
ASIDE = {"checkpoint", "device", "max_seconds", "n_jobs", "random_state", "verbose", "warm_start"}
# what works out the numbers of a fit
PACKAGES = ("skflow", "torch", "numpy", "scipy", "scikit-learn")
BLOCK = 65_536  # rows hashed together


class Resumable:
    """A block with one fit in it, and its checkpoint if the estimator asks for one.

    Parameters
    ----------
    estimator : BaseFlowDensity
    seed : int
        Drawn for a new fit.
    fold : ndarray of shape (n_samples,) or None
    previous : Flow or Ensemble, optional
        What a warm start goes on with.

    Attributes
    ----------
    seed : int
        That of the fit, once its rows are known: of the one that goes on, if one does.
    checkpoint : Checkpoint or None
    """

    def __init__(self, estimator, seed, fold=None, previous=None):
        self.estimator, self.seed = estimator, seed
        self.fold, self.previous = fold, previous
        self.checkpoint = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.checkpoint is not None:
            self.checkpoint.close()

    def rng(self, rows, weight, context):
        """Look for the checkpoint of these rows; return the generator that the fit begins with."""
        folder = self.estimator.checkpoint
        if folder is not None:
            from skflow.training._checkpoint import Checkpoint

            name, verbose = type(self.estimator).__name__, self.estimator.verbose
            arrays = (rows, weight, context, self.fold)
            found = fingerprint(self.estimator, arrays, self.previous)
            self.checkpoint = Checkpoint(folder, name, found, self.seed, verbose)
            self.seed = self.checkpoint.seed
        return np.random.default_rng(self.seed)

    def settle(self, plan, preprocessing, flow):
        """Compare how the fit starts with the one that it is to go on with, if there is one."""
        if self.checkpoint is None:
            return
        settings = {name: value for name, value in asdict(plan).items() if name != "parameters"}
        shapes = {name: tuple(value.shape) for name, value in flow.state_dict().items()}
        tensors = {name: value.cpu() for name, value in preprocessing.state_dict().items()}
        self.checkpoint.settle({"plain": repr((settings, shapes)), "tensors": tensors})

    def keeper(self, name="training"):
        """Return the Keeper of a training run, None without a checkpoint."""
        return None if self.checkpoint is None else self.checkpoint.keeper(name)

    def done(self, stopped_by):
        """Remove the checkpoint after a fit that ended by itself, which nothing can go on with."""
        if self.checkpoint is not None and stopped_by not in ("interrupt", "max_seconds"):
            self.checkpoint.remove()


def fingerprint(estimator, arrays, previous=None):
    """Say in 32 characters what the result of a fit depends on.

    Parameters
    ----------
    estimator : BaseFlowDensity
    arrays : sequence of ndarray or None
        Rows, weights and so on, in an order that has a meaning.
    previous : Flow or Ensemble, optional
        What a warm start goes on with.
    """
    found = hashlib.blake2b(digest_size=16)
    given = estimator.get_params(deep=False)
    named = {name: _told(value) for name, value in given.items() if name not in ASIDE}
    seed = given["random_state"]
    drawn = seed is None or isinstance(seed, np.random.RandomState)
    told = {
        "class": f"{type(estimator).__module__}.{type(estimator).__qualname__}",
        "versions": [version(name) for name in PACKAGES],
        "parameters": sorted(named.items()),
        "device": str(resolve_device(estimator.device).type),
        "seed": None if drawn else int(seed),
    }
    found.update(repr(told).encode())
    for array in arrays:
        _hash_rows(found, array)
    for name, tensor in {} if previous is None else previous.state_dict().items():
        found.update(name.encode())
        _hash_rows(found, tensor.detach().cpu().numpy())
    return found.hexdigest()


def _hash_rows(found, array):
    """Hash numbers as float64, whatever they are kept as, and how many there are."""
    if array is None:
        found.update(b"none")
        return
    array = np.asarray(array)
    found.update(repr(array.shape).encode())
    rows = array.reshape(1) if array.ndim == 0 else array
    for start in range(0, len(rows), BLOCK):
        found.update(np.ascontiguousarray(rows[start : start + BLOCK], dtype=np.float64))


def _told(value):
    """Put the value of a parameter in words that are the same in every process."""
    if value is None or isinstance(value, bool | np.bool_ | str):
        return repr(str(value))
    if isinstance(value, int | float | np.number):
        return repr(float(value) if isinstance(value, float | np.floating) else int(value))
    if isinstance(value, Mapping):
        return repr([(_told(key), _told(item)) for key, item in value.items()])
    if isinstance(value, list | tuple | np.ndarray):
        return repr([_told(item) for item in value])
    return hashlib.blake2b(pickle.dumps(value), digest_size=16).hexdigest()
