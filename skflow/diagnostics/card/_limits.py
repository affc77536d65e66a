"""What an estimator does not promise: sentences, each of which a fact of the fit calls for."""

import numpy as np
from sklearn.neighbors import KernelDensity

from skflow.diagnostics.card._facts import (
    columns_named,
    n_context_of,
    n_rows_of,
)
from skflow.estimators import (
    FlowClassifier,
    FlowOutlierDetector,
    FlowRegressor,
    KernelFlowDensity,
    SimulationPosterior,
    TableDensity,
)

__all__ = ["limits_of"]

FEW = 100  # rows
ENDS = {
    "max_epochs": "Training ended with its last pass, not by held-out rows: more may be better.",
    "max_seconds": "The fit ran out of time (max_seconds): a longer one may be better.",
    "interrupt": "The fit was interrupted before it was done.",
    "callback": "A callback ended the fit before it was done.",
    "diverged": "No training step was finite: this is the start of the fit, untrained.",
}
OF_KINDS: dict[type, str] = {
    FlowRegressor: (
        "Intervals hold their share of y on average over rows like those of the fit, not for "
        "each x; beyond the X of the fit they are extrapolated."
    ),
    FlowClassifier: (
        "Probabilities are of the classes of the fit with the priors_ of the fit; "
        "novelty_p_values tells rows of none of them."
    ),
    FlowOutlierDetector: (
        "p-values hold for rows drawn as those of the fit were; a row that is odd in a way that "
        "leaves it likely is not found."
    ),
    SimulationPosterior: (
        "It is the posterior of the simulator and the prior as they are, for observations like "
        "those that were simulated."
    ),
    TableDensity: (
        "Conditionals in different orders of the columns need not agree exactly "
        "(diagnostics.order_agreement measures it)."
    ),
}


def limits_of(estimator):
    """Return what holds of an estimator, the gravest first."""
    said = [rule(estimator) for rule in RULES]
    return [sentence for sentence in said if sentence]


def _end(estimator):
    if "verdict_" in vars(estimator):  # which judges the end, whatever it was
        return ""
    ended = vars(estimator).get("stopped_by_")
    words = [ended] if isinstance(ended, str) else ended or []
    return " ".join(ENDS[word] for word in ENDS if word in words)


def _verdict(estimator):
    verdict = vars(estimator).get("verdict_", "good")
    if verdict == "good":
        return ""
    reasons = "; ".join(str(reason) for reason in estimator.verdict_reasons_)
    return f"The fit calls itself {verdict!r}: {reasons}."


def _few_rows(estimator):
    n = n_rows_of(estimator)
    if n is None or n > FEW:
        return ""
    return f"It learnt from {n} rows: of so few the errors of the scores are large."


def _nothing_held_out(estimator):
    held_out = vars(estimator).get("held_out_scores_")
    if not isinstance(held_out, np.ndarray) or not np.isnan(held_out).all():
        return ""
    return "No row was held out in the fit: how it does on new rows is not known from it."


def _bounds(estimator):
    bounds = vars(estimator).get("support_bounds_")
    if bounds is None:
        return ""
    open_ended = np.flatnonzero(~(np.isfinite(bounds[0]) & np.isfinite(bounds[1])))
    if not len(open_ended):
        return ""
    learnt = n_rows_of(estimator) is not None
    return (
        "No bounds were declared on at least one side of "
        f"{columns_named(estimator, open_ended)}: draws may lie where no value can (support "
        "declares bounds)"
        + (", and far from the rows of the fit scores are a guess." * learnt or ".")
    )


def _repeats(estimator):
    repeated = vars(estimator).get("dequantized_features_")
    if not repeated:
        return ""
    named = columns_named(estimator, sorted(repeated))
    return (
        f"Values repeat in {named}: they were spread over the gaps, and scores are densities of "
        "spread values, not probabilities; draws are on the grid with on_grid=True."
    )


def _levels(estimator):
    if vars(estimator).get("levels") is None:
        return ""
    return "Scores are estimates, on average lower bounds, of log probabilities of integers."


def _tails(estimator):
    index = vars(estimator).get("tail_index_")
    heavy = [] if index is None else np.flatnonzero(np.asarray(index) <= 2)
    if not len(heavy):
        return ""
    return (
        f"Tails of {columns_named(estimator, heavy)} fall so slowly that variances are infinite: "
        "means of draws do not settle."
    )


def _context(estimator):
    if not n_context_of(estimator):
        return ""
    return (
        "It says nothing of how likely a context is, and for one unlike those of the fit it is "
        "extrapolated."
    )


def _rows_inside(estimator):
    if not _holds_rows(estimator):
        return ""
    return (
        "Rows of the fit are part of the model: whoever has the file has them, and draws lie "
        "near them."
    )


def _holds_rows(estimator):
    """Whether an estimator keeps rows that it learnt from, in itself or in what it mixes."""
    if isinstance(estimator, KernelFlowDensity | KernelDensity | TableDensity):
        return True
    held = vars(estimator)
    mixed = zip(held.get("estimators_", ()), held.get("weights_", ()), strict=False)
    inner = [part for part, weight in mixed if weight > 0]
    inner += [held[name] for name in ("density_", "posterior_", "likelihood_") if name in held]
    return "_simulations" in held or any(_holds_rows(part) for part in inner if part is not None)


def _of_kind(estimator):
    return OF_KINDS.get(type(estimator), "")


RULES = (
    *(_verdict, _end, _nothing_held_out, _few_rows, _bounds, _repeats, _levels, _tails),
    *(_context, _of_kind, _rows_inside),
)
