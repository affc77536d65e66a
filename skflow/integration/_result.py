"""What is returned: an integral, its error, draws by its integrand, and whether to trust it."""

from dataclasses import dataclass, field

import numpy as np
from sklearn.utils import check_random_state

from skflow._random import draw_seed
from skflow._validation import check_n_samples

__all__ = ["Integral", "UnweightedEvents"]

BLOCK = 10_000  # rows that are drawn at a time, to be accepted or not


@dataclass(frozen=True, eq=False, repr=False)
class UnweightedEvents:
    """What :meth:`Integral.unweight` returns.

    Attributes
    ----------
    rows : ndarray of shape (n, d)
        Independent draws by f, each of the same weight where ``overweight`` is 0.
    efficiency : float
        Share of the rows that were drawn, that were accepted.
    max_weight : float
        Above which no weight is told from others: a row of weight w was accepted with
        probability ``min(1, w / max_weight)``.
    overweight : float
        Share of the integral that is lost by that: of the rows that were drawn, the sum of
        ``max(0, w - max_weight)`` over the sum of w.
    weights : ndarray of shape (n,)
        ``max(1, w / max_weight)``: with these the rows are exact, whatever the maximum.
    n_calls : int
    """

    rows: np.ndarray
    efficiency: float
    max_weight: float
    overweight: float
    weights: np.ndarray
    n_calls: int

    def __repr__(self):
        return (
            f"UnweightedEvents({len(self.rows)} rows, efficiency {self.efficiency:.0%}, "
            f"overweight {self.overweight:.2g})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Integral:
    """What :func:`skflow.integrate` returns; printing it shows the checks.

    Attributes
    ----------
    estimate, error : float, or ndarray of shape (k,) of k outputs
        The integral, and the half width of the interval about it that holds 68.3 %.
    n_calls : int
        Rows that f was asked for, in all.
    chi2, dof, p_value : float, int, float
        Of the rounds that were compared: sum of squared normal scores of their differences, what
        it is on average if they agree, and how often it is larger then. Of several outputs the
        worst.
    verdict : {"good", "bad"}
    reasons : list of str
        Why it is bad, of which it was warned; empty if good.
    rounds : list of dict
        A record a round: ``n_calls`` so far, ``estimate`` and ``error`` of the round alone,
        ``efficiency`` (share of its rows that count), ``power`` of f that it looked at, ``shares``
        of the channels, and whether it ``measures``.
    """

    estimate: object
    error: object
    n_calls: int
    chi2: float
    dof: int
    p_value: float
    verdict: str
    reasons: list
    rounds: list
    _worked: object = field(repr=False)
    _integrand: object = field(repr=False)

    def sample(self, n_samples=1, random_state=None):
        r"""Draw rows from :math:`|f| / \int |f|`, without any call of f.

        They are picked from those that were measured (in the rounds that make up the first
        200,000), with probabilities by their weights :math:`|f| / q`, and with replacement:
        quick, and right as a sample of many is, but a row may come twice. Independent rows are
        what :meth:`unweight` returns.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None
            None draws anew at every call.

        Returns
        -------
        X : ndarray of shape (n_samples, d)

        Raises
        ------
        ValueError
            If f has several outputs, or is 0 at all rows.
        """
        n_samples = check_n_samples(n_samples)
        self._check_one_output("sample")
        rng = check_random_state(draw_seed(random_state))
        weight = np.abs(self._weights())
        if not weight.any():
            raise ValueError("f is 0 at all rows that were measured: there is nothing to draw.")
        picked = rng.choice(len(weight), n_samples, p=weight / weight.sum())
        return self._integrand.domain.rows(self._worked.rows[picked])[0]

    def unweight(self, n_events, *, max_overweight=1e-3, random_state=None):
        """Draw independent rows by f, by rejection; f is called for each that is proposed.

        The largest weight that there might be is not known. Rows are accepted by a stated
        maximum, the least above which there is no more than ``max_overweight`` of the integral by
        the rows that were measured; what is above it is returned as weights.

        Parameters
        ----------
        n_events : int
        max_overweight : float, default=1e-3
            0 takes the largest weight that was met, which makes acceptance rare.
        random_state : int, RandomState instance or None, default=None
            None draws anew at every call.

        Returns
        -------
        UnweightedEvents

        Raises
        ------
        ValueError
            If f has several outputs, is negative somewhere, or 0 everywhere.
        """
        n_events = check_n_samples(n_events)
        if not 0 <= max_overweight < 1:
            raise ValueError(f"max_overweight must be in [0, 1), got {max_overweight!r}.")
        self._check_one_output("unweight")
        weight = self._weights()
        _check_positive(weight)
        most = _stated_maximum(weight, max_overweight)
        rng = check_random_state(draw_seed(random_state))
        drawn = _Accepted(self._worked.measurement.proposal, self._integrand, most, rng)
        return drawn.collect(n_events)

    def __str__(self):
        last = self.rounds[-1]
        learnt = sum(not each["measures"] for each in self.rounds)
        shares = ", ".join(f"{name} {share:.0%}" for name, share in last["shares"].items())
        lines = [
            f"integral {self._figure()}",
            f"  calls      {self.n_calls} in {len(self.rounds)} rounds, {learnt} of them to learn",
            f"  rounds     chi2 {self.chi2:.1f} of {self.dof}, p = {self.p_value:.2g}",
            f"  proposal   {shares}; {last['efficiency']:.0%} of the rows count",
        ]
        if not self.reasons:
            return "\n".join([*lines, "Good: nothing speaks against it."])
        return "\n".join([*lines, "Bad:", *(f"- {reason}" for reason in self.reasons)])

    def __repr__(self):
        return f"Integral({self._figure()}, {self.verdict!r})"

    def _figure(self):
        pairs = zip(np.atleast_1d(self.estimate), np.atleast_1d(self.error), strict=True)
        shown = [f"{estimate:.7g} +- {error:.2g}" for estimate, error in pairs]
        return shown[0] if np.ndim(self.estimate) == 0 else f"[{', '.join(shown)}]"

    def _weights(self):
        return self._worked.values[:, 0] * np.exp(-self._worked.log_q)

    def _check_one_output(self, what):
        if self._integrand.n_outputs is not None:
            raise ValueError(
                f"{what} draws by one function, and f has {self._integrand.n_outputs} outputs. "
                "Integrate the one to draw by on its own."
            )


class _Accepted:
    """Rejection by a proposal."""

    def __init__(self, proposal, integrand, most, rng):
        self.proposal, self.integrand, self.most, self.rng = proposal, integrand, most, rng

    def collect(self, n):
        rows, weights, seen, total, over, calls = [], [], 0, 0.0, 0.0, self.integrand.n_calls
        found = 0
        while found < n:
            v = self.rng.uniform(size=(BLOCK, len(self.integrand.domain.low) + 1))
            u = self.proposal.draw(v)
            weight = self.integrand(u)[:, 0] * np.exp(-self.proposal.log_density(u))
            _check_positive(weight)
            taken = np.flatnonzero(self.rng.uniform(size=BLOCK) * self.most < weight)
            taken = taken[: n - found]
            rows.append(u[taken])
            weights.append(np.maximum(1.0, weight[taken] / self.most))
            found += len(taken)
            # of the last block no more than what was needed counts
            looked = BLOCK if found < n else int(taken[-1]) + 1
            seen += looked
            total += weight[:looked].sum()
            over += np.maximum(weight[:looked] - self.most, 0).sum()
        return UnweightedEvents(
            rows=self.integrand.domain.rows(np.concatenate(rows))[0],
            efficiency=n / seen,
            max_weight=self.most,
            overweight=float(over / total),
            weights=np.concatenate(weights),
            n_calls=self.integrand.n_calls - calls,
        )


def _check_positive(weight):
    if (weight < 0).any():
        raise ValueError(
            "f is negative at some points: no events are drawn by it. Use sample, which draws by "
            "the absolute value."
        )
    if not weight.any():
        raise ValueError("f is 0 at all points that were met: there is nothing to draw.")


def _stated_maximum(weight, share):
    """Least maximum above which weights have no more than this share of their sum."""
    rising = np.sort(weight)
    above = rising[::-1].cumsum()[::-1] - rising * np.arange(len(rising), 0, -1)
    return float(rising[np.argmax(above <= share * rising.sum())])
