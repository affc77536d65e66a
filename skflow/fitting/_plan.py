"""All that is settled before training starts, and whether a warm start can go on with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skflow._persistence import stored

__all__ = ["Plan", "going_on", "shaping_parameters"]

VISIBLE = (
    "n_layers",
    "n_scales",
    "hidden_features",
    "n_bins",
    "n_directions",
    "trace",
    "preprocessing",
    "base",
    "order",
    "n_members",
    "max_epochs",
    "batch_size",
    "learning_rate",
    "dropout",
    "input_noise",
    "validation_fraction",
    "n_iter_no_change",
)
# parameters that say how to train and not what; all others shape the flow
OF_TRAINING = {
    "batch_size",
    "checkpoint",
    "device",
    "input_noise",
    "learning_rate",
    "max_epochs",
    "max_seconds",
    "n_iter_no_change",
    "n_jobs",
    "random_state",
    "validation_fraction",
    "verbose",
    "warm_start",
    "weight_decay",
}


@stored
@dataclass(frozen=True)
class Plan:
    """Every "auto" resolved, and what the flow is to be a density of.

    Fitted estimators show the settings as ``<name>_``; None is a setting that a flow has not.

    Attributes
    ----------
    n_features, n_context : int
        Columns of the table and of the context.
    n_threads : int or None
        Of torch; None leaves it as it is.
    n_folds : int
        In which the rows are dealt out; 0 holds nothing out.
    parameters : dict
        What the estimator was given of the parameters that shape a flow.
    symmetry : Symmetry or None
        Of rows of particles.
    """

    n_features: int
    n_context: int
    n_threads: int | None
    parameters: dict
    n_layers: int
    n_scales: int | None
    hidden_features: tuple | None
    n_bins: int | None
    n_directions: int | None
    trace: str | None
    preprocessing: str
    base: str | tuple
    order: tuple | None
    n_members: int
    n_folds: int
    max_epochs: int
    batch_size: int
    learning_rate: float
    dropout: float | None
    input_noise: float
    validation_fraction: float
    n_iter_no_change: int | None
    symmetry: Any = None  # which older files do not know

    def shown(self):
        """Return the settings that users may want to see, by the attribute that shows them."""
        values = vars(self)
        return {f"{name}_": values[name] for name in VISIBLE if values[name] is not None}


def shaping_parameters(estimator):
    """Parameters of an estimator that shape its flow, as plain data that compare by value."""
    given = estimator.get_params(deep=False)
    return {name: _plain(value) for name, value in given.items() if name not in OF_TRAINING}


def _plain(value):
    if isinstance(value, Mapping):
        return tuple((_plain(key), _plain(item)) for key, item in value.items())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(_plain(item) for item in value)
    return value


def going_on(estimator, last, observation):
    """Values of the last fit that a warm start keeps, by parameter, where it shows them.

    A file of format 1 tells what its fit showed and not what it was given: what it does not tell
    counts as unchanged.

    Parameters
    ----------
    estimator : BaseFlowDensity
        With the parameters and the names of columns of the new fit.
    last : dict
        Attributes of the last fit.
    observation : Observation
        Of the new table.

    Raises
    ------
    ValueError
        If a parameter has changed that the flow of the last fit cannot follow, or the table has
        other columns.
    """
    _check_columns(estimator, last, observation.n_features)
    now = shaping_parameters(estimator)
    before = last["plan_"].parameters if "plan_" in last else now
    shown = {name: _plain(last.get(f"{name}_")) for name in VISIBLE}
    kept = {name: value for name, value in shown.items() if name in now and value is not None}
    changed = []
    for name, value in now.items():
        was = before.get(name, value)
        # bounds are compared as bounds, however they were written
        if name != "support" and value not in ("auto", was, kept.get(name, was)):
            changed.append(f"{name} was {kept.get(name, was)!r} and is {value!r}")
    ends = zip(last["observation_"].bounds[:2], observation.bounds[:2], strict=True)
    if not all(np.array_equal(*pair) for pair in ends):
        changed.append("support has other bounds")
    if changed:
        raise ValueError(
            "warm_start=True goes on with the flow of the last fit, and parameters that shape it "
            f"have changed: {'; '.join(changed)}. To go on, put them back; else fit anew with "
            "warm_start=False."
        )
    return kept


def _check_columns(estimator, last, n_features):
    fitted = last["observation_"].n_features
    names, now = (
        None if given is None else list(given)
        for given in (last.get("feature_names_in_"), getattr(estimator, "feature_names_in_", None))
    )
    if n_features == fitted and (names is None or now is None or names == now):
        return
    was, has = (fitted, n_features) if n_features != fitted else (names, now)
    raise ValueError(
        f"X has columns {has}, and the flow that warm_start=True goes on with was fitted to "
        f"{was}: pass the same columns in the same order, or fit anew with warm_start=False."
    )
