"""One door: which estimator for this table and this task."""

from dataclasses import dataclass
from typing import Any, Literal

from skflow._types import Function, Rows
from skflow.guidance._costs import Cost
from skflow.guidance._look import look_at
from skflow.guidance._rules import RULES, posterior_of_function

__all__ = ["Recommendation", "recommend"]

Task = Literal["density", "outliers", "regression", "classification", "synthesis", "posterior"]


@dataclass(frozen=True)
class Recommendation:
    """What :func:`recommend` says; print it.

    Attributes
    ----------
    estimator : estimator
        Not fitted; change its parameters as you like.
    reasons : tuple of str
        Why this one.
    cost : Cost or None
        ``seconds`` of one core and ``mebibytes`` of memory of its fit, by curves that were
        measured, right within a factor of three or so; None where they are not the table's.
    alternatives : tuple of (estimator, str)
        Others, and when to take them.
    table : str
        What was seen of the table.
    doubts : tuple of str
        What of it is probably not meant, such as dates that are text.
    """

    estimator: Any
    reasons: tuple
    cost: Cost | None
    alternatives: tuple = ()
    table: str = ""
    doubts: tuple = ()

    def __str__(self):
        lines = [f"{self.estimator}: {self.table}" if self.table else f"{self.estimator}"]
        lines += [f"  because {reason}" for reason in self.reasons]
        if self.cost is not None:
            lines.append(f"  the fit takes {self.cost}")
        lines += [f"  or {estimator}: {when}" for estimator, when in self.alternatives]
        lines += [f"  mind: {doubt}" for doubt in self.doubts]
        return "\n".join(lines)

    def __repr__(self):
        return str(self)


def recommend(X: Rows | Function, *, task: Task = "density") -> Recommendation:
    """Say which estimator suits a table and a task, what it will cost, and why.

    It looks at the size of the table and at the kinds of its columns, and fits nothing: the rules
    are those of the page on choosing, the costs are measured curves.

    Parameters
    ----------
    X : array-like or data frame of shape (n_samples, n_features), or what holds its rows
        As estimators take them: arrays, frames of pandas, polars or pyarrow, and sources of rows
        that do not fit in memory. For "posterior" the parameters of simulations (n_simulations,
        n_parameters), or a function: the log density.
    task : {"density", "outliers", "regression", "classification", "synthesis", "posterior"}
        What for: how likely rows are; which are odd; y given the columns of X; its class; rows
        like these; parameters given what was observed.

    Returns
    -------
    recommendation : Recommendation
        With the ``estimator``, its ``cost``, ``reasons`` and ``alternatives``.

    Raises
    ------
    ValueError
        For another task, and for what is no table.

    Notes
    -----
    Cost: up to 2,000 cells of each column are read.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skflow import recommend
    >>> found = recommend(load_breast_cancer().data)
    >>> found.estimator
    StackedDensity()
    >>> found.cost.seconds < 3600
    True
    >>> model = found.estimator.set_params(max_seconds=60)
    """
    if task not in RULES:
        raise ValueError(f"task must be one of {', '.join(RULES)}; got {task!r}.")
    if callable(X):
        if task != "posterior":
            raise ValueError(
                f"task={task!r} is for a table, and X is a function: pass rows, or the task "
                '"posterior" with a log density.'
            )
        return Recommendation(*posterior_of_function())
    look = look_at(X)
    estimator, reasons, cost, others = RULES[task](look)
    return Recommendation(estimator, reasons, cost, others, look.told(), look.doubts())
