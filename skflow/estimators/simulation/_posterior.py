"""The posterior of a simulator's parameters, amortised over what was observed."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skflow._callbacks import CallbackSupportMixin, fit_task
from skflow._checked import checks_parameters
from skflow._clock import time_limit
from skflow._model_card import CardMixin
from skflow._persistence import SavePartsMixin
from skflow._random import draw_seed
from skflow._types import RandomState, Table
from skflow._validation import check_data
from skflow.estimators._contract import anew
from skflow.estimators.simulation._agreement import check_agreement, familiar
from skflow.estimators.simulation._answers import AnswersObservations
from skflow.estimators.simulation._learning import learn_views
from skflow.estimators.simulation._prior import read_prior
from skflow.estimators.simulation._reading import (
    ObservationReader,
    read_embedding,
    read_simulations,
    without_failures_of,
)

__all__ = ["SimulationPosterior"]


@dataclass(kw_only=True, eq=False, repr=False)
class SimulationPosterior(
    CallbackSupportMixin, CardMixin, SavePartsMixin, AnswersObservations, BaseEstimator
):
    r"""Posterior of the parameters of a simulator, learnt from simulations alone.

    It takes parameters theta drawn from their prior, and what a simulator made of each, and gives
    draws and densities of theta for any observation: the likelihood need not be known. Two views
    are learnt, each a stack of densities given a context:

    - **npe**, the posterior itself, :math:`q(\theta \mid x)` [1]_, section 2.1;
    - **nle**, the likelihood :math:`l(x \mid \theta)` [2]_, which is a posterior with the prior.

    Which is better depends on the simulator, and each errs in its own way. By default they are
    pooled,

    .. math::
        p(\theta \mid x) \propto p(\theta)
            \left(\frac{q(\theta \mid x)}{p(\theta)}\right)^a l(x \mid \theta)^b

    with the exponents that make parameters of held-out simulations likeliest, or one of them
    is taken as it is where the pool is no better by a hundredth of a nat. Draws of a pool start
    as draws of q and of the prior, are weighed, and moved by slice sampling where few of them
    count; those of "npe" alone are draws of q. None lies outside the prior.

    Cost: 10 to 40 seconds for 1,000 simulations on one core, 30 to 100 for 10,000; 10,000 draws
    of one posterior a second to half a minute, at once where "npe" alone is taken.

    Parameters
    ----------
    prior : dict, sequence, frozen distribution or density, default=None
        That theta was drawn from: ``{column: (low, high)}`` where it is uniform,
        ``{column: distribution}`` with a frozen distribution of scipy.stats, both in one dict
        if need be, or a sequence of such by column; one frozen multivariate distribution; or a
        fitted density. None knows none: then the posterior alone is learnt.
    density : "auto", estimator or StackedDensity, default="auto"
        Of one view given the other's rows: any density that takes a context. Members of a flow
        follow from the folds, whatever its ``n_members``. "auto" stacks
        :class:`NSFDensity`, :class:`MAFDensity` and, up to 3,000 rows,
        :class:`MixtureFlowDensity`, or takes a single Gaussian, a linear regression, where
        held-out rows are as likely by that; of a StackedDensity its ``estimators`` are taken.
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
        Of folds and densities. None draws anew at each fit.
    verbose : int, default=0
        From 1 a line for each stage of the fit and each density.

    Attributes
    ----------
    method_ : {"npe", "nle", "both", "prior"}
        What scores and draws come from; the prior alone where views learnt nothing.
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
    >>> from skflow import MixtureFlowDensity, SimulationPosterior
    >>> rng = np.random.default_rng(0)
    >>> theta = rng.uniform(-1, 1, (200, 1))
    >>> x = theta + 0.1 * rng.normal(size=(200, 1))
    >>> density = MixtureFlowDensity(n_components=1)  # quick; the default also tries flows
    >>> posterior = SimulationPosterior(prior=[(-1, 1)], density=density, random_state=0)
    >>> posterior = posterior.fit(theta, x)
    >>> draws = posterior.sample(1000, [0.5], random_state=0)
    >>> draws.shape
    (1000, 1)
    >>> bool(abs(draws.mean() - 0.5) < 0.05)
    True
    """

    prior: Any = None
    density: Any = "auto"
    method: Literal["auto", "npe", "nle", "both"] = "auto"
    embedding: Any = "auto"
    max_seconds: float | None = None
    n_jobs: int | None = None
    random_state: RandomState = None
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

    @checks_parameters(prefer_skip_nested_validation=False)
    def fit(self, theta: Table, x: Table) -> Self:
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
        task = fit_task(self, theta, x)
        with task, anew(self) as draft, time_limit(self.max_seconds):
            draft._learn(theta, x)
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
        self._simulations, self._regions = (theta, x), []
        self._learn_from(theta, self._reader.asked(x), rng)

    def _learn_from(self, theta, asked, rng, inside=None):
        learned = learn_views(self, self.prior_, theta, asked, rng, inside)
        self._pool = learned.pool
        self.weights_ = learned.pool.weights
        a, b = self.weights_
        self.method_ = "both" if a and b else "npe" if a else "nle" if b else "prior"
        self.posterior_, self.likelihood_ = (learned.views.get(name) for name in ("npe", "nle"))
        self.held_out_scores_ = learned.scores
        self._familiar = familiar(asked.summaries, rng)
        self._seed = rng.randint(np.iinfo(np.int32).max)
