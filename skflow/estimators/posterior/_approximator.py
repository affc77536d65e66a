"""A flow for a distribution that is known by its log density alone."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from skflow._callbacks import fit_task
from skflow._checked import checks_parameters
from skflow._random import draw_seed
from skflow._types import (
    Auto,
    Bounds,
    Context,
    Function,
    Gradient,
    Names,
    RandomState,
    Rows,
    Sizes,
)
from skflow.estimators._docs import documented
from skflow.estimators.posterior._constraints import CONSTRAINTS
from skflow.estimators.posterior._draws import WeighedDraws

__all__ = ["FlowVariationalApproximator"]


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class FlowVariationalApproximator(WeighedDraws):
    r"""Approximates a distribution, such as a posterior, given as an unnormalised log density.

    There are no rows to learn from: a flow q is fitted to a density p by the evidence lower bound

    .. math::
        \mathrm{ELBO} = E_{z \sim q}\bigl[\log p(z) - \log q(z)\bigr]
                      = \log Z - \mathrm{KL}(q \,\|\, p / Z),

    [1]_, eq. 15. Afterwards one has independent draws, their log densities, expectations, the
    evidence Z and a verdict.

    1. **Search.** Quasi-Newton ascents from several starts find modes; Gaussians from slope and
       curvature are tried all along the ways [2]_ and the one of the highest ELBO is kept, or one
       for each mode, weighted by the mass that Laplace's approximation gives it.
    2. **Whitening.** A full Gaussian (or the mixture) is refined by the ELBO; its mean and
       covariance scale and rotate the parameters from then on.
    3. **Flow.** Layers that start at the identity are trained by the ELBO, with a few learning
       rates tried briefly and the best followed along a cosine, in rounds of 5, then 20 epochs,
       until they are good enough: k-hat is below 0.7 by two standard errors, nine tenths of the
       draws count, half after 20 epochs, and they are off by less than 5 %. Where the Gaussian
       is, there are none. Gradients of "iaf" and "coupling" are those of the path alone [3]_.
    4. **Verdict.** 10,000 draws of q are weighed by p / q with Pareto smoothing [4]_, 40,000
       where the first leave doubts.

    ``verdict_`` is "bad", with a ``ConvergenceWarning``, where weights cannot mend the fit:
    k-hat is not below 0.7 by a standard error and tenfold draws may add half a percent to the
    evidence, fewer than 100 draws count, halves of the draws disagree by a quarter of a standard
    deviation or of a nat, or a mode is not covered. It is "weigh", with a warning too, where
    draws are off by 15 % of a standard deviation and weights mend that (:meth:`expectation`,
    ``sample(resample=True)``). **Weights see only where q is**: a mode of p that neither the
    search nor any draw has met leaves no trace. If there may be one, raise ``n_starts``,
    flatten the density at first by ``annealing``, fit with several ``random_state`` and compare
    ``log_evidence_``: the larger one has found more.

    Cost: some hundred to a thousand calls of the density for the search, 150 with gradients for
    the Gaussian, 400 of ``batch_size`` rows for rates and first round, 1,000 for each further
    one. For ten parameters and a cheap density that is a second, then ten, then half a minute.
    Of a density that makes this minutes, a notice says what it will take before the search.

    Parameters
    ----------
    n_features : int or None, default=None
        Number of parameters of the density, d. Must be set before ``fit``.
    feature_names : sequence of n_features str, default=None
        Of the parameters: for messages, ``support`` and :meth:`to_arviz`.
    flow : str, default="auto"
        How noise becomes parameters:

        - "auto", "iaf": inverse autoregressive flow [5]_; draws are one pass, scores of other
          points d passes;
        - "coupling": affine couplings, one pass either way;
        - "planar", "radial", "sylvester": layers from noise to parameters, as in [1]_; scores of
          other points search for a root in each layer;
        - "maf": autoregressive from parameters to noise. Draws, and so the steps of a fit, take
          d passes: a warning says so;
        - "gaussian", "diagonal": no layers, a Gaussian of full or diagonal covariance;
        - "equivariant": a continuous flow of particles; "auto" with ``symmetry``.
    n_layers : int or "auto", default="auto"
        "auto" is 4 for "iaf" and "maf", 2 above 12 parameters; 4 for "sylvester", 8 for
        "coupling", 16 for "planar" and "radial"; 0 where a Gaussian is good enough.
    hidden_features : tuple of int or "auto", default="auto"
        Hidden layers of each layer's net; (64, 64).
    encoder_features : tuple of int or "auto", default="auto"
        With a context: hidden layers of the net that reads it; (128, 128).
    support : dict {index or name: (low, high)}, default=None
        Bounds of parameters, either may be None. The flow then lives on their logarithms or
        logits; ``log_density`` is that of the parameters themselves, without a Jacobian.
    symmetry : dict, default=None
        Of particles, as in :class:`skflow.ContinuousFlowDensity`; tells ``n_features`` too. No
        search then: rows are learnt if there are any, then the density, for 20 epochs, if need be.
    n_starts : int or "auto", default="auto"
        Ascents of the search; 96, which share each call of the density.
    annealing : float or None, default=None
        Power between 0 and 1 of the density when training begins, 0.1 say. It grows to 1 in four
        steps, of 3 epochs for the Gaussian and 5 for the flow, on top of ``max_epochs``. It keeps
        far modes connected, and does little for one. Not with a context.
    batch_size : int or "auto", default="auto"
        Draws a step; 512. With a context, rows of it a step; 128.
    max_epochs : int or "auto", default="auto"
        Of 50 steps each; 40. With a context, passes over its rows; 200.
    learning_rate : float or "auto", default="auto"
        "auto" tries 0.01, 0.003 and 0.001; 0.002 with a context.
    max_seconds : float, default=None
        For the whole fit: the search gets two fifths at most, the verdict what it needs, training
        the rest. What there is in the end is kept. A ``ConvergenceWarning`` names stages that were
        cut short or left out, but for training that was under way.
    device : str, default="cpu"
        "cpu", "cuda", "cuda:<index>", or "auto". ``log_density`` gets its rows there.
    dtype : {"float64", "float32"}, default="float64"
        Of the layers; ``log_density`` gets float64, or with a context, as a module, this one.
    random_state : int, RandomState instance or None, default=None
        Of starts, draws and nets. None draws anew at each fit.
    verbose : int, default=0
        From 1 a line for each stage of the fit, and a bar for each training run.

    Attributes
    ----------
    flow_ : skflow.flow.Flow
        On the CPU. ``flow_.sample_and_log_prob(n)`` draws and scores in one pass.
    elbo_, elbo_se_ : float
        Evidence lower bound of the log density as it was given, in nats, and its standard error.
        Where some draws have no density, of q confined to the others. With a context, mean and
        standard error over its rows.
    log_evidence_, log_evidence_se_ : float
        Logarithm of the normaliser Z by importance sampling, in nats, and its standard error.
    verdict_ : {"good", "weigh", "bad"}
        With a context: "bad" if more than a tenth of the contexts judged are, "weigh" likewise.
    verdict_reasons_ : list of str
        What was warned of.
    khat_, khat_se_ : float
        Shape of the generalised Pareto distribution of the largest weights, -inf if these are
        all equal, and its standard error.
    ess_ : float
        Effective sample size of the weights of ``draws_``.
    draws_, log_weights_ : ndarray of shape (n_draws, n_features) and (n_draws,)
        The draws that were weighed, and their smoothed weights, which sum to one.
    judged_rows_, judged_khat_, judged_ess_ : ndarray of shape (n_judged,)
        With a context: 50 rows of it, the worst first, by 1,000 draws each or 4,000 in doubt;
        ``judged_ess_`` is a share of the draws. Left out where ``max_seconds`` was over.
    modes_ : ndarray of shape (n_modes, n_features)
        Where the search found local maxima, that of most mass first; with ``support``, of the
        density of the unbounded parameters. There may be none.
    covered_ : ndarray of shape (n_modes,), bool
        Whether q is near p / Z or above it at each mode that holds a hundredth of the mass.
    n_evaluations_, n_nonfinite_ : int
        Rows of which the log density was asked, but for numeric differences, and those where it
        was not finite: they count as outside the support.
    history_ : list of dict
        One record an epoch: ``stage``, ``epoch``, ``learning_rate``, ``train_loss``,
        ``validation_loss`` (minus the ELBO, on fixed noise), both also for each member in
        lists, ``member_train_losses`` and ``member_validation_losses``, and ``seconds``.
    n_iter_ : int
        Epochs of training, those of the trials included.
    stopped_by_ : {"max_epochs", "max_seconds", "interrupt", "callback"}
    log_joint_ : torch.nn.Module
        With a context: the trained log density, if it is a module. It is a copy, and pickled
        with the estimator, so that its class must be importable; :meth:`save` leaves it out,
        with a warning. Weight decay of 0.01 acts on its matrices as on those of the flow.
    n_features_in_, n_context_ : int
    support_bounds_ : tuple of ndarray
    flow_kind_, n_layers_, hidden_features_, learning_rate_, feature_names_, ...
        What "auto" came to.

    See Also
    --------
    IAFDensity : The same flow, fitted to rows.
    distill : Fits a flow that samples fast to another flow.

    References
    ----------
    .. [1] Rezende & Mohamed (2015), Variational inference with normalizing flows,
       arXiv:1505.05770.
    .. [2] Zhang, Carpenter, Gelman & Vehtari (2022), Pathfinder, arXiv:2108.03782.
    .. [3] Roeder, Wu & Duvenaud (2017), Sticking the landing, arXiv:1703.09194.
    .. [4] Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling,
       JMLR 25(72).
    .. [5] Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling (2016), Improving variational
       inference with inverse autoregressive flow, arXiv:1606.04934.

    Examples
    --------
    The posterior of a normal mean and standard deviation, which is positive:

    >>> import torch
    >>> from skflow import FlowVariationalApproximator
    >>> y = torch.tensor([4.1, 5.2, 3.9, 4.8, 5.5, 4.4], dtype=torch.float64)
    >>> def log_density(z):
    ...     mean, deviation = z.T
    ...     likelihood = torch.distributions.Normal(mean, deviation).log_prob(y[:, None]).sum(0)
    ...     return likelihood - 0.5 * (mean / 10) ** 2 - deviation
    >>> posterior = FlowVariationalApproximator(
    ...     n_features=2, feature_names=["mean", "deviation"], support={"deviation": (0, None)},
    ...     n_layers=1, max_epochs=3, random_state=0,
    ... ).fit(log_density)
    >>> posterior.sample(3, random_state=0).shape
    (3, 2)
    >>> posterior.verdict_
    'good'
    >>> posterior.expectation(lambda z: z[:, 0]).round()
    np.float64(5.0)
    """

    n_features: int | None = None
    feature_names: Names | None = None
    flow: str = "auto"
    n_layers: int | Auto = "auto"
    hidden_features: Sizes | Auto = "auto"
    encoder_features: Sizes | Auto = "auto"
    support: Bounds | None = None
    symmetry: Any = None
    n_starts: int | Auto = "auto"
    annealing: float | None = None
    batch_size: int | Auto = "auto"
    max_epochs: int | Auto = "auto"
    learning_rate: float | Auto = "auto"
    max_seconds: float | None = None
    device: str = "cpu"
    dtype: Literal["float32", "float64"] = "float64"
    random_state: RandomState = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict] = CONSTRAINTS

    @checks_parameters(prefer_skip_nested_validation=True)
    def fit(
        self,
        log_density: Function,
        grad: Gradient = None,
        context: Context = None,
        *,
        rows: Rows | None = None,
    ) -> Self:
        """Approximate the distribution with the given log density.

        Parameters
        ----------
        log_density : callable
            Maps rows z, a float64 torch tensor (n, n_features), to their log densities (n,), up
            to a constant, in operations that torch can differentiate, each row by itself. Values
            that are not finite count as outside the support. With ``context``: maps z (n,
            n_features) and x (n, n_context) to log joint densities (n,); the parameters of an
            ``nn.Module`` are trained along, as the decoder of a variational autoencoder is.
        grad : callable, True, "numeric" or None, default=None
            For functions of numpy arrays (n, n_features): a function that returns the gradients
            (n, n_features); True if ``log_density`` returns a pair of values and gradients;
            "numeric" for central differences, at 2 n_features evaluations a draw. None is for
            torch functions.
        context : array-like of shape (n_rows, n_context), default=None
            Rows x to learn q(z | x) for, all at once, by a net that reads them. It sees columns
            centred and scaled by the mean and the standard deviation of these rows;
            ``log_density`` gets them as they are.
        rows : array-like of shape (n_rows, n_features), default=None
            With ``symmetry``: draws of the distribution, of a short simulation say.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If ``log_density`` is no function, returns no tensor (or no array with ``grad``), or
            takes numpy arrays while ``grad`` is None; the function's own errors pass through
            with a note.
        ValueError
            If ``n_features`` is not set, the shape returned is wrong, rows depend on each other,
            the density is constant or finite nowhere, or a setting would break ``symmetry``.
        TrainingDivergedError
            If no training step was finite, and the start is not usable either.

        Warns
        -----
        ConvergenceWarning
            If ``verdict_`` is "bad", or "weigh" without a context, more than a hundredth of the
            draws lie where the density is not finite, off the bounds, or ``max_seconds`` was
            over before all was done.
        UserWarning
            If the flow is slow to draw from, or calls of the density will take over 2 minutes.
        """
        from skflow.estimators.posterior._outcome import approximate

        with fit_task(self):
            seed = draw_seed(self.random_state)
            fitted = approximate(self, log_density, grad, context, rows, seed)
            kept = {name: value for name, value in vars(self).items() if not name.endswith("_")}
            # at once: a fit that fails or is interrupted leaves an earlier one whole
            self.__dict__ = {**kept, **fitted}
        return self
