"""Draws, evidence and a flow of a density that is known up to a constant."""

# draws are from chains, and have no grid
# mypy: disable-error-code="override"

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skflow._callbacks import fit_task
from skflow._checked import checks_parameters
from skflow._random import draw_seed
from skflow._types import Auto, Bounds, Floats, Function, Names, RandomState
from skflow._validation import check_n_samples
from skflow.estimators._contract import FittedFlow
from skflow.estimators._output import framed
from skflow.estimators.posterior._names import checked_names

__all__ = ["FlowSampler"]

FEWEST_CHAINS = 4  # that slice moves along differences of others need


@dataclass(kw_only=True, eq=False, repr=False)
class FlowSampler(FittedFlow):
    r"""Samples a distribution, such as a posterior, given as an unnormalised log density.

    Chains of draws whose stationary distribution is the density itself, and its evidence, in
    some thousand calls where the parameters are ten or fewer. Modes may lie far apart, and
    gradients are not needed.

    1. **Exploration.** Rows are drawn wide, weighed by a power of the density that starts low,
       and fitted by a mixture of normals and by a triangular map; these give the next rows, and
       the power grows to one. All rows count in all rounds, each weighed by the mixture of
       everything that was drawn from [1]_, eq. 4.
    2. **Flow.** A neural spline flow is fitted to the weighted rows. Where the rows of the last
       round hardly count, mixture, map and flow are pooled, by new rows.
    3. **Chains.** Each takes draws x' of the pool q in place of x with probability

       .. math:: \min\left(1, \frac{p(x')\, q(x)}{p(x)\, q(x')}\right),

       so that it passes between modes, with slice moves in between for where q is too low [2]_.
       A first block is left out.
    4. **Verdict.** R-hat and effective numbers of the chains, and the evidence by bridge sampling
       between draws of the chains and of the pool, which were asked for anyway [3]_.

    ``verdict_`` is "bad", with a ``ConvergenceWarning``, where R-hat is above 1.1, fewer than 100
    draws count, halves of the chains disagree by a quarter of a nat on the evidence, hardly any
    proposal is accepted, or exploration did not reach the density. **A mode that no row has met
    leaves no trace**: say where the density may lie with ``start`` or ``support``, and compare
    ``log_evidence_`` of several ``random_state``; the larger one has found more.

    Cost: 7,000 to 13,000 calls of the density (rows that it is asked of) for two parameters,
    24,000 to 48,000 for eight to ten; each round asks in one batch. Apart from these 2 to 20
    seconds on one core.

    Parameters
    ----------
    n_features : int or None, default=None
        Number of parameters of the density, d. Must be set before ``fit``.
    feature_names : sequence of n_features str, default=None
        Of the parameters: for messages, ``support``, ``start`` and :meth:`to_arviz`.
    support : dict {index or name: (low, high)}, default=None
        Bounds of parameters, either may be None. All work is then done on their logarithms or
        logits; ``log_density`` is that of the parameters themselves, without a Jacobian.
    start : dict, sequence, frozen distribution or density, default=None
        Where to look first: the prior, if there is one, in any form that
        :class:`SimulationPosterior` takes. It is not multiplied in. None looks between the bounds
        of parameters that have two, and for the others at normals about 0 with deviations of 1,
        3, 10 and 30 (of the logarithm of the distance to a single bound, of 3). From there
        exploration moves to wherever the density is higher, but far modes of larger scales want
        to be told of.
    n_chains : int or "auto", default="auto"
        At least 4; 20, or 40 above four parameters. They share each call of the density.
    n_draws : int, default=100
        Of each chain, after a few that are left out. For each there are so many proposals, five at
        most, that no more than one draw in five is the one before once more, above four
        parameters one in twenty.
    max_seconds : float, default=None
        For the whole fit. What there is in the end is kept; a ``ConvergenceWarning`` names what
        was cut short.
    random_state : int, RandomState instance or None, default=None
        Of all draws of the fit. None draws anew at each fit.
    verbose : int, default=0
        From 1 a line for each stage, from 2 a bar for the training of the flow.

    Attributes
    ----------
    draws_ : ndarray of shape (n_chains, n_draws, n_features)
    log_evidence_, log_evidence_se_ : float
        Logarithm of the integral of the density, in nats, and its standard error.
    rhat_, ess_ : ndarray of shape (n_features,)
        Rank-normalised R-hat, and effective number of draws, the smaller of bulk and tail [4]_.
    acceptance_ : float
        Share of the proposals that the chains accepted.
    thinning_ : int
        Proposals for each draw that was kept.
    n_evaluations_, n_nonfinite_ : int
        Rows of which the log density was asked, and those where it was not finite: they count as
        outside the support.
    verdict_ : {"good", "bad"}
    verdict_reasons_ : list of str
    flow_ : skflow.flow.Flow
        Fitted to the weighted rows of the exploration: what :meth:`score_samples` and
        :meth:`transform` are of.
    history_ : list of dict
        A record a round of exploration: ``power``, ``n_components`` of the mixture,
        ``efficiency`` (share of the round's rows that count), ``n_evaluations`` and
        ``log_evidence``, in nats, by all rows so far.
    n_iter_ : int
        Rounds.
    stopped_by_ : {"n_draws", "max_seconds", "interrupt"}
    n_features_in_, n_chains_ : int
    support_bounds_ : tuple of ndarray
    feature_names_ : list of str or None

    See Also
    --------
    FlowVariationalApproximator : For more parameters, by the gradient of the density.
    SimulationPosterior : Where the density is not known, and simulations are.

    References
    ----------
    .. [1] Cornuet, Marin, Mira & Robert (2012), Adaptive multiple importance sampling,
       Scandinavian Journal of Statistics 39(4), arXiv:0907.1254.
    .. [2] Gabrie, Rotskoff & Vanden-Eijnden (2022), Adaptive Monte Carlo augmented with
       normalizing flows, PNAS 119(10), arXiv:2105.12603, algorithm 1.
    .. [3] Meng & Wong (1996), Simulating ratios of normalizing constants via a simple identity,
       Statistica Sinica 6(4), eq. 4.1.
    .. [4] Vehtari, Gelman, Simpson, Carpenter & Buerkner (2021), Rank-normalization, folding, and
       localization: an improved R-hat, Bayesian Analysis 16(2), arXiv:1903.08008.

    Examples
    --------
    Two modes, the one three times as heavy as the other, and a constant to be found:

    >>> import numpy as np
    >>> from skflow import FlowSampler
    >>> def log_density(x):
    ...     left, right = (-0.5 * np.sum((x - at) ** 2, axis=1) for at in (-5, 5))
    ...     return np.logaddexp(left, right + np.log(3)) - np.log(2 * np.pi)
    >>> sampler = FlowSampler(n_features=2, random_state=0).fit(log_density)
    >>> sampler.draws_.shape
    (20, 100, 2)
    >>> bool(abs(sampler.log_evidence_ - np.log(4)) < 0.05)
    True
    >>> bool(abs((sampler.draws_[..., 0] > 0).mean() - 0.75) < 0.05)
    True
    """

    n_features: int | None = None
    feature_names: Names | None = None
    support: Bounds | None = None
    start: Any = None
    n_chains: int | Auto = "auto"
    n_draws: int = 100
    max_seconds: float | None = None
    random_state: RandomState = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict] = {
        "n_features": [None, Interval(Integral, 1, None, closed="left")],
        "feature_names": [None, "array-like"],
        "support": [None, dict],
        "start": "no_validation",
        "n_chains": [StrOptions({"auto"}), Interval(Integral, FEWEST_CHAINS, None, closed="left")],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "max_seconds": [None, Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @checks_parameters(prefer_skip_nested_validation=True)
    def fit(self, log_density: Function) -> Self:
        """Explore a density and draw from it.

        Parameters
        ----------
        log_density : callable
            Maps rows, a float64 array (n, n_features) of numpy or a torch tensor, to their log
            densities (n,), up to a constant, each row by itself. It is called with an array of
            four rows first, and with a tensor where it does not take that. Values that are not
            finite count as outside the support.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If ``log_density`` is no function or returns no numbers; the function's own errors
            pass through with a note.
        ValueError
            If ``n_features`` is not set, the shape returned is wrong, rows depend on each other,
            or the density is finite nowhere.

        Warns
        -----
        ConvergenceWarning
            If ``verdict_`` is "bad", or ``max_seconds`` was over before all was done.
        """
        from skflow.estimators.sampler._outcome import draw_from_density

        if self.n_features is None:
            raise ValueError(
                "n_features, the number of parameters of log_density, must be set before fit: "
                "FlowSampler(n_features=...) or set_params(n_features=...)."
            )
        names = checked_names(self.feature_names, self.n_features)
        with fit_task(self):
            fitted = draw_from_density(self, log_density, names, draw_seed(self.random_state))
            kept = {name: value for name, value in vars(self).items() if not name.endswith("_")}
            # at once: a fit that fails or is interrupted leaves an earlier one whole
            self.__dict__ = {**kept, **fitted}
        return self

    def sample(self, n_samples: int = 1, random_state: RandomState = None) -> Floats:
        """Pick from the draws of all chains, in random order.

        Parameters
        ----------
        n_samples : int, default=1
            Up to ``n_chains * n_draws`` of them no draw is picked twice; each is picked as often
            as any other, or once more.
        random_state : int, RandomState instance or None, default=None
            None picks anew at every call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            A frame with the names of the parameters where ``set_output`` asks for one.
        """
        check_is_fitted(self, "draws_")
        n_samples = check_n_samples(n_samples)
        rng = check_random_state(draw_seed(random_state))
        rows = self.draws_.reshape(-1, self.n_features_in_)
        rounds = -(-n_samples // len(rows))
        order = np.concatenate([rng.permutation(len(rows)) for _ in range(rounds)])
        return framed(self, rows[order[:n_samples]])

    def to_arviz(self, names: Names | None = None) -> Any:
        """All chains as arviz's data structure, for its plots and summaries.

        Parameters
        ----------
        names : sequence of n_features str, optional
            Of the variables; ``feature_names`` by default, or else one variable "z".

        Returns
        -------
        data : xarray.DataTree, or arviz.InferenceData of older versions of arviz
            With all chains in the group "posterior".

        Raises
        ------
        ImportError
            Without arviz or arviz-base.
        """
        from skflow.variational import to_arviz

        check_is_fitted(self, "draws_")
        return to_arviz(self.draws_, self.feature_names_ if names is None else names)
