"""Rounds that learn where a function is large, and then measure it, until it is known enough."""

from dataclasses import dataclass

import numpy as np

from skflow._clock import left_out, time_is_up
from skflow._watch import tell
from skflow.integration._channels import Channels
from skflow.integration._learning import Apprentice
from skflow.integration._measuring import MOST_KEPT, REPLICATES, Measurement
from skflow.sampling import effective_number

__all__ = ["Accuracy", "Worked", "work"]

ROUND_A_COLUMN, LEAST_ROUND = 256, 1_024  # rows of the first rounds
LEAST_KNOWN = 0.1  # share of the rows of a round that must count, for shares to be changed
MOST_ROUND = 16_384  # of a round that learns while hardly any rows count
PAYS = 0.5  # learning goes on while measuring would take more than this share of all rows so far
BETTER = 0.8  # times the calls that measuring takes, above which a round has brought nothing
PATIENCE = 2  # rounds that may bring nothing
TRIED = 0.5  # times the calls that random points would need: even ones need fewer
LEAST_MEASURED = 4_096  # rows, so that parts of a thousandth are met by some
MARGIN = 1.5  # times the calls that an error says are needed, so that the next look is the last
LONGEST = 4  # times the rows so far, that are added before the next look
SURPRISE = 8.0  # times the variance expected, from which learning begins again
MOST_SURPRISES = 3
ENDLESS = 1e18  # calls, where no error is small enough
LEARNT = 0.5  # of all calls that there are, from which on is measured


@dataclass(frozen=True)
class Accuracy:
    """How exact an integral is to be, and at what cost."""

    rtol: float
    atol: float
    max_calls: int

    def tolerance(self, estimate):
        """Largest error (k,) that is good enough."""
        return np.maximum(self.atol, self.rtol * np.abs(estimate))


@dataclass(frozen=True)
class Worked:
    """What rounds have come to.

    Attributes
    ----------
    measurement : Measurement
        By the last proposal.
    rows, values, log_q : ndarray
        Rows of the cube that were measured, of each round the first 200,000, until they are as
        many in all.
    history : list of dict
        A record a round.
    """

    measurement: Measurement
    rows: np.ndarray
    values: np.ndarray
    log_q: np.ndarray
    history: list


def work(integrand, d, settings, rng):
    """Learn and measure until the error is small enough, or calls or time have run out.

    Parameters
    ----------
    integrand : Integrand
    d : int
    settings : Accuracy
    rng : RandomState

    Returns
    -------
    Worked
    """
    return _Work(integrand, d, settings, rng).run()


