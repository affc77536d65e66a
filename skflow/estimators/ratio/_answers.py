"""What a fitted ratio is asked for: log ratios, weights, divergences, a test."""

from hashlib import blake2b
from typing import Literal, overload

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skflow._threads import one_thread
from skflow._types import Auto, Floats, Rows, Table
from skflow._validation import check_data, is_real
from skflow.estimators._from_sources import takes_sources
from skflow.estimators.classifier._candidates import AS_GIVEN
from skflow.estimators.ratio._divergences import DIVERGENCES, Estimate, estimated
from skflow.metrics._separation import CROSS_FITTED, Separation, separation

__all__ = ["AnswersRatios"]

BLOCK = 2_048
MOST_RELATIVE = 0.5  # what weights are flattened by at most


class AnswersRatios:
    """Methods of an estimator whose ``fit`` leaves views, parts and how they are combined."""

    @takes_sources()
    def score_samples(self, X: Rows) -> Floats:
        """Log ratio of each row, log p(x) - log q(x), in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Or whatever else :meth:`NSFDensity.score_samples` takes.

        Returns
        -------
        log_ratio : ndarray of shape (n_samples,), float64
            Positive where the numerator is likelier. A change of units of the columns, the same
            for both tables, does not matter. Rows of the fit look clearer than they are;
            ``held_out_log_ratio_`` has them by models without them. Rows outside a declared
            support get the ratio of the nearest place inside.
        """
        check_is_fitted(self, "combination_")
        return self._log_ratio(check_data(self, X, reset=False))

    @overload
    def importance_weights(
        self, X: Table, relative: float | Auto = ..., return_khat: Literal[False] = ...
    ) -> Floats: ...

    @overload
    def importance_weights(
        self, X: Table, relative: float | Auto = ..., *, return_khat: Literal[True]
    ) -> tuple[Floats, float]: ...

    def importance_weights(
        self, X: Table, relative: float | Auto = "auto", return_khat: bool = False
    ) -> Floats | tuple[Floats, float]:
        r"""Weights of rows of the denominator that make them stand for the numerator.

        They are :math:`w = p / q` over their mean, with the largest ones smoothed: a Pareto
        distribution is fitted to them, and they are set to its quantiles [1]_. What a few rows
        with large weights gain in being right they lose in being few, so that weights are made
        relative [2]_,

        .. math:: w_a = \frac{w}{a w + 1 - a}, \qquad
                  a = \min\left(\frac12, \frac{2 (d + 1)}{m}\right), \quad
                  m = n_q \frac{(\operatorname{mean} w)^2}{\operatorname{mean} w^2},

        again over their mean. Here m is how many rows the :math:`n_q` weighted ones of the fit
        are worth, and d + 1 as many numbers as a linear model has. The more rows, the smaller a.

        Rows of the fit's own denominator, which are recognised, get their held-out ratio, as far
        as they have one: a model that has seen a row finds it likelier where it lies than it is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of q: those of the fit, or new ones.
        relative : "auto" or float, default="auto"
            The number a, from 0, for plain weights, to below 1; "auto" is ``relative_``, the
            one above.
        return_khat : bool, default=False

        Returns
        -------
        weights : ndarray of shape (n_samples,)
            Not negative, with mean 1: the ``sample_weight`` of any estimator.
        khat : float
            Only with ``return_khat``: shape of the Pareto distribution of w of these rows, as
            ``khat_`` is of the fit's. Up to 0.5 weighted means err as usual, up to 0.7 more than
            that, and above they may be far off; -inf if the largest weights are equal, inf if
            there are too few rows to tell.

        References
        ----------
        .. [1] Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling,
           JMLR 25(72), section 2.
        .. [2] Yamada, Suzuki, Kanamori, Hachiya & Sugiyama (2013), Relative density-ratio
           estimation for robust distribution comparison, Neural Computation 25(5), section 2.
        """
        check_is_fitted(self, "combination_")
        a = self.relative_ if isinstance(relative, str) and relative == "auto" else relative
        if not (is_real(a) and 0 <= a < 1):
            raise ValueError(
                f'relative must be "auto" or a number from 0 to below 1, got {relative!r}.'
            )
        rows = check_data(self, X, reset=False)
        log_ratio, known = self._log_ratio(rows), dict(zip(*self._known, strict=True))
        for i, key in enumerate(_digests(rows)):
            log_ratio[i] = known.get(key, log_ratio[i])
        weights, khat = _smoothed(log_ratio)
        weights = weights / (a * weights + 1 - a)
        weights /= weights.mean()
        return (weights, khat) if return_khat else weights

    def divergence(self, kind: Literal["kl", "reverse_kl", "js"] = "kl") -> Estimate:
        r"""How far the two distributions are from each other, in nats, by held-out rows.

        - "kl" is :math:`\mathrm{KL}(p \| q) = E_p[r]`, estimated by the mean over rows of p, less
          the mean of :math:`e^r` over rows of q plus 1, which makes errors of r count by their
          squares [1]_; without the correction where :math:`e^r` has too heavy a tail for it (a
          k-hat of 0.5 or more), as it has where tables lie far apart;
        - "reverse_kl" is :math:`\mathrm{KL}(q \| p)`, likewise;
        - "js" is Jensen and Shannon's, :math:`\frac12 \mathrm{KL}(p \| m) + \frac12
          \mathrm{KL}(q \| m)` with :math:`m = (p + q) / 2`, log 2 at most.

        Up to the noise of held-out rows the estimates are lower bounds, but for those without
        correction, which have errors of either sign.

        Parameters
        ----------
        kind : {"kl", "reverse_kl", "js"}, default="kl"

        Returns
        -------
        estimate : Estimate
            With ``estimate`` and ``standard_error``, over rows, given the ratio that was learnt.

        References
        ----------
        .. [1] Nguyen, Wainwright & Jordan (2010), Estimating divergence functionals and the
           likelihood ratio by convex risk minimization, IEEE Transactions on Information Theory
           56(11), lemma 1.
        """
        check_is_fitted(self, "combination_")
        if kind not in DIVERGENCES:
            kinds = ", ".join(map(repr, DIVERGENCES))
            raise ValueError(f"kind must be one of {kinds}, got {kind!r}.")
        return estimated(kind, *self._held_out())

    def two_sample_test(self) -> Separation:
        """Test whether the two tables have one distribution, by held-out log ratios.

        A row of the numerator has the larger ratio with a probability that is 1/2 if they have.

        Returns
        -------
        separation : Separation
            With ``auc``, that probability, its 95 % ``interval`` and the ``p_value``, one-sided.
            Errors are those of Mann and Whitney's test, and of Hanley and McNeil's interval,
            times 1.5, as folds learn from the same rows: the same as in
            :func:`skflow.diagnostics.two_sample_test`.
        """
        check_is_fitted(self, "combination_")
        numerator, denominator = self._held_out()
        return separation(numerator, denominator, CROSS_FITTED)

    def _log_ratio(self, rows):
        parts = []
        with one_thread():
            for start in range(0, len(rows), BLOCK):
                block, _ = self.views_.place(rows[start : start + BLOCK])
                views = self.views_.apply(block) | {AS_GIVEN: (block, np.zeros(len(block)))}
                each = [part.log_ratio(views) for part in self.parts_]
                columns = np.column_stack(each) if each else np.zeros((len(block), 0))
                parts.append(self.combination_.log_ratio(columns))
        return np.concatenate(parts)

    def _held_out(self):
        """Held-out log ratios of the numerator's rows and of the denominator's."""
        parts = np.split(self.held_out_log_ratio_, [self.n_numerator_])
        return [part[~np.isnan(part)] for part in parts]

    def _remember(self, numerator, denominator):
        """Keep which rows were the denominator's, and what their held-out ratios tell."""
        self.n_numerator_ = len(numerator)
        own = self.held_out_log_ratio_[len(numerator) :]
        held = ~np.isnan(own)
        self._known = _digests(denominator[held]), own[held].tolist()
        weights, self.khat_ = _smoothed(own[held])
        worth = len(denominator) / (weights**2).mean()
        self.relative_ = float(min(MOST_RELATIVE, 2 * (numerator.shape[1] + 1) / worth))


def _smoothed(log_ratio):
    """Weights (n,) with mean 1 whose tail is smoothed, and its k-hat."""
    from skflow.numerics import pareto_smoothed

    log_weights, khat = pareto_smoothed(log_ratio)
    return np.exp(log_weights) * len(log_ratio), khat


def _digests(rows):
    """Return a number for each row that only equal rows share."""
    return [int.from_bytes(blake2b(row.tobytes(), digest_size=8).digest()) for row in rows + 0.0]
