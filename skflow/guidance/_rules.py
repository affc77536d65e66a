"""For each task: which estimator, why, what it costs, and what else there is."""

from skflow.estimators import (
    FlowClassifier,
    FlowOutlierDetector,
    FlowRegressor,
    FlowSampler,
    FlowVariationalApproximator,
    KernelFlowDensity,
    MixtureFlowDensity,
    NSFDensity,
    SimulationPosterior,
    StackedDensity,
    TableDensity,
)
from skflow.estimators.stack._candidates import MAX_ROWS_KERNELS
from skflow.guidance._costs import cost_of

__all__ = ["RULES", "posterior_of_function"]

FEW = 60  # rows, up to which a flow adds little
WIDE = 300  # columns, from which draws of autoregressive flows take long
MANY = 1_000_000  # rows that stand for a source that has not been counted
NOT_NUMBERS = "flows of rows of numbers take no categories, times or holes"


def density(look):
    """Say which density: of all columns."""
    if not look.is_numeric:
        return table_of_any_kind(look, NOT_NUMBERS)
    n = look.n_rows
    if n is not None and n <= FEW:
        reasons = (f"of {n} rows a flow learns little more than a mixture does",)
        others = ((KernelFlowDensity(), "where rows lie on curves or in thin sheets"),)
        return MixtureFlowDensity(), reasons, _cost("MixtureFlowDensity", look), others
    table = (TableDensity(), "for any column given any others")
    if n is None or n > MAX_ROWS_KERNELS:
        reasons = (f"of more than {MAX_ROWS_KERNELS:,} rows a stack holds this flow alone",)
        others = (MixtureFlowDensity(), "for a quick answer"), table
        return NSFDensity(), reasons, _cost("NSFDensity", look), others
    reasons = [
        "it mixes flows, kernels and mixtures by held-out rows, and was not behind tuned kernels "
        "and mixtures on any of 29 tables"
    ]
    if look.repeats:
        reasons.append(
            f"all of them spread repeated values, here in {look.repeats} of the columns"
        )
    flow = NSFDensity(structure="coupling") if look.n_columns > WIDE else NSFDensity()
    others = (flow, "for one model, with latents"), (MixtureFlowDensity(), "for a quick answer")
    return StackedDensity(), tuple(reasons), _cost("StackedDensity", look), (*others, table)


def table_of_any_kind(look, *reasons):
    """Say that it is a TableDensity."""
    holes = "holes need no imputation before" if look.has_holes else ""
    answers = "it answers any column given any others, and draws frames of the same dtypes"
    told = tuple(reason for reason in (*reasons, holes, answers) if reason)
    others = ()
    if look.is_numeric:
        others = ((StackedDensity(), "for the likeliest rows of numbers, without frames"),)
    return TableDensity(), told, _cost("TableDensity", look), others


def outliers(look):
    """Say which detector."""
    if not look.is_numeric:
        estimator, reasons, cost, _ = table_of_any_kind(look, NOT_NUMBERS)
        reasons += ("its explain(X) says which cells are odd, score_samples which rows",)
        return estimator, reasons, cost, ()
    reasons = (
        "thresholds and p-values come from rows that the models have not seen",
        "explain(X) says which columns make a row odd",
    )
    others = ((TableDensity(), "for single odd cells rather than rows"),)
    return FlowOutlierDetector(), reasons, _cost("FlowOutlierDetector", look), others


def regression(look):
    """Say which regressor."""
    reasons = ["intervals, quantiles and several modes, not a mean alone"]
    if not look.is_numeric:
        reasons.append("X may hold categories, times and holes")
    others = ((NSFDensity(), "with fit(y, context=X), for y of many columns"),)
    return FlowRegressor(), tuple(reasons), _cost("FlowRegressor", look, look.n_numbers), others


def classification(look):
    """Say which classifier."""
    if not look.is_numeric:
        estimator, reasons, cost, _ = table_of_any_kind(look, NOT_NUMBERS)
        reasons += ("with the class as a column, predict_proba(X, column) is the classifier",)
        return estimator, reasons, cost, ()
    reasons = (
        "Bayes' rule over densities of the classes, weighed by held-out rows",
        "novelty_p_values(X) tells rows of none of the classes",
    )
    return FlowClassifier(), reasons, _cost("FlowClassifier", look), ()


def synthesis(look):
    """Say what to draw tables from."""
    return table_of_any_kind(look)


def posterior(look):
    """Say what to learn from simulations."""
    reasons = (
        "X are taken for parameters, drawn from the prior: fit(X, x) with what was simulated",
    )
    others = (
        (FlowVariationalApproximator(), "where there is a log density, in torch"),
        (FlowSampler(), "where there is one without gradients, or with modes far apart"),
    )
    return SimulationPosterior(), reasons, _cost("SimulationPosterior", look), others


def posterior_of_function():
    """Say what to fit to a log density."""
    reasons = (
        "it needs no gradients, finds modes far apart, and gives the evidence",
        "set n_features, the number of parameters, before fit(log_density)",
    )
    others = (
        (
            FlowVariationalApproximator(),
            "for a torch function of tens of parameters, or given a context",
        ),
    )
    return FlowSampler(), reasons, None, others


def _cost(name, look, n_columns=None):
    """Cost of a table, which to some estimators has other columns than a user sees."""
    n_rows = MANY if look.n_rows is None else look.n_rows
    return cost_of(name, n_rows, look.n_columns if n_columns is None else n_columns)


RULES = {
    "density": density,
    "outliers": outliers,
    "regression": regression,
    "classification": classification,
    "synthesis": synthesis,
    "posterior": posterior,
}
