"""Whether simulations, prior and observations go together."""

import numpy as np
from scipy.stats import ks_2samp

from skflow._notices import warn
from skflow._validation import column_label

__all__ = ["check_agreement", "familiar", "warn_of_strange"]

ALARM = 1e-6  # p-value of a column under the prior, times the number of columns
COMPARED = 10_000  # draws of the prior
MOST_KNOWN = 1_000  # simulations that an observation is compared with
MARGIN = 1.0  # of the way from a usual simulation to the strangest, beyond which one is strange


def check_agreement(theta, x, prior, rng, names=None):
    """Return simulations whose theta the prior allows, with a warning where it does not fit."""
    if prior is None:
        return theta, x
    inside = np.isfinite(prior.log_density(theta))
    if not inside.all():
        n = int((~inside).sum())
        if inside.sum() < 2:
            raise ValueError(
                f"{n} of {len(theta)} rows of theta lie where the prior is zero: it is not that "
                "of these simulations."
            )
        warn(
            f"{n} of {len(theta)} rows of theta lie where the prior is zero, the first is row "
            f"{int((~inside).argmax())}; they are left out.",
            UserWarning,
        )
        theta, x = theta[inside], x[inside]
    draws = prior.draw(COMPARED, rng)
    p = [ks_2samp(a, b).pvalue for a, b in zip(theta.T, draws.T, strict=True)]
    if min(p) * len(p) < ALARM:
        place = column_label(int(np.argmin(p)), names)
        warn(
            f"theta does not look drawn from the prior, least of all {place}: the posterior will "
            "be that of the prior it was drawn from, or wrong. Pass that prior, or draw anew.",
            UserWarning,
        )
    return theta, x


def familiar(summaries, rng):
    """Return a detector of what is unlike all simulations."""
    from skflow.estimators.outlier._detector import FlowOutlierDetector

    if len(summaries) < 10:
        return None
    some = rng.permutation(len(summaries))[:MOST_KNOWN]
    detector = FlowOutlierDetector(random_state=rng.randint(np.iinfo(np.int32).max))
    return detector.fit(summaries[some])


def warn_of_strange(detector, summaries):
    """Warn of observations that are stranger than every simulation, by a margin."""
    known = np.isfinite(summaries).all(axis=1)
    if detector is None or not known.any():
        return
    scores = detector.held_out_scores_
    lowest, usual = np.nanmin(scores), np.nanmedian(scores)
    found = detector.score_samples(summaries[known])
    strange = np.flatnonzero(known)[found < lowest - MARGIN * (usual - lowest)]
    if len(strange):
        warn(
            f"{len(strange)} of {len(summaries)} observations are unlike all simulations, the "
            f"first is number {strange[0]}: no theta of the prior explains it, and the posterior "
            "given it is a guess. Check the simulator and the units.",
            UserWarning,
        )
