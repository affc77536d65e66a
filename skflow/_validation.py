"""The border between users' data and the core: what was expected, what came, how to fix it.

Only numpy and scikit-learn are imported here; torch is imported inside the two functions that
return its objects. Declared bounds (``support``) live in :mod:`skflow.tables._bounds`.
"""

import re
from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import check_array, validate_data

__all__ = [
    "check_data",
    "check_finite",
    "check_latents",
    "check_n_samples",
    "check_rows",
    "check_sample_weight",
    "column_label",
    "is_real",
    "resolve_device",
    "resolve_dtype",
]

BLOCK = 65_536  # rows looked at together


def column_label(index, feature_names=None):
    """How messages name a column: ``column 3`` or ``column 3 ('age')``."""
    return f"column {index}" + (
        "" if feature_names is None else f" ({str(feature_names[index])!r})"
    )


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
    try:
        checked = validate_data(
            estimator, X, reset=reset, dtype=np.float64, ensure_all_finite=False
        )
    except (TypeError, ValueError) as error:
        if re.search("could not convert|bytes/strings|not 'complex'", str(error)):
            raise ValueError(_explain_cell(X) or str(error)) from error
        raise
    check_finite(checked, getattr(estimator, "feature_names_in_", None))
    return checked


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
    latents = check_array(np.asarray(Z), dtype=np.float64, input_name="Z")
    if latents.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"Z has {latents.shape[1]} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input: a latent for each column of X."
        )
    return latents


def _explain_cell(X):
    """Name the first cell that is not a number; None if every cell can be read as one."""
    names = [str(name) for name in X.columns] if hasattr(X, "columns") else None
    cells = np.asarray(X, dtype=object)
    if cells.ndim != 2:
        return None
    for j, column in enumerate(cells.T):
        for i, value in enumerate(column):
            try:
                float(value)
            except ValueError:
                return (
                    f"Expected numbers in X; {column_label(j, names)} holds {value!r} in row {i} "
                    "(could not convert string to float). Encode the column as numbers (for "
                    "example with sklearn.preprocessing.OrdinalEncoder) or drop it."
                )
            except TypeError:
                if np.iscomplexobj(value):
                    return (
                        f"Complex data not supported: {column_label(j, names)} holds {value!r} "
                        f"in row {i}. Pass real and imaginary parts as columns of their own."
                    )
    return None


def check_finite(X, feature_names=None):
    """Raise a ValueError that names every column with NaN or infinite values (five at most)."""
    # in blocks, since a mask of all entries would be an eighth of a table that may be huge
    if all(np.isfinite(X[i : i + BLOCK]).all() for i in range(0, len(X), BLOCK)):
        return
    found, kinds = [], set()
    for j in np.flatnonzero(~np.isfinite(X).all(axis=0)):
        for kind, bad in (("NaN", np.isnan(X[:, j])), ("infinite (inf)", np.isinf(X[:, j]))):
            count = int(bad.sum())
            if count:
                kinds.add("NaN" if kind == "NaN" else "infinity")
                plural = "value" if count == 1 else "values, the first"
                where = f"{count} {kind} {plural} in row {int(bad.argmax())}"
                found.append(f"{column_label(j, feature_names)} has {where}")
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


def check_sample_weight(sample_weight, X):
    """Weights as a float64 array of shape (n_samples,), or None when there are none.

    A single positive number stands for equal weights. The array is a copy.
    """
    if sample_weight is None:
        return None
    n_samples = len(X)
    try:
        weight = np.array(sample_weight)
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
                f"sample_weight must be {what}: {weight[row]!s} in row {row} "
                f"({int(bad.sum())} such weights). To leave a row out, give it weight 0."
            )
    if not weight.any():
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
