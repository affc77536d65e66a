"""Fitted estimators in files that hold numbers and names, and no code.

A file is in the safetensors format: the arrays of the estimator, and in the header's metadata a
JSON document that says how they belong together. Reading it, :func:`load` builds objects of the
classes in :mod:`skflow._persistence._registry` and of no others, calls nothing that the file names
or holds, and sets nothing but attributes that hold data. :mod:`skflow._persistence._decode` says
which constructors and methods of these classes run.
"""

import copyreg
import os
from typing import Any

from skflow._types import FilePath

__all__ = ["SaveMixin", "SavePartsMixin", "load", "stored"]

STORED: set[type] = set()
PACKAGE = __name__.partition(".")[0]
FILE = "skflow file"  # the key of a state that is a file


def stored(cls):
    """Mark a class whose objects, being plain data, may be parts of a saved estimator.

    Torch modules and estimators of the package need no mark.
    """
    STORED.add(cls)
    return cls


class SaveMixin:
    """The method ``save`` of estimators."""

    def save(self, path: FilePath) -> None:
        """Write the estimator to a file that :func:`skflow.load` reads without running code.

        All is kept: parameters, the fitted flows, ``history_`` and every other attribute, so that
        scores and seeded draws are the same to the last bit. The file is in the safetensors
        format, its metadata hold the rest as JSON. An older file at ``path`` is replaced in one
        step, when the new one is complete; where ``path`` is a link, the file that it leads to.

        Parameters
        ----------
        path : str or path-like
            For instance "density.safetensors".

        Raises
        ------
        TypeError
            If a part is neither data nor of a known class: estimators of other packages (of
            scikit-learn, KernelDensity and mixtures of Gaussians are known, and what a default
            FlowRegressor fits), distributions that scipy.stats has not by name, subclasses of
            your own, functions; or an attribute that hides one of its class. The message names it.
            ``joblib.dump`` saves those, in files that run code when loaded. Also if weights are
            not finite, which no file may hold.
        OSError
            If ``path`` is a folder, a pipe, a socket or a device, or leads to one: they are left
            as they are. If there is no such folder.

        Examples
        --------
        >>> import tempfile, os, skflow
        >>> from sklearn.datasets import load_iris
        >>> X = load_iris().data
        >>> density = skflow.KernelFlowDensity(random_state=0).fit(X)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "iris.safetensors")
        ...     density.save(path)
        ...     again = skflow.load(path)
        >>> bool((again.score_samples(X) == density.score_samples(X)).all())
        True
        """
        from skflow._persistence._encode import encode
        from skflow._persistence._file import write_file
        from skflow._persistence._target import check_target

        target = check_target(os.fspath(path))  # before the work
        write_file(target, *encode(self))

    def _saved_attributes(self):
        """Return what a file keeps of the attributes, by name."""
        return vars(self)

    # Of pickle and copy the state is the attributes as they are. Who asks for a state by itself,
    # as skops does, can do nothing with torch modules, and is told the bytes of a file.

    def __reduce_ex__(self, protocol):
        if _is_elsewhere(self):
            return super().__reduce_ex__(protocol)
        return copyreg.__newobj__, (type(self),), super().__getstate__()

    def __getstate__(self):
        if _is_elsewhere(self):
            return super().__getstate__()
        from skflow._persistence._encode import encode
        from skflow._persistence._file import file_bytes

        return {FILE: file_bytes(*encode(self))}

    def __setstate__(self, state):
        if FILE not in state:
            super().__setstate__(state)
            return
        from skflow._persistence._decode import decode
        from skflow._persistence._file import read_bytes
        from skflow.exceptions import ModelFileError

        document, arrays, _ = read_bytes(state[FILE])
        kept = decode(document, arrays)
        if type(kept) is not type(self):
            raise ModelFileError(f"it holds a {type(kept).__name__}, not a {type(self).__name__}.")
        vars(self).update(vars(kept))


class SavePartsMixin(SaveMixin):
    """``save`` of estimators that may hold others of any make, of which files know nothing."""

    def __getstate__(self):
        try:
            return super().__getstate__()
        except TypeError:
            # who asks, as skops does, may know what files do not, and is shown the parts
            return super(SaveMixin, self).__getstate__()


def _is_elsewhere(estimator):
    """Whether the class is a subclass that somebody else defined, which no file may hold."""
    return type(estimator).__module__.partition(".")[0] != PACKAGE


def load(path: FilePath, *, device: str | None = None) -> Any:
    """Read an estimator that its method ``save`` wrote; no code in the file is run.

    Fitted flows live on the CPU, wherever they were trained, so that a file from a machine with
    a GPU loads, scores and samples on one without.

    Parameters
    ----------
    path : str or path-like
        Of a file that ``save`` wrote.
    device : str, default=None
        Where later fits are to train: the parameter ``device`` of the estimator and of those in
        it is set to this. None leaves it as it was saved.

    Returns
    -------
    estimator : estimator
        Equal to the saved one: parameters, attributes, scores, draws for a ``random_state``.

    Raises
    ------
    ModelFileError
        If the file is damaged, cut short, changed, of a version that this skflow cannot read, or
        not written by ``save``; if it is no regular file. It is a ValueError. The checksum tells
        accidents; nobody's intent: numbers in a file from a stranger may be wrong, but they are
        only numbers, weights are finite, arrays have the shapes and dtypes that the file says they
        were saved with, and reading takes memory in proportion to the size of the file.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import tempfile, os, skflow
    >>> from sklearn.datasets import load_iris
    >>> density = skflow.MAFDensity(n_layers=1, max_epochs=3, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "iris.safetensors")
    ...     density.fit(load_iris().data).save(path)
    ...     again = skflow.load(path)
    >>> again.sample(2, random_state=0).shape
    (2, 4)
    """
    from skflow._escapes import escaped
    from skflow._persistence._decode import decode
    from skflow._persistence._file import read_file
    from skflow.exceptions import ModelFileError

    if device is not None:
        from skflow._validation import resolve_device

        resolve_device(device)
    document, arrays, origin = read_file(os.fspath(path))
    try:
        return decode(document, arrays, device=device)
    except ModelFileError as error:
        told = f"{escaped(os.fspath(path))}, {origin}: {escaped(error)}"
        # without the cause, which a traceback would show as it is, escapes and all
        raise ModelFileError(told) from None
