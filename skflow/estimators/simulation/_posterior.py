"""The posterior of a simulator's parameters, amortised over what was observed."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skflow._clock import time_limit
from skflow._notices import warn
from skflow._random import draw_seed
from skflow._validation import check_data, check_n_samples
from skflow.estimators._contract import anew
from skflow.estimators.simulation._agreement import check_agreement, familiar, warn_of_strange
from skflow.estimators.simulation._learning import learn
from skflow.estimators.simulation._prior import read_prior
from skflow.estimators.simulation._reading import (
    ObservationReader,
    read_embedding,
    read_simulations,
    without_failures_of,
)

__all__ = ["SimulationPosterior"]


@dataclass(kw_only=True, eq=False, repr=False)
class SimulationPosterior(BaseEstimator):
    r"""Posterior of the parameters of a simulator, learnt from simulations alone.

    It takes parameters theta drawn from their prior, and what a simulator made of each, and gives
    draws and densities of theta for any observation: the likelihood need not be known. Two views
    are learnt, each a stack of densities given a context:

    - **npe**, the posterior itself, :math:`q(\theta \mid x)` [1]_, section 2.1;
    - **nle**, the likelihood :math:`l(x \mid \theta)` [2]_, which is a posterior with the prior.

    Which is better depends on the simulator, and each errs in its own way. By default they are
    pooled,

    .. math::
        p(\theta \mid x) \propto q(\theta \mid x)^a\,
            \bigl(p(\theta)\, l(x \mid \theta)\bigr)^b

    with the exponents that make parameters of held-out simulations likeliest, or one of them
    is taken as it is where the pool is no better by a hundredth of a nat. Draws of a pool start
    as draws of q and of the prior, are weighed, and moved by slice sampling where few of them
    count; those of "npe" alone are draws of q. None lies outside the prior.

    Cost: half a minute for 1,000 simulations, a minute for 10,000, on one core; 10,000 draws of
    one posterior up to half a minute, a second where "npe" alone is taken.

    Parameters
    ----------
    prior : dict, sequence, frozen distribution or density, default=None
        That theta was drawn from: ``{column: (low, high)}`` where it is uniform,
        ``{column: distribution}`` with a frozen distribution of scipy.stats, both in one dict
        if need be, or a sequence of such by column; one frozen multivariate distribution; or a
        fitted density. None knows none: then the posterior alone is learnt.
    density : "auto", estimator or StackedDensity, default="auto"
        Of one view given the other's rows: any density that takes a context. "auto" stacks
        :class:`NSFDensity`, :class:`MAFDensity` and, up to 3,000 rows,
        :class:`MixtureFlowDensity`; of a StackedDensity its ``estimators`` are taken.
    method : {"auto", "npe", "nle", "both"}, default="auto"
        Which views are learnt. "auto" learns both where there is a prior and an observation, or
        its summary, has at most 50 columns, and keeps what held-out parameters want; "both" pools
        them in any case.
    embedding : "auto", "perceptron", "convolution", transformer, module or None, default="auto"
        What makes a few numbers of long observations before densities see them. "perceptron" is
        for vectors and sets of vectors, "convolution" for series: x is then (n, length) or
        (n, length, n_channels). Both are trained together with a small flow. A transformer of
        scikit-learn is fitted to (x, theta); a torch module is trained as ours are, from a copy.
        "auto" is "perceptron" where an observation has more than 50 columns or there are several
        of one theta, else None.
    max_seconds : float, default=None
        For a fit, if it is to be limited.
    n_jobs : int, default=None
        Densities that are fitted side by side; None is 1 outside a ``parallel_config``.
    random_state : int, RandomState instance or None, default=None
    verbose : int, default=0

    Attributes
    ----------
    method_ : {"npe", "nle", "both"}
        What scores and draws come from.
    weights_ : tuple of float
        The exponents (a, b).
    posterior_, likelihood_ : StackedDensity or None
        The two views; their ``cv_scores_`` tell how densities compare.
    held_out_scores_ : dict
        Mean log density of the parameters of held-out simulations, in nats, by "npe", "nle" and
        "pool"; empty where only one view was learnt.
    prior_ : object or None
        The prior as it was read.
    embedding_ : object or None
        What makes summaries of observations.
    refined_at_ : ndarray of shape (1, r, k)
        The observation that :meth:`refine` was told, if it was called.
    n_features_in_ : int
        Parameters d.
    feature_names_in_ : ndarray of str
        Only if theta had column names.

    See Also
    --------
    FlowVariationalApproximator : For a posterior whose density is known.
    check_posterior : Whether draws are those of the posterior.

    Notes
    -----
    The posterior is that of the simulator. If what was observed is unlike all simulations, no
    theta explains it, and :meth:`sample` warns.

    References
    ----------
    .. [1] Papamakarios & Murray (2016), Fast epsilon-free inference of simulation models with
       Bayesian conditional density estimation, arXiv:1605.06376; Greenberg, Nonnenmacher & Macke
       (2019), arXiv:1905.07488.
    .. [2] Papamakarios, Sterratt & Murray (2019), Sequential neural likelihood, arXiv:1805.07226,
       section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow import SimulationPosterior
    >>> rng = np.random.default_rng(0)
    >>> theta = rng.uniform(-1, 1, (500, 1))
    >>> x = theta + 0.1 * rng.normal(size=(500, 1))
    >>> posterior = SimulationPosterior(prior=[(-1, 1)], random_state=0).fit(theta, x)
    >>> draws = posterior.sample(1000, [0.5], random_state=0)
    >>> draws.shape
    (1000, 1)
    >>> bool(abs(draws.mean() - 0.5) < 0.05)
    True
    """

    prior: Any = None
    density: Any = "auto"
    method: str = "auto"
    embedding: Any = "auto"
    max_seconds: float | None = None
    n_jobs: int | None = None
    random_state: Any = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict] = {
        "prior": "no_validation",
        "density": [StrOptions({"auto"}), HasMethods(["fit", "score_samples", "sample"])],
        "method": [StrOptions({"auto", "npe", "nle", "both"})],
        "embedding": [
            None,
            StrOptions({"auto", "perceptron", "convolution"}),
            HasMethods(["fit", "transform"]),
            HasMethods(["forward", "parameters"]),
        ],
        "max_seconds": [None, Interval(Real, 0, None, closed="neither")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, theta, x):
        """Learn from simulations.

        Parameters
        ----------
        theta : array-like or data frame of shape (n_simulations, n_parameters)
            Drawn from the prior.
        x : array-like of shape (n_simulations, k) or (n_simulations, r, k)
            What was simulated with each row of theta; of the second shape r independent
            observations of each theta, or with ``embedding="convolution"`` a series of r times
            and k channels.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            For bad input, and for a ``method`` that needs a prior and has none.

        Warns
        -----
        UserWarning
            Where theta does not look drawn from ``prior``, and for simulations that hold NaN or
            infinite numbers: they are left out.
        """
        with anew(self) as draft, time_limit(self.max_seconds):
            draft._learn(theta, x)
        return self

    def sample(self, n_samples, x_o, random_state=None):
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
            The first where x_o is one observation.

        Warns
        -----
        UserWarning
            For an observation that is unlike all simulations.
        """
        asked, single = self._asked(x_o)
        n_samples = check_n_samples(n_samples)
        rng = check_random_state(draw_seed(random_state))
        draws = self._pool_for(asked).sample(asked, n_samples, rng)
        return draws[0] if single else draws

    def score_samples(self, theta, x_o):
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
            normalised by some 2,000 draws of each posterior, always the same; the error is
            some hundredths of a nat.
        """
        check_is_fitted(self, "weights_")
        theta = check_data(self, theta, reset=False)
        asked, single = self._asked(x_o)
        if len(asked) not in (1, len(theta)):
            raise ValueError(
                f"x_o holds {len(asked)} observations, and theta {len(theta)} rows: pass one "
                "observation for all, or one for each."
            )
        pool = self._pool_for(asked)
        group = np.zeros(len(theta), int) if len(asked) == 1 else np.arange(len(theta))
        constant = pool.log_constant(asked, check_random_state(self._seed))
        return pool.log_density(theta, asked, group) - constant[group]

    def refine(self, simulator, x_o, n_rounds=1, *, n_simulations=1_000, random_state=None):
        """Simulate where the posterior of one observation is, and learn from that, too.

        Each round draws parameters from the prior within the region that holds nearly all of the
        posterior as known so far [1]_, simulates them and fits anew: the posterior from all
        simulations of the region, which are as if drawn from a prior cut to it, and the
        likelihood from all simulations. The estimator is then meant for x_o alone; others are
        answered with a warning.

        Parameters
        ----------
        simulator : callable
            From parameters (n, n_parameters) to observations with n rows, as ``fit`` had them.
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

    def _learn(self, theta, x):
        theta = check_data(self, theta, reset=True)
        is_series = self.embedding == "convolution" if isinstance(self.embedding, str) else False
        shape, x = read_simulations(theta, x, is_series)
        theta, x = without_failures_of(theta, x)
        names = getattr(self, "feature_names_in_", None)
        self.prior_ = read_prior(self.prior, theta.shape[1], names)
        rng = check_random_state(draw_seed(self.random_state))
        theta, x = check_agreement(theta, x, self.prior_, rng, names)
        self.embedding_ = read_embedding(self.embedding, theta, x, is_series, rng)
        self._reader = ObservationReader(shape, is_series, self.embedding_)
        self._simulations = theta, x
        self._learn_from(theta, self._reader.asked(x), rng)

    def _learn_from(self, theta, asked, rng, inside=None):
        learned = learn(self, self.prior_, theta, asked, rng, inside)
        self._pool = learned.pool
        self.weights_ = learned.pool.weights
        a, b = self.weights_
        self.method_ = "both" if a and b else "npe" if a else "nle"
        self.posterior_, self.likelihood_ = (learned.views.get(name) for name in ("npe", "nle"))
        self.held_out_scores_ = learned.scores
        self._familiar = familiar(asked.summaries, rng)
        self._seed = rng.randint(np.iinfo(np.int32).max)

    def _asked(self, x_o):
        check_is_fitted(self, "weights_")
        x_o, single = self._reader.read(x_o)
        asked = self._reader.asked(x_o)
        warn_of_strange(self._familiar, asked.summaries)
        known = vars(self).get("refined_at_")
        if known is not None and not (x_o == known).all():
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
