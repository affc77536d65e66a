"""The verdict in words: what is warned of, and what is only written down."""

import numpy as np

from skflow._notices import warn
from skflow.estimators.posterior._names import label_of
from skflow.exceptions import ConvergenceWarning
from skflow.variational import findings_of, word_of

__all__ = ["alarm", "say_of_contexts", "verdict_on"]

FEW = 0.01  # share of draws without a density of which nothing is said
MAX_VALUES = 4  # parameters of a mode that a message shows
BAD_CONTEXTS = 0.1  # share of the contexts judged; below it only the attributes tell


def verdict_on(verdict, modes, covered, settings, names):
    """Return the word of the verdict and the sentences that give its reasons.

    Parameters
    ----------
    verdict : Verdict
    modes, covered : ndarray of shape (n_modes, d) and (n_modes,)
    settings : ApproximationSettings
    names : list of str or None
        Of the parameters.

    Returns
    -------
    word : {"good", "weigh", "bad"}
    reasons : list of str
        None for "good".
    """
    findings = findings_of(verdict.figures)
    word, reasons = word_of(findings), []
    if verdict.empty_share > FEW:
        word = "weigh" if word == "good" else word
        reasons.append(_of_empty_draws(verdict, names))
    if not covered.all():
        word = "bad"
        reasons.append(_of_modes(modes, covered, names))
    if findings:
        parts = "; ".join(_SENTENCES[f.kind](f, names) for f in findings)
        reasons.append(f"{parts}. {_REMEDIES[word_of(findings)]} {_better(settings)}")
    return word, reasons


def alarm(reasons):
    """Warn of each."""
    for reason in reasons:
        warn(reason, ConvergenceWarning)


def say_of_contexts(words, rows, khats):
    """Return the word for many contexts, worst first, and why, of which it is warned if bad."""
    share = np.mean([word == "bad" for word in words])
    if share > BAD_CONTEXTS:
        worst = ", ".join(f"{i} (k-hat {k:.2f})" for i, k in zip(rows[:3], khats[:3], strict=True))
        return "bad", [
            f"for {share:.0%} of {len(words)} contexts that were judged the approximation misses "
            f"too much for importance weights to mend; the worst rows of context are {worst}, see "
            "judged_rows_. Raise max_epochs, hidden_features or encoder_features, pass more rows "
            "of context, or fit the rows that matter one by one, without a context."
        ]
    off = np.mean([word != "good" for word in words])
    return ("weigh" if off > BAD_CONTEXTS else "good"), []


def _of_empty_draws(verdict, names):
    empty = ~np.isfinite(verdict.figures.log_weights)
    column = _edge(verdict.draws, empty)
    where = "" if column is None else f", most of them at the edge of {label_of(column, names)}"
    return (
        f"log_density is not finite at {verdict.empty_share:.1%} of the draws{where}. If "
        "parameters have bounds, declare them with support={index: (low, high)}; importance "
        "weights leave these draws out."
    )


def _edge(draws, empty):
    """Return the column in which most empty draws lie beyond all others, None if there is none."""
    if empty.all():
        return None
    low, high = draws[~empty].min(axis=0), draws[~empty].max(axis=0)
    beyond = ((draws[empty] < low) | (draws[empty] > high)).mean(axis=0)
    return int(beyond.argmax()) if beyond.max() > 0.5 else None


def _of_modes(modes, covered, names):
    missed = np.flatnonzero(~covered)
    values = [
        f"{label_of(j, names)} = {value:.3g}"
        for j, value in enumerate(modes[missed[0]][:MAX_VALUES])
    ]
    more = ", ..." if modes.shape[1] > MAX_VALUES else ""
    return (
        f"{len(missed)} of {len(modes)} modes that the search found are not covered: see "
        f"modes_[{missed.tolist()}], the first at {', '.join(values)}{more}. Their share is "
        "missing from draws and evidence, and k-hat cannot see it. Try another random_state or "
        "annealing=0.1."
    )


def _of_halves(finding, names):
    if finding.column is None:
        return f"halves of the draws disagree by {finding.value:.2f} nats on the evidence"
    return (
        f"halves of the draws disagree on the mean of {label_of(finding.column, names)} by "
        f"{finding.value:.2f} standard deviations"
    )


_SENTENCES = {
    "tail": lambda f, names: (
        f"k-hat is {f.value:.2f}, {'above' if f.value > 0.7 else 'not surely below'} 0.7, and the "
        "largest weights count"
    ),
    "few": lambda f, names: f"only {f.value:.0f} draws count effectively",
    "halves": _of_halves,
    "shift": lambda f, names: (
        f"draws of {label_of(f.column, names)} are off by {abs(f.value):.2f} standard deviations"
    ),
    "narrow": lambda f, names: (
        f"draws of {label_of(f.column, names)} are too narrow, {f.value:.2f} of the right "
        "standard deviation"
    ),
    "wide": lambda f, names: (
        f"draws of {label_of(f.column, names)} are too wide, {f.value:.2f} of the right "
        "standard deviation"
    ),
}
_REMEDIES = {
    "bad": "The approximation misses too much for its importance weights to mend.",
    "weigh": "Its importance weights mend that: use sample(resample=True) and expectation.",
}


def _better(settings):
    more = (
        "Raise max_epochs, batch_size or hidden_features"
        if settings.n_layers
        else 'Take flow="iaf"'
    )
    return (
        f"{more}; write the model in parameters that depend less on each other (a non-centred "
        "hierarchy); declare bounds with support."
    )
