"""Tables and arrays of other libraries: read here as numpy and scikit-learn read them.

Libraries are known by what their objects have, so as to import none of them.
"""

import sys

import numpy as np
import sklearn
from sklearn.utils import _safe_indexing

from skflow._input import names_of, refuse_lazy

__all__ = [
    "as_table",
    "follows",
    "has_float64",
    "in_kind",
    "is_tensor",
    "on_host",
    "rows_at",
    "with_names",
]

# scikit-learn before 1.9 looks for names in the interchange protocol, which polars 2 has not
BY_PROTOCOL = tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9)


def as_table(X, name="X"):
    """Return a table in memory that scikit-learn knows, with the names that it has.

    Parameters
    ----------
    X : object
        Lazy frames are refused; of narwhals' frames it is the frame within, of a record batch of
        pyarrow a table, of an array of another library than numpy a copy on the host. All else
        stays as it is.
    name : str
        How messages name X.
    """
    refuse_lazy(X, name)
    # by their classes, since a frame of pandas has its columns as attributes
    if hasattr(type(X), "to_native"):  # of narwhals
        X = X.to_native()
    if hasattr(type(X), "column_names") and not hasattr(type(X), "combine_chunks"):
        return sys.modules["pyarrow"].Table.from_batches([X])  # of a record batch
    return on_host(X)


def on_host(X):
    """Return an array of another library as one of numpy; all else as it is.

    Torch tensors are cut from their graph of gradients, and read from any device and dtype.
    """
    if is_tensor(X):
        X = X.detach().cpu()
        floating = X.is_floating_point() and X.element_size() < 4  # numpy has no bfloat16
        return (X.float() if floating else X).numpy()
    if not _is_foreign(X):
        return X
    if hasattr(X, "get"):  # of CuPy
        return X.get()
    return np.asarray(X.to_device(_facts(X).default_device()))


def rows_at(X, rows):
    """Return the rows (m,) of a table or column of any make, which are numbers or a mask."""
    if hasattr(X, "column_names") and hasattr(X, "take"):  # which scikit-learn 1.6 cannot index
        return X.take(np.arange(len(X))[rows])
    return _safe_indexing(X, rows)


def is_tensor(X):
    """Whether X is a torch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(X, torch.Tensor)


def follows(X):
    """Whether answers to X are to be arrays of its library, where that is not numpy.

    So it is where scikit-learn's ``array_api_dispatch`` is on.
    """
    return sklearn.get_config()["array_api_dispatch"] and (is_tensor(X) or _is_foreign(X))


def has_float64(X):
    """Whether the device of an array of another library has numbers of float64."""
    if is_tensor(X):
        return X.device.type != "mps"
    return "float64" in _facts(X).dtypes(device=X.device, kind="real floating")


def in_kind(X, answers):
    """Return answers (n, ...) as an array of the library of X, on its device, if X is followed.

    Numbers of float64 are float32 on devices that have none; labels that are no numbers stay an
    array of numpy.
    """
    if is_tensor(answers) or not follows(X) or answers.dtype.kind not in "biuf":
        return answers
    if answers.dtype == np.float64 and not has_float64(X):
        answers = answers.astype(np.float32)
    if is_tensor(X):
        return sys.modules["torch"].from_numpy(answers).to(X.device)
    return X.__array_namespace__().asarray(answers, device=X.device)


def with_names(X):
    """Return a frame, or rows of it in which any version of scikit-learn finds its names."""
    if BY_PROTOCOL and hasattr(X, "columns") and not hasattr(X, "iloc"):
        rows = np.asarray(X).view(_NamedRows)
        rows.names = names_of(X)
        return rows
    return X


class _NamedRows(np.ndarray):
    """Rows with names, told as the interchange protocol of data frames tells them."""

    def __dataframe__(self):
        return self

    def column_names(self):
        return self.names


def _is_foreign(X):
    return hasattr(X, "__array_namespace__") and not isinstance(X, np.ndarray | np.generic)


def _facts(X):
    return X.__array_namespace__().__array_namespace_info__()
