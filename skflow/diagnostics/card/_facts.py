"""What a fitted estimator knows of itself, as words: of its data, its settings and its fit."""

from numbers import Real

import numpy as np

from skflow._escapes import escaped
from skflow.estimators import (
    FlowClassifier,
    FlowOutlierDetector,
    FlowRegressor,
    FlowSampler,
    FlowVariationalApproximator,
    SimulationPosterior,
    TableDensity,
)

__all__ = [
    "chosen_of",
    "columns_named",
    "course_of",
    "data_of",
    "n_context_of",
    "n_rows_of",
    "names_of_columns",
    "purpose_of",
    "record_of",
    "settings_of",
]

SETTINGS = str | Real | tuple | list  # what "auto" comes to, where that is no fitted part
MOST_NAMES, MOST_CHARACTERS = 40, 300
PURPOSES = [
    (FlowRegressor, "A density of y given {n} columns: its mean, quantiles, intervals and draws."),
    (FlowClassifier, "Probabilities of classes, by the densities of {n} columns in each of them."),
    (FlowOutlierDetector, "How unlike the rows of the fit a row of {n} columns is."),
    (SimulationPosterior, "The posterior of {n} parameters of a simulator, for any observation."),
    (
        (FlowSampler, FlowVariationalApproximator),
        "Draws of {n} parameters whose log density is known up to a constant.",
    ),
    (TableDensity, "The density of a data frame of {n} columns, and of any of them given others."),
    (object, "The density of rows of {n} columns{given}: scores and draws."),
]


def purpose_of(estimator):
    """Say in a sentence what an estimator is a model of."""
    text = next(text for kind, text in PURPOSES if isinstance(estimator, kind))
    given = f", given {n_context_of(estimator)} others" if n_context_of(estimator) else ""
    return text.format(n=estimator.n_features_in_, given=given)


def record_of(estimator):
    """Return what the last fit left; files of earlier versions have nothing."""
    return vars(estimator).get("_fit_record_", {})


def n_rows_of(estimator):
    """Return how many rows the fit saw, None where that is not known."""
    return vars(estimator).get("n_rows_seen_") or record_of(estimator).get("n_rows")


def n_context_of(estimator):
    """Return how many columns a density is given."""
    # where a density is always of y, or of parameters, given something, that says nothing
    of_others = FlowRegressor | SimulationPosterior
    return 0 if isinstance(estimator, of_others) else getattr(estimator, "n_context_", 0)


def names_of_columns(estimator):
    """Return the names of columns as text, None where they have none."""
    held = vars(estimator)
    names = held.get("feature_names_in_")
    names = held.get("feature_names_") if names is None else names
    return None if names is None else [escaped(name, MOST_CHARACTERS) for name in names]


def columns_named(estimator, which):
    """Name some columns, by their numbers."""
    names = names_of_columns(estimator)
    told = [f"column {j}" if names is None else names[j] for j in which]
    return _listed(told)


def data_of(estimator):
    """Return what is known of the table of the fit."""
    facts, names = {}, names_of_columns(estimator)
    if n_rows_of(estimator) is not None:
        facts["rows"] = f"{n_rows_of(estimator):,}"
    if "kinds_" in vars(estimator):
        names = [f"{escaped(name)} ({kind})" for name, kind in estimator.kinds_.items()]
    told = "without names" if names is None else _listed(names)
    facts["columns"] = f"{estimator.n_features_in_}: {told}"
    if n_context_of(estimator):
        facts["context"] = f"{n_context_of(estimator)} columns"
    if "classes_" in vars(estimator):
        facts["classes"] = _listed([escaped(name) for name in estimator.classes_.tolist()])
    return facts


def settings_of(estimator):
    """Return the parameters that are not at their defaults."""
    given = estimator.get_params(deep=False)
    defaults = type(estimator)().get_params(deep=False)
    changed = {name: v for name, v in given.items() if not _same(v, defaults[name])}
    return {name: _shown(value) for name, value in changed.items()}


def chosen_of(estimator):
    """Return what "auto" came to, and the shares of what was mixed."""
    held, values = vars(estimator), {}
    for name, given in estimator.get_params(deep=False).items():
        found = held.get(f"{name}_")
        if isinstance(given, str) and given == "auto" and isinstance(found, SETTINGS):
            values[name] = _shown(found)
    if "named_estimators_" in held:
        shares = zip(held["named_estimators_"], held["weights_"], strict=True)
        values["weights"] = _listed([f"{name} {share:.2f}" for name, share in shares])
    density = held.get("density_")
    if density is not None:
        values |= {f"{name} of the density": said for name, said in chosen_of(density).items()}
    return values


def course_of(estimator):
    """Return how the fit went."""
    held, facts = vars(estimator), {}
    if "seconds" in record_of(estimator):
        seconds = record_of(estimator)["seconds"]
        facts["seconds"] = f"{seconds:.2f}" if seconds < 100 else f"{seconds:,.0f}"
    if "n_iter_" in held:
        facts["passes"] = f"{held['n_iter_']}"
    if held.get("stopped_by_"):
        ended = held["stopped_by_"]
        facts["ended by"] = ended if isinstance(ended, str) else _listed(sorted(set(ended)))
    return facts


def _listed(names):
    more = len(names) - MOST_NAMES
    text = ", ".join(names[:MOST_NAMES])
    return f"{text} and {more} more" if more > 0 else text


def _shown(value):
    if isinstance(value, Real) and not isinstance(value, bool | int):
        return f"{float(value):.4g}"
    return escaped(" ".join(str(value).split()), MOST_CHARACTERS)


def _same(value, default):
    if value is default:
        return True
    if isinstance(value, np.ndarray) or isinstance(default, np.ndarray):
        return False
    return type(value) is type(default) and value == default
