"""One call that measures everything and says what is likely wrong."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skflow._pages import ShownMixin
from skflow._types import Table
from skflow._watch import tell, watched
from skflow.diagnostics.report._evidence import gather
from skflow.diagnostics.report._rules import likely_causes
from skflow.diagnostics.report._sketch import Sketch, sketch_of
from skflow.diagnostics.report._trials import with_remedies

__all__ = ["Diagnosis", "diagnose"]


@dataclass(frozen=True, repr=False)
class Diagnosis(ShownMixin):
    """What :func:`diagnose` returns; printing it shows the report, a notebook its pictures too.

    Attributes
    ----------
    causes : list of Cause
        Likely causes with ``name``, ``evidence``, ``remedy`` and ``trials``; empty if nothing
        stands out.
    findings : dict {str: Finding}
        The result of every check, with its numbers and a one-line ``reading``.
    n_rows : int
    what : {"rows", "images"}
    score, median, lowest : float
        Mean, median and smallest log density of the rows, in nats. Repeated values are spread
        first, as in the fit, so that the mean differs a little from ``estimator.score(X)``.
    sketch : Sketch
        A few rows and draws for the picture of the report.
    """

    causes: list
    findings: dict
    n_rows: int
    what: str
    score: float
    median: float
    lowest: float
    sketch: Sketch

    @property
    def summary(self) -> str:
        """How many rows there were, and how they scored."""
        return (
            f"{self.n_rows} {self.what}{self._spread}, log density in nats: "
            f"mean {self.score:.2f}, median {self.median:.2f}, lowest {self.lowest:.2f}"
        )

    def __str__(self):
        lines = [self.summary]
        found = {name.replace("rows", self.what): each for name, each in self.findings.items()}
        width = max(map(len, found))
        lines += [f"  {name:<{width}}  {each.reading}" for name, each in found.items()]
        if not self.causes:
            return "\n".join([*lines, "Nothing stands out."])
        lines.append("Likely:")
        for cause in self.causes:
            lines += [f"  {cause.name}: {cause.evidence}", f"    -> {cause.remedy}"]
            lines += [f"       ({cause.what_failed})"] if cause.what_failed else []
        return "\n".join(lines)

    @property
    def _spread(self):
        return " (repeated values spread)" if "repeated values" in self.findings else ""

    def __repr__(self):
        return f"Diagnosis(causes={[cause.name for cause in self.causes]})"


def diagnose(
    estimator: Any,
    X: Table,
    X_train: Table | None = None,
    *,
    try_remedies: bool = True,
    random_state: int = 0,
    verbose: bool | int = True,
) -> Diagnosis:
    """Check a fitted density on held-out rows, and name what is likely wrong with it.

    Runs the checks of :mod:`skflow.diagnostics` that the estimator allows and prints a short
    report: one line a check, then likely causes with their remedies. Where values repeat all
    checks see the rows with these values spread, as the fit spread its own; of images (an
    ``image_shape``) they see pixels, or means over blocks where pixels are more than 256, and each
    image's mean, contrast and roughness.

    =============  =========================================================================
    cause          named if
    =============  =========================================================================
    ties           columns of X hold repeated values of which the fit knew nothing
    unconverged    the loss still fell when training ended
    support        rows have density zero
    integral       the density does not integrate to one (up to 8 columns)
    sampler        draws do not follow the density that scores them
    overfit        regions of high density hold fewer rows than they claim, also the inner ones;
                   or training rows, if given, score much higher
    tails          rows lie beyond the outer hundredths of draws too often
    far draws      draws lie farther out than the tails of the rows explain, or are no numbers
    far modes      draws lie in the empty space between clusters of rows
    underfit       a classifier tells draws from rows, and nothing above explains it
    =============  =========================================================================

    Parameters
    ----------
    estimator : fitted estimator
        With ``score_samples`` and ``sample``: skflow's, scikit-learn's ``KernelDensity`` and
        ``GaussianMixture``, and others like them.
    X : array-like of shape (n_samples, n_features)
        Rows that the fit has not seen, 30 at least; with fewer than some 300 only gross faults
        show. Of more than 5,000 a random choice is taken.
    X_train : array-like of shape (n_training_samples, n_features), optional
        Rows of the fit: with them overfitting shows earlier, and remedies are tried on them.
    try_remedies : bool, default=True
        Whether to try remedies that are a parameter or another estimator: a short refit to 250
        rows (of ``X_train``, else half of those of X), beside one without the remedy, judged by
        the others, 1,000 at most. What helped is said with its gain; what did not is not
        offered, unless the evidence asks for it by itself and it did no harm: longer training
        where the loss still fell, heavier tails where rows lie beyond them.
        One remedy of flows of more than 12 columns, two of others; none of flows whose own fit was
        slow or takes many passes a step, of stacks, and of other packages' estimators but
        scikit-learn's two.
    random_state : int, default=0
        Of draws, folds and walks.
    verbose : bool or int, default=True
        Whether to print the report; from 2 a line for each stage as well, as they come.

    Returns
    -------
    Diagnosis
        Notebooks show it with a picture of each check; ``to_html(path)`` writes all of that to one
        file.

    Raises
    ------
    TypeError
        If the estimator lacks ``score_samples`` or ``sample``.
    ValueError
        For bad or too few rows.

    Notes
    -----
    Cost: 1,000 to 4,000 draws, the fewer the more columns, 10,000 to 25,000 scores, ten fits of
    small classifiers, and trials of some hundred steps. For 500 rows of 30 columns on one core, in
    seconds without and with a trial: a default NSFDensity 2.7 and 4.5, MAFDensity 2.0 and 3.4, a
    mixture 0.5 and 1.7; flows whose draws or scores take many passes without one, NAFDensity 3.5,
    GaussianizationFlowDensity 5.7, ResidualFlowDensity 7.6.

    A trial is short: a gain is a hint and not the gain of a whole fit. Gains count beyond two
    standard errors and 0.02 nats.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KernelDensity
    >>> from skflow import diagnose
    >>> rng = np.random.default_rng(0)
    >>> X, X_new = rng.normal(size=(100, 2)), rng.normal(size=(500, 2))
    >>> diagnosis = diagnose(KernelDensity(bandwidth=0.05).fit(X), X_new, verbose=False)
    >>> [cause.name for cause in diagnosis.causes]
    ['overfit']
    """
    with watched("diagnose", verbose > 1):
        evidence = gather(estimator, X, X_train, random_state)
        causes = likely_causes(evidence)
        tell(f"likely causes: {', '.join(cause.name for cause in causes) or 'none'}")
        causes = with_remedies(causes, evidence, random_state, try_remedies)
    scores = evidence.scores
    diagnosis = Diagnosis(
        causes,
        evidence.findings,
        n_rows=len(scores),
        what=evidence.view.words("rows"),
        score=float(scores.mean()),
        median=float(np.median(scores)),
        lowest=float(scores.min()),
        sketch=sketch_of(evidence),
    )
    if verbose:
        print(diagnosis)
    return diagnosis
