"""A few rows and draws that a report keeps for its picture."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Sketch", "sketch_of"]

MAX_ROWS = 300


@dataclass(frozen=True, repr=False)
class Sketch:
    """Rows and draws in the two columns whose margins differ most.

    Attributes
    ----------
    names : list of str
        Of the columns, two or the only one.
    rows, draws : ndarray of shape (n, n_columns), float32
        At most 300 each.
    """

    names: list
    rows: np.ndarray
    draws: np.ndarray

    def __repr__(self):
        return f"Sketch({len(self.rows)} rows and {len(self.draws)} draws of {self.names})"


def sketch_of(evidence):
    """Return the Sketch of what was gathered of an estimator."""
    columns = np.argsort(evidence.findings["margins"].p_values, kind="stable")[:2]
    rows, draws = (
        table[:MAX_ROWS, columns].astype(np.float32) for table in (evidence.X, evidence.samples)
    )
    return Sketch([evidence.view.labels[j] for j in columns], rows, draws)
