"""What displays ask of a fitted estimator and of the table that the user passed."""

from numbers import Integral

from sklearn.utils.validation import check_is_fitted

from skflow._validation import check_data

__all__ = ["chosen_columns", "like", "require", "rows_and_names"]


def rows_and_names(estimator, X):
    """Return the rows of X (n, d) as float64 and the names of the columns; fitted is checked."""
    check_is_fitted(estimator)
    rows = check_data(estimator, X, reset=False)
    names = getattr(X, "columns", getattr(estimator, "feature_names_in_", None))
    if names is None:
        names = [f"column {j}" for j in range(rows.shape[1])]
    return rows, [str(name) for name in names]


def like(X, rows):
    """Return rows (n, d) as a table of the kind of X, with its column names if it has them."""
    if not hasattr(X, "columns"):
        return rows
    return type(X)(dict(zip(X.columns, rows.T, strict=True)))


def chosen_columns(columns, names):
    """Return the numbers of columns that are given by name or by number."""
    chosen = [columns] if isinstance(columns, str | Integral) else list(columns)
    numbers = []
    for column in chosen:
        if isinstance(column, str) and column in names:
            numbers.append(names.index(column))
        elif isinstance(column, Integral) and -len(names) <= column < len(names):
            numbers.append(int(column) % len(names))
        else:
            raise ValueError(
                f"columns holds {column!r}; expected names among {names} or numbers from 0 to "
                f"{len(names) - 1}."
            )
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(
            f"columns must name one column or several different ones, got {columns!r}."
        )
    return numbers


def require(estimator, method, what, remedy):
    """Raise a TypeError unless the estimator has a method."""
    if not hasattr(estimator, method):
        name = type(estimator).__name__
        raise TypeError(f"{what} needs an estimator with `{method}`; {name} has none. {remedy}")
