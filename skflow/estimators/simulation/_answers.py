"""What a learnt posterior is asked for: draws, densities, and more simulations."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skflow._clock import time_limit
from skflow._notices import warn
from skflow._random import draw_seed
from skflow._types import Floats, Function, RandomState, Table
from skflow._validation import check_data, check_n_samples, check_nameless
from skflow.estimators._contract import anew
from skflow.estimators._output import SetsOutput, framed
from skflow.estimators.simulation._agreement import warn_of_strange

__all__ = ["AnswersObservations"]


class AnswersObservations(SetsOutput):
    """Methods of an estimator whose ``fit`` leaves a pool of views and a reader of x."""

    _seed: int
    _reader: Any
    max_seconds: float | None

    def sample(self, n_samples: int, x_o: ArrayLike, random_state: RandomState = None) -> Floats:
        """Draw parameters given what was observed.

        Parameters
        ----------
        n_samples : int
            For each observation.
        x_o : array-like of shape (k,), (m, k) or (m, r, k)
            One observation, m of them, or m sets of r independent observations each of one theta;
            r may differ from that of the fit where the likelihood was learnt.
        random_state : int, RandomState instance or None, default=None
            None gives fresh draws at every call.

        Returns
        -------
        theta : ndarray of shape (n_samples, n_parameters) or (m, n_samples, n_parameters)
            The first where x_o is one observation; a frame with the names of the parameters where
            ``set_output`` asks for one.

        Warns
        -----
        UserWarning
            For an observation that is unlike all simulations.
        """
        asked, single = self._asked(x_o)
        n_samples = check_n_samples(n_samples)
        rng = check_random_state(draw_seed(random_state))
        draws = self._pool_for(asked).sample(asked, n_samples, rng)
        return framed(self, draws[0]) if single else draws

    def score_samples(self, theta: Table, x_o: ArrayLike) -> Floats:
        """Log posterior density of parameters given what was observed.

        Parameters
        ----------
        theta : array-like of shape (n, n_parameters)
        x_o : array-like of shape (k,), (n, k) or (n, r, k)
            One observation for all rows of theta, or one for each.

        Returns
        -------
        log_density : ndarray of shape (n,), float64
            In nats and in the units of theta, -inf outside the prior. That of a pool is
            normalised by 256 to 16,000 draws for each distinct observation, fewer the more there
            are, and always the same; the error is some hundredths of a nat, a tenth of many.
        """
        check_is_fitted(self, "weights_")
        if hasattr(theta, "columns"):
            rows = check_data(self, theta, reset=False)
        else:  # draws come without the names that a fit to a data frame had
            rows = check_nameless(self, theta, "theta", "a parameter each")
        asked, _ = self._asked(x_o)
        if len(asked) not in (1, len(rows)):
            raise ValueError(
                f"x_o holds {len(asked)} observations, and theta {len(rows)} rows: pass one "
                "observation for all, or one for each."
            )
        pool = self._pool_for(asked)
        asked, group = asked.distinct()
        group = np.broadcast_to(group, len(rows))
        constant = pool.log_constant(asked, check_random_state(self._seed))
        return pool.log_density(rows, asked, group) - constant[group]

    def refine(
        self,
        simulator: Function,
        x_o: ArrayLike,
        n_rounds: int = 1,
        *,
        n_simulations: int = 1_000,
        random_state: RandomState = None,
    ) -> Self:
        """Simulate where the posterior of one observation is, and learn from that, too.

        Each round draws parameters from the prior within the region that holds nearly all of the
        posterior as known so far [1]_, simulates them and fits anew: the posterior from all
        simulations of the region, which are as if drawn from a prior cut to it, and the
        likelihood from all simulations. The estimator is then meant for x_o alone; others are
        answered with a warning.

        Parameters
        ----------
        simulator : callable
            From parameters, an array (n, n_parameters), to observations with n rows, as ``fit``
            had them.
        x_o : array-like of shape (k,)
            One observation, of the shape that :meth:`sample` takes.
        n_rounds : int, default=1
        n_simulations : int, default=1000
            In each round.
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Without a prior, and for several observations.

        References
        ----------
        .. [1] Deistler, Goncalves & Macke (2022), Truncated proposals for scalable and
           hassle-free simulation-based inference, arXiv:2210.04815, algorithm 1.
        """
        from skflow.estimators.simulation._rounds import refined

        asked, _ = self._asked(x_o)
        rng = check_random_state(draw_seed(random_state))
        n_simulations = check_n_samples(n_simulations)
        for _ in range(check_n_samples(n_rounds)):
            with anew(self, going_on=True) as draft, time_limit(self.max_seconds):
                refined(draft, simulator, asked, n_simulations, rng)
                draft.refined_at_ = self._reader.read(x_o)[0]
        return self

    def _asked(self, x_o):
        check_is_fitted(self, "weights_")
        x_o, single = self._reader.read(x_o)
        asked = self._reader.asked(x_o)
        warn_of_strange(self._familiar, asked.summaries)
        known = vars(self).get("refined_at_")
        if known is not None and (x_o.shape[1:] != known.shape[1:] or (x_o != known).any()):
            warn(
                "refine made the posterior that of another observation, refined_at_: of this one "
                "it is a guess. Fit anew to the first simulations.",
                UserWarning,
            )
        return asked, single

    def _pool_for(self, asked):
        """Return the pool that can tell of so many observations of one theta."""
        r = asked.rows.shape[1]
        if r == self._reader.n_repeats or not self._reader.likelihood_is_of_rows:
            return self._pool
        if self.likelihood_ is None:
            raise ValueError(
                f"x_o holds {r} observations of one theta, and the simulations had "
                f"{self._reader.n_repeats}: only the likelihood tells of other numbers. Fit with "
                'a prior and method="nle" or "both".'
            )
        return self._pool.by_likelihood(self.likelihood_.mixture_)
