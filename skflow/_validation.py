"""The border between users' data and the core: what was expected, what came, how to fix it.

Only numpy and scikit-learn are imported here; torch is imported inside the two functions that
return its objects. Declared bounds (``support``) live in :mod:`skflow.tables._bounds`.
"""

import re
from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from skflow._containers import as_table, with_names
from skflow._escapes import escaped
from skflow._input import (
    column_label,
    names_of,
    refuse_masked,
    refuse_times,
    row_label,
    unmasked,
)

__all__ = [
    "check_data",
    "check_finite",
    "check_latents",
    "check_nameless",
    "check_n_samples",
    "check_rows",
    "check_sample_weight",
    "column_label",
    "is_real",
    "resolve_device",
    "resolve_dtype",
    "validated",
]

BLOCK = 65_536  # rows looked at together
MOST_CHARACTERS = 80  # of a cell in a message
NO_CELL = "float() argument must be a string or a real number"  # a TypeError, in scikit-learn
# what scikit-learn and numpy say of cells that are no numbers
NO_NUMBER = "could not convert|bytes/strings|not 'complex'|real number, not|promoted by"


def check_data(estimator, X, *, reset):
    """Rows as a finite float64 array, or an error that names the column at fault.

    Parameters
    ----------
    estimator : estimator
        Its ``n_features_in_`` and ``feature_names_in_`` are set (reset) or compared.
    X : array-like of shape (n_samples, n_features)
        What the user passed: an array, nested lists, a pandas or polars table.
    reset : bool
        True in fit, False in every later call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float64
        Possibly the user's own array: never write to it.
    """
    names = getattr(estimator, "feature_names_in_", None)
    if not reset and names is None and _is_as_fitted(estimator, X):
        check_finite(X)
        return X
    X = as_table(X)
    refuse_times(X)
    numbers, mask = unmasked(X, numbers=True)
    try:
        checked = validated(
            estimator, numbers, reset=reset, dtype=np.float64, ensure_all_finite=False
        )
    except (TypeError, ValueError) as error:
        if re.search(NO_NUMBER, str(error)):
            told = _explain_cell(numbers, X) or str(error)
            raise (TypeError if NO_CELL in told else ValueError)(told) from error
        raise
    check_finite(checked, getattr(estimator, "feature_names_in_", None), like=X, mask=mask)
    return checked


def validated(estimator, X, **options):
    """Do as ``validate_data`` of scikit-learn, but show names of columns without escapes."""
    try:
        return validate_data(estimator, with_names(X), **options)
    except (TypeError, ValueError) as error:
        told = escaped(error)
        if told == str(error):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(told) from None


def _is_as_fitted(estimator, X):
    """Whether scikit-learn would return X itself, after a search that takes long for one row."""
    return (
        type(X) is np.ndarray
        and X.dtype == np.float64
        and X.ndim == 2
        and len(X) > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
    )


def check_latents(estimator, Z):
    """Latents as a finite float64 array; the names of X's columns are not theirs."""
    return check_nameless(estimator, Z, "Z", "a latent for each column of X")


def check_nameless(estimator, rows, name, what):
    """Rows, an argument of some name with a column for what, as X was but for its names."""
    rows = as_table(rows, name)
    refuse_times(rows, name)
    rows = check_array(np.asarray(refuse_masked(rows, name)), dtype=np.float64, input_name=name)
    if rows.shape[1] != estimator.n_features_in_:
        wanted = f"{type(estimator).__name__} is expecting {escaped(estimator.n_features_in_)}"
        raise ValueError(
            f"{name} has {rows.shape[1]} features, but {wanted} features as input: {what}."
        )
    return rows


def _explain_cell(X, like=None):
    """Name the first cell that is not a number; None if every cell can be read as one."""
    names = names_of(X)
    cells = np.asarray(X, dtype=object)
    if cells.ndim != 2:
        return None

    def told(i, j, value):
        shown = escaped(repr(value), MOST_CHARACTERS)
        return f"{column_label(j, names)} holds {shown} in {row_label(i, like)}"

    for j, column in enumerate(cells.T):
        for i, value in enumerate(column):
            try:
                float(value)
            except ValueError:
                return (
                    f"Expected numbers in X; {told(i, j, value)} (could not convert string to "
                    "float). Encode the column as numbers, drop it, or take "
                    "skflow.TableDensity, which has a density for categories, dates and holes."
                )
            except TypeError:
                if np.iscomplexobj(value):
                    return (
                        f"Complex data not supported: {told(i, j, value)}. Pass real and "
                        "imaginary parts as columns of their own."
                    )
                if value is not None and str(value) != "<NA>":
                    return (
                        f"Expected numbers in X; {told(i, j, value)} ({NO_CELL}). Make numbers of "
                        "the column or drop it."
                    )
    return None


