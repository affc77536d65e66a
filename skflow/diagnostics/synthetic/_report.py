"""A synthetic table beside the real one: all checks, and what they do not say."""

from dataclasses import dataclass, replace

import numpy as np

from skflow._pages import ShownMixin
from skflow._random import draw_seed
from skflow._types import RandomState, Table
from skflow.diagnostics.measures._finding import Finding
from skflow.diagnostics.measures._two_sample import two_sample_test
from skflow.diagnostics.report._cause import BEYOND_CHANCE, Cause
from skflow.diagnostics.synthetic._closeness import row_closeness, row_copies
from skflow.diagnostics.synthetic._margins import column_agreement
from skflow.diagnostics.synthetic._pairs import pair_agreement
from skflow.diagnostics.synthetic._reading import read_tables

__all__ = ["NOT_PROMISED", "TableReport"]

MAX_ROWS = 4_000  # of each table, for the classifier
AUC = 0.6
NOT_PROMISED = (
    "No privacy is promised: a person may be recognised in a row that is no copy, and distances "
    "of whole rows do not see it. No rule is promised: that an end comes after its start, that "
    "parts add up to a whole. Nothing is new: these rows know no more than the real ones did. "
    "Check on real rows whatever you conclude from synthetic ones."
)
REMEDIES = {
    "columns": "look at these columns: bounds, caps, rounding, rare levels; train longer, or "
    "declare what they are",
    "pairs": "train longer, with more members or with a more flexible density; see that these "
    "columns were not drawn apart from each other",
    "told apart": "look at columns and pairs first; if these agree, the difference lies in more "
    "columns together: a more flexible density, or a longer training",
    "too near": "the synthetic rows remember real ones: fewer epochs, early stopping, more "
    "regularisation, and do not give the table away",
    "copies": "do not give the table away; drop the copies, leave out columns that identify, and "
    "look for what learnt rows by heart",
}


