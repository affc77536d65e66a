"""A small table of held-out scores that prints well."""

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import norm

from skflow._pages import ShownMixin
from skflow._persistence import stored

__all__ = ["ScoreTable", "mean_and_error", "score_row"]


@stored
@dataclass(frozen=True)
class ScoreTable(ShownMixin):
    """Held-out log densities of several estimators; print it, or have a notebook show it.

    Attributes
    ----------
    rows : list of dict
        One row an estimator, all with the same keys; see the function that made the table.
    note : str
        A reading of the table in plain words, printed below it; may be empty.
    held_out_scores : dict {name: ndarray of shape (n_samples,)}
        The log densities behind the rows where the function that made the table keeps them; NaN
        for rows that no fold held out.
    """

    rows: list
    note: str = ""
    held_out_scores: dict = field(default_factory=dict)

    def __getitem__(self, name):
        """Row of the estimator with this name."""
        for row in self.rows:
            if row["name"] == name:
                return row
        raise KeyError(f"no row {name!r}; there are {[row['name'] for row in self.rows]}")

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def __str__(self):
        if not self.rows:
            return self.note
        table = self.cells()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = []
        for cells in table:
            first = cells[0].ljust(widths[0])
            rest = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
            lines.append("  ".join([first, *rest]).rstrip())
        return "\n".join(lines + ([self.note] if self.note else []))

    __repr__ = __str__

    def cells(self) -> list[list[str]]:
        """Return what is printed, a list of str for each row, the titles first."""
        titles = list(self.rows[0]) if self.rows else []
        return [titles, *([_cell(row[title]) for title in titles] for row in self.rows)]

    def to_frame(self):
        """Return the rows as a pandas DataFrame indexed by name; pandas must be installed."""
        import pandas as pd

        return pd.DataFrame(self.rows).set_index("name")


def score_row(name, scores, sample_weight=None, **others):
    """Mean of held-out log densities and its standard error, as a row of a table."""
    mean, error = mean_and_error(scores, sample_weight)
    return {"name": name, "score": mean, "error": error, **others}


def mean_and_error(values, weight=None):
    """Weighted mean over rows and its standard error; NaN for the error of a single row."""
    if not len(values):
        return float("nan"), float("nan")
    share = np.full(len(values), 1.0) if weight is None else np.asarray(weight)
    share = share / share.sum()
    mean = share @ values
    if len(values) < 2 or not np.isfinite(mean):
        return float(mean), float("nan")
    scale = np.sqrt(len(values) / (len(values) - 1))
    return float(mean), float(scale * norm(share * (values - mean)))  # squares may overflow


def _cell(value):
    if isinstance(value, str):
        return value
    if value is None or np.isnan(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 1e4 else f"{value:.4g}"
