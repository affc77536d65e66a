"""Whether the fit knew of values that repeat."""

from dataclasses import dataclass

from skflow.diagnostics.measures._finding import Finding

__all__ = ["RepeatedValues"]

SHOWN = 8


@dataclass(frozen=True, repr=False)
class RepeatedValues(Finding):
    """Columns whose values repeat.

    Attributes
    ----------
    columns : list of str
        By name or number.
    handled : bool
        Whether the estimator spread them in its fit, so that its likelihood has a bound.
    reading : str
    """

    columns: list
    handled: bool
    reading: str

    @classmethod
    def of(cls, columns, handled):
        """Say what was found of the columns, at least one."""
        shown = ", ".join(columns[:SHOWN]) + (", ..." if len(columns) > SHOWN else "")
        reading = f"values repeat in column {shown}"
        return cls(columns, handled, f"{reading}: the fit spread them" if handled else reading)
