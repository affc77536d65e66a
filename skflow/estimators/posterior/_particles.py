"""What an approximation of particles asks of its settings."""

import numpy as np

__all__ = ["n_features_of", "particle_rows", "symmetry_of"]


def n_features_of(estimator):
    """Return the number of columns, which a symmetry tells too.

    Raises
    ------
    ValueError
        If nothing tells it, or both do and differ.
    """
    if estimator.symmetry is None:
        if estimator.n_features is None:
            raise ValueError(
                "n_features, the number of parameters of log_density, must be set before fit: "
                "FlowVariationalApproximator(n_features=...) or set_params(n_features=...)."
            )
        return estimator.n_features
    symmetry = _read(estimator)
    if estimator.n_features is not None:
        symmetry.check_columns(estimator.n_features, what="n_features")
    return symmetry.n_features


def symmetry_of(estimator, context=None, rows=None):
    """Return the Symmetry of an approximation of particles, None of another.

    Raises
    ------
    ValueError
        If it does not go with the flow or another setting.
    """
    particles = estimator.symmetry is not None
    if (
        particles != (estimator.flow == "equivariant")
        and estimator.flow != "auto"
        or (rows is not None and not particles)
    ):
        raise ValueError(
            'flow="equivariant" and rows go with symmetry={"particles": n, "dim": k}, and no '
            f"other flow does; got flow={estimator.flow!r} with symmetry={estimator.symmetry!r}"
            f"{'' if rows is None else ' and rows'}."
        )
    if not particles:
        return None
    given = {"support": estimator.support, "context": context}
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"{name} would break symmetry={estimator.symmetry!r}: leave it out.")
    if estimator.n_layers not in ("auto", 1):
        raise ValueError(
            f'an equivariant flow has one layer: leave n_layers at "auto", got '
            f"{estimator.n_layers!r}."
        )
    return _read(estimator)


def particle_rows(estimator, rows):
    """Check rows of particles, float64; None if there are none."""
    if rows is None:
        return None
    from sklearn.utils import check_array

    rows = check_array(rows, dtype=np.float64, ensure_min_samples=2, input_name="rows")
    _read(estimator).check_columns(rows.shape[1], what="rows")
    return rows


def _read(estimator):
    from skflow.training import Symmetry

    return Symmetry.read(estimator.symmetry)