class _Work:
    """Rounds on their way."""

    def __init__(self, integrand, d, settings, rng):
        self.integrand, self.d, self.settings, self.rng = integrand, d, settings, rng
        self.learner = Apprentice(d, rng)
        self.history, self.needs = [], []
        self.scale = None  # of each output
        self.first = 2 ** int(np.ceil(np.log2(max(LEAST_ROUND, ROUND_A_COLUMN * d))))
        self.surprises = 0
        self._begin(Channels.flat(), measures=False)

    def run(self):
        n_each = self._affordable(self.first // REPLICATES)
        while n_each:
            self._round(n_each)
            if self._is_done():
                break
            if time_is_up():
                left_out("rounds")
                break
            before = self.measurement, self.kept
            n_each = self._affordable(self._prepare_next())
            if not n_each:
                self.measurement, self.kept = before
        kept = [np.concatenate(part) for part in zip(*self.kept, strict=True)]
        return Worked(self.measurement, *kept, self.history)

    def _begin(self, proposal, *, measures):
        self.measurement = Measurement(proposal, self.d, self.rng)
        self.measures, self.kept = measures, []

    def _affordable(self, n_each):
        """Rows a replicate that calls are left for."""
        return min(n_each, (self.settings.max_calls - self.integrand.n_calls) // REPLICATES)

    def _round(self, n_each):
        u, values, log_q, estimate, error = self.measurement.extend(self.integrand, n_each)
        if self.scale is None and values.any():
            self.scale = np.maximum(np.abs(values).mean(axis=0), 1e-300)
        log_size = self._log_size(values)
        if sum(map(len, (part[0] for part in self.kept))) < MOST_KEPT:
            self.kept.append((u, values, log_q))
        if not self.measures:
            self.learner.add(self.measurement.proposal, u, log_size)
        self.last = u, values, log_q, log_size
        proposal = self.measurement.proposal
        self.history.append(
            {
                "n_calls": self.integrand.n_calls,
                "estimate": estimate,
                "error": error,
                "efficiency": effective_number(log_size - log_q) / len(u),
                "power": self.learner.power,
                "shares": dict(zip(proposal.parts, proposal.shares.tolist(), strict=True)),
                "measures": self.measures,
            }
        )
        tell(_told(self.history[-1]))

    def _is_done(self):
        if not self.measures:
            return False  # errors of so many rounds are below the tolerance by chance sometimes
        estimate, error = self.measurement.result()
        return bool((error <= self.settings.tolerance(estimate)).all())

    def _prepare_next(self):
        """Decide what the next round is of; return its rows a replicate."""
        if self.scale is None:
            return self.measurement.n // REPLICATES  # nothing was met: look on
        if self.measures:
            return self._go_on()
        spent = self.integrand.n_calls
        learns = spent < min(MOST_KEPT, LEARNT * self.settings.max_calls)
        if self.learner.power < 1 and learns:
            return self._learn(self.first)
        best, need = self._foresight()
        if self.history[-1]["efficiency"] < LEAST_KNOWN and learns:
            return self._learn(min(2 * len(self.last[0]), MOST_ROUND))
        self.needs.append(need)
        before = min(self.needs[:-PATIENCE], default=np.inf)
        stuck = min(self.needs[-PATIENCE:]) > BETTER * before
        if need <= max(PAYS * spent, self.first) or stuck or not learns:
            self._begin(best, measures=True)
            return int(max(TRIED * need, self.first, LEAST_MEASURED)) // REPLICATES
        self.learner.tell(best)
        return self._learn(min(2 * len(self.last[0]), max(int(need / 4), self.first)))

    def _learn(self, n):
        self._begin(self.learner.channels(n), measures=False)
        return min(n, MOST_KEPT) // REPLICATES

    def _go_on(self):
        """Measure on, by as much as the error asks for; learn again if it is far too large."""
        estimate, error = self.measurement.result()
        need = min(
            self.measurement.n * float(np.max((error / self._tolerance(estimate)) ** 2)), ENDLESS
        )
        if need > SURPRISE * self.needs[-1] and self.surprises < MOST_SURPRISES:
            self.surprises += 1
            self.needs = []
            self._learn_from_measured()
            return self._learn(max(self.first, min(len(self.last[0]), int(need / 4))))
        n = self.measurement.n
        return int(np.clip(MARGIN * need - n, n / 4, LONGEST * n)) // REPLICATES

    def _learn_from_measured(self):
        kept = zip(*self.kept, strict=True)
        u, values, log_q = (np.concatenate(part)[:MOST_KEPT] for part in kept)
        self.learner.add(self.measurement.proposal, u, self._log_size(values))

    def _log_size(self, values):
        """Take logs (n,) of absolute values, of several outputs of their sum on one scale."""
        if self.scale is None:
            return np.full(len(values), -np.inf)
        with np.errstate(divide="ignore"):
            return np.log((np.abs(values) / self.scale).sum(axis=1))

    def _foresight(self):
        """Return the channels of the last round with better shares, and the calls they need."""
        u, values, log_q, log_size = self.last
        best = self.measurement.proposal.with_best_shares(u, log_size, log_q)
        drawn = np.exp(-log_q)[:, None]
        weights = np.exp(-best.log_density(u))[:, None]
        estimate = (values * drawn).mean(axis=0)
        # what even points gain comes on top: with other shares it is another gain
        then = (values**2 * drawn * weights).mean(axis=0) - estimate**2
        need = float(np.max(np.maximum(then, 0) / self._tolerance(estimate) ** 2))
        return best, min(need, ENDLESS)

    def _tolerance(self, estimate):
        """Return what is asked for, above zero: the squares of it are divided by."""
        return np.maximum(self.settings.tolerance(estimate), 1e-150)


def _told(record):
    shares = ", ".join(f"{name} {share:.0%}" for name, share in record["shares"].items())
    return (
        f"{'measuring' if record['measures'] else 'learning'}: {record['n_calls']} calls, "
        f"{record['estimate']} +- {record['error']}, {record['efficiency']:.0%} of the rows "
        f"count ({shares})"
    )
