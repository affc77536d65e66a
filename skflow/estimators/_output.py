"""Draws and rows in the container that ``set_output`` of scikit-learn asks for."""

from typing import Any, Literal, Self

from sklearn.utils._set_output import ADAPTERS_MANAGER, _get_output_config

__all__ = ["SetsOutput", "container_asked", "framed"]


class SetsOutput:
    """``set_output`` for estimators that draw and have no ``transform``, as others inherit it."""

    _sklearn_output_config: dict[str, str]  # where scikit-learn looks, and its ``clone``

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Choose the container of draws.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, optional
            As for transformers of scikit-learn; "default" are arrays, None changes nothing. If it
            was never set, ``sklearn.set_config(transform_output=...)`` decides.

        Returns
        -------
        self
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self


def container_asked(estimator: Any) -> str:
    """Name of the container for rows of an estimator: "default" if arrays will do."""
    return _get_output_config("transform", estimator)["dense"]


def framed(estimator, rows, like=None):
    """Rows (n, n_features) as a frame with the names of the fit's columns, if one is asked for.

    Parameters
    ----------
    estimator : estimator
        Fitted. Without names its columns are called x0, x1, ..., as scikit-learn calls them.
    rows : ndarray
        Those of several distributions, of three dimensions, stay an array.
    like : object, optional
        What the rows are answers to: if it has an index of pandas they get it.
    """
    container = container_asked(estimator)
    if container == "default" or rows.ndim != 2:
        return rows
    adapter = ADAPTERS_MANAGER.adapters[container]
    return adapter.create_container(rows, like, columns=_names(estimator, rows.shape[1]))


def _names(estimator, n_features):
    for attribute in ("feature_names_in_", "feature_names_"):
        names = getattr(estimator, attribute, None)
        if names is not None:
            return [str(name) for name in names]
    return [f"x{j}" for j in range(n_features)]