@dataclass(frozen=True, repr=False)
class TableReport(ShownMixin):
    """A synthetic table beside the real one: make it with ``from_frames``, and print it.

    Notebooks show it with pictures, and ``to_html(path)`` writes it to one file.

    Attributes
    ----------
    causes : list of Cause
        What is wrong, with ``name``, ``evidence`` and ``remedy``; empty if nothing stands out.
        "columns": some differ; "pairs": some go together otherwise; "told apart": a classifier
        tells real from synthetic rows; "too near": synthetic rows lie nearer to real rows than
        held-out ones do; "copies": more of them are copies.
    findings : dict {str: Finding}
        "columns", "pairs", "classifier", "distances" and "copies", with their numbers and a
        one-line ``reading``.
    n_real, n_synthetic, n_holdout : int
        Rows.

    See Also
    --------
    skflow.TableDensity : Draws such tables.
    skflow.diagnose : Checks a density, and not only its draws.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow import TableReport
    >>> rng = np.random.default_rng(0)
    >>> real, synthetic = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    >>> TableReport.from_frames(real, synthetic).causes
    []
    >>> report = TableReport.from_frames(real, real + [0.0, 0.0, 1.0])
    >>> [cause.name for cause in report.causes]
    ['columns', 'told apart']
    >>> report.findings["classifier"].auc > 0.6
    True
    """

    causes: list[Cause]
    findings: dict[str, Finding]
    n_real: int
    n_synthetic: int
    n_holdout: int

    @classmethod
    def from_frames(
        cls,
        real: Table,
        synthetic: Table,
        *,
        holdout: Table | None = None,
        random_state: RandomState = 0,
    ) -> "TableReport":
        """Compare a synthetic table with the real one.

        Parameters
        ----------
        real : array-like or data frame of shape (n_samples, n_columns)
            The rows that the synthetic ones were learnt from, at least 20: an array, or a frame
            of pandas, polars or pyarrow with numbers, categories, dates and holes.
        synthetic : array-like or data frame of shape (m, n_columns)
            With the same columns, in any order if they have names.
        holdout : array-like or data frame of shape (k, n_columns), optional
            Real rows that the synthetic ones were not learnt from. They say how near to real rows
            a new one usually lies, and how often it repeats one; without them, real rows among
            each other do, which is fair unless the table holds several rows of the same thing.
        random_state : int, RandomState instance or None, default=0
            Of folds, and of which rows are looked at where there are many.

        Returns
        -------
        report : TableReport

        Raises
        ------
        ValueError
            For tables of other columns than the real one or of fewer than 20 rows, and for cells
            that cannot be compared with those of the real table.

        Notes
        -----
        Columns and pairs are compared by all rows (pairs of the first 60 columns), copies are
        looked for among all; the classifier is :func:`skflow.diagnostics.two_sample_test` on up
        to 4,000 rows of each table, levels beyond the 30 most frequent ones taken together and
        holes told by columns of their own; distances are those of 1,000 rows to 5,000 real ones.

        Cost: for tables of 4,000 rows and 15 columns some two seconds on one core, most of
        it the classifier.
        """
        tables = {"real": real, "synthetic": synthetic}
        if holdout is not None:
            tables["holdout"] = holdout
        columns, sizes = read_tables(**tables)
        rng = np.random.default_rng(draw_seed(random_state))
        findings = {
            "columns": column_agreement(columns),
            "pairs": pair_agreement(columns),
            "classifier": _classifier(columns, rng),
            "distances": row_closeness(columns, rng),
            "copies": row_copies(columns),
        }
        n_real, n_synthetic, n_holdout = [*sizes, 0][:3]
        return cls(_causes(findings), findings, n_real, n_synthetic, n_holdout)

    @property
    def summary(self) -> str:
        """How many rows there were."""
        held = f", {self.n_holdout:,} held out" if self.n_holdout else ""
        return f"{self.n_real:,} real rows, {self.n_synthetic:,} synthetic ones{held}"

    def __str__(self):
        width = max(map(len, self.findings))
        lines = [self.summary]
        lines += [f"  {name:<{width}}  {found}" for name, found in self.findings.items()]
        lines += ["Stands out:"] if self.causes else ["Nothing stands out."]
        for cause in self.causes:
            lines += [f"  {cause.name}: {cause.evidence}", f"    -> {cause.remedy}"]
        return "\n".join([*lines, NOT_PROMISED])

    def __repr__(self):
        return f"TableReport(causes={[cause.name for cause in self.causes]})"


def _classifier(columns, rng):
    """Try to tell the tables apart by numbers, levels as 0 and 1, holes as 0 and 1."""
    tables = [
        np.column_stack([part for column in columns for part in _encoded(column, table)])
        for table in (0, 1)
    ]
    real, synthetic = (table[rng.permutation(len(table))[:MAX_ROWS]] for table in tables)
    found = two_sample_test(synthetic, real, int(rng.integers(2**31)))
    can = "can" if found.p_value < BEYOND_CHANCE else "cannot"
    reading = f"a classifier {can} tell synthetic rows from real ones: AUC {found.auc:.2f}"
    return replace(found, reading=f"{reading} (0.5 is best)")


def _encoded(column, table):
    numbers = column.numbers(table)
    if column.is_category:  # a hole is none of them
        return [(numbers == level).astype(float) for level in range(len(column.shown))]
    hole = np.isnan(numbers)
    known = column.codes[0][~np.isnan(column.codes[0])]
    filled = np.where(hole, np.median(known) if len(known) else 0.0, numbers)
    return [filled, hole.astype(float)] if _has_holes(column) else [filled]


def _has_holes(column):
    return any(np.isnan(codes).any() for codes in column.codes[:2])


def _causes(findings):
    classifier = findings["classifier"]
    stands_out = {
        "columns": ("columns", findings["columns"].differ.any()),
        "pairs": ("pairs", findings["pairs"].n_beyond > 0),
        "told apart": (
            "classifier",
            classifier.auc > AUC and classifier.p_value < BEYOND_CHANCE,
        ),
        "too near": ("distances", findings["distances"].too_near),
        "copies": ("copies", findings["copies"].p_value < BEYOND_CHANCE),
    }
    return [
        Cause(name, findings[of].reading, REMEDIES[name])
        for name, (of, wrong) in stands_out.items()
        if wrong
    ]