def check_finite(X, feature_names=None, *, like=None, mask=None, allow_nan=False):
    """Raise a ValueError that names every column with NaN or infinite values (five at most).

    ``like`` is the table that X was, whose index names rows; ``mask`` says which of the NaN are
    masked entries.
    """
    # in blocks, since a mask of all entries would be an eighth of a table that may be huge
    if all(np.isfinite(X[i : i + BLOCK]).all() for i in range(0, len(X), BLOCK)):
        return
    found, kinds = [], set()
    for j in np.flatnonzero(~np.isfinite(X).all(axis=0)):
        masked = np.zeros(len(X), dtype=bool) if mask is None else mask[:, j]
        no_number = np.isnan(X[:, j])
        for kind, what, bad in (
            ("NaN", "missing (masked)", no_number & masked),
            ("NaN", "NaN", no_number & ~masked),
            ("infinity", "infinite (inf)", np.isinf(X[:, j])),
        ):
            count = int(bad.sum())
            if count and not (allow_nan and kind == "NaN"):
                kinds.add(kind)
                plural = "value" if count == 1 else "values, the first"
                where = f"{count} {what} {plural} in {row_label(bad.argmax(), like)}"
                found.append(f"{column_label(j, feature_names)} has {where}")
    if not found:
        return
    more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
    raise ValueError(
        f"Input X contains {' and '.join(sorted(kinds))}: {'; '.join(found[:5])}{more}. A flow "
        "needs finite numbers: drop these rows, fill them in (skflow.FlowImputer), or take "
        "skflow.TableDensity, which has a density for rows with holes."
    )


def check_rows(X, minimum=2, sample_weight=None):
    """Raise a ValueError if fewer than ``minimum`` rows (of positive weight) are there to fit."""
    n_samples = len(X)
    counted = n_samples if sample_weight is None else int(np.count_nonzero(sample_weight))
    if counted >= minimum:
        return
    weighted = "" if sample_weight is None else " with a positive sample_weight"
    plural = "sample" if counted == 1 else "samples"
    raise ValueError(
        f"Found array with {counted} {plural}{weighted} (n_samples = {n_samples}, shape="
        f"{X.shape}); fitting a density needs at least {minimum}. Pass more rows."
    )


def check_sample_weight(sample_weight, X, *, some=True):
    """Weights as a float64 array of shape (n_samples,), or None when there are none.

    A single positive number stands for equal weights. The array is a copy. With ``some`` one of
    them at least must not be zero.
    """
    if sample_weight is None:
        return None
    n_samples = len(X)
    sample_weight = as_table(sample_weight, "sample_weight")
    refuse_times(sample_weight, "sample_weight")
    plain = refuse_masked(sample_weight, "sample_weight", "To leave a row out, give it weight 0.")
    try:
        weight = np.array(plain)
        if np.iscomplexobj(weight):
            raise TypeError("complex weights")
        weight = weight.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sample_weight must hold real numbers: {error}.") from error
    if weight.ndim == 0:
        weight = np.full(n_samples, float(weight))
    if weight.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have one number for each row of X: expected shape "
            f"({n_samples},), got {weight.shape}."
        )
    for bad, what in ((~np.isfinite(weight), "finite"), (weight < 0, "zero or positive")):
        if bad.any():
            row = int(bad.argmax())
            raise ValueError(
                f"sample_weight must be {what}: {weight[row]!s} in "
                f"{row_label(row, sample_weight)} ({int(bad.sum())} such weights). To leave a row "
                "out, give it weight 0."
            )
    if some and not weight.any():
        raise ValueError(
            "sample_weight is zero in every row: at least one weight must be non-zero. "
            "Pass None for equal weights."
        )
    return weight


def check_n_samples(n_samples):
    """Return a number of rows to draw as an int; a ValueError if it is not one of at least 1."""
    if not isinstance(n_samples, Integral) or n_samples < 1:
        raise ValueError(f"n_samples must be an integer of at least 1, got {n_samples!r}.")
    return int(n_samples)


def resolve_device(device):
    """Find the torch.device that ``device`` names, checked to exist.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:<index>"} or torch.device
        "auto" is the first GPU if torch finds one, else the CPU.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    name = str(device)
    if name == "auto":
        return torch.device("cuda" if count else "cpu")
    found = re.fullmatch(r"cpu|cuda(?::(\d+))?", name)
    if not found:
        raise ValueError(
            f'device must be "auto", "cpu", "cuda" or "cuda:<index>", got {device!r}.'
        )
    if name != "cpu" and not count:
        raise ValueError(
            f"device={name!r} but no GPU was found by torch. Use device='cpu', or install a "
            "build of torch that supports this machine's GPU."
        )
    if found[1] and int(found[1]) >= count:
        raise ValueError(f"device={name!r} but torch finds {count} GPU(s), numbered from 0.")
    return torch.device(name)


def resolve_dtype(dtype):
    """Find the torch.dtype of "float32" or "float64" (or of the numpy or torch type so named)."""
    import torch

    known = {"float32": torch.float32, "float64": torch.float64}
    if dtype in known.values():
        return dtype
    try:
        return known[str(np.dtype(dtype))]
    except (KeyError, TypeError):
        raise ValueError(f'dtype must be "float32" or "float64", got {dtype!r}.') from None


def is_real(value):
    """Whether ``value`` is a real number (booleans are not)."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)
