"""From a log density to a flow: search, whiten, refine a Gaussian, bend it, judge."""

from dataclasses import dataclass, field

import numpy as np
import torch

from skflow._clock import left_out, seconds_left, time_limit
from skflow._random import generator
from skflow._watch import tell
from skflow.bases import GaussianMixture, Normal, StudentT
from skflow.bijections import SupportMap, Whiten
from skflow.flow import Flow
from skflow.training import Symmetry
from skflow.variational._forecast import foretell
from skflow.variational._stages import GAUSSIAN_RATE, Stages, numbers_of_steps
from skflow.variational._start import Start, find_start
from skflow.variational._target import Pulled, Target

__all__ = ["ApproximationSettings", "Fitted", "fit_density"]

SEARCH_SHARE = 0.4  # of the time, if that is limited, that the search may take
# Of the t tails of a base that stands for one mode. They are not trained: reverse KL has no use
# for tails, and it is in the tails that importance weights grow.
TAIL_DF = 10.0


@dataclass(frozen=True)
class ApproximationSettings:
    """How to fit, every "auto" resolved but a learning rate that is to be tried."""

    flow: str
    n_layers: int
    hidden_features: tuple
    encoder_features: tuple
    n_starts: int
    batch_size: int
    max_epochs: int
    learning_rate: float | None
    annealing: float | None
    device: torch.device
    dtype: torch.dtype
    max_seconds: float | None = None
    verbose: int = 0
    layers_if_needed: bool = False  # none where the Gaussian is good enough
    symmetry: Symmetry | None = None


@dataclass
class Fitted:
    """A flow of unconstrained, whitened parameters behind the maps to it, and its history.

    Attributes
    ----------
    flow : Flow
        On the CPU, in eval mode.
    start : Start
    target : Target
    learning_rate : float
    n_layers : int
        0 where the Gaussian is all there is.
    records : list of dict
    stopped_by : str
    """

    flow: Flow
    start: Start
    target: Target
    learning_rate: float
    n_layers: int
    records: list = field(default_factory=list)
    stopped_by: str = "max_epochs"

    def modes(self):
        """Return the modes that the search found, in the units of the parameters, (n, d)."""
        if not self.start.modes:
            return np.empty((0, self.flow.base.n_features))
        support, _ = self.flow.preprocessing.bijections
        return support.inverse(self._unbounded_modes())[0].numpy()

    @torch.no_grad()
    def log_density_at_modes(self):
        """Log density (n,) of the flow at the modes, of the unbounded parameters."""
        _, whiten = self.flow.preprocessing.bijections
        return self.flow.behind(whiten).log_prob(self._unbounded_modes()).numpy()

    def _unbounded_modes(self):
        means = [mode.gaussian.mean for mode in self.start.modes]
        return torch.tensor(np.array(means)).reshape(len(means), self.flow.base.n_features)


def fit_density(target, low, high, settings, seed):
    """Fit a flow to a :class:`Target` of rows inside the bounds low and high (d,).

    Starts of the search come from ``seed``, all else from the generators of the block around.
    """
    support = SupportMap(low, high)
    rows = torch.randn(5, len(low), generator=generator(), dtype=torch.float64)
    target.check_rows_apart(support.inverse(rows)[0])
    foretell(target, support, settings, numbers_of_steps(settings))
    rng = np.random.default_rng(seed)
    tell(f"looking for modes from {settings.n_starts} starts")
    with time_limit(SEARCH_SHARE * seconds_left()):
        start = find_start(Pulled(target, support), len(low), rng, settings.n_starts)
    tell(f"modes found: {max(1, len(start.modes))}; training a Gaussian, then the flow")
    run = Stages(target, settings)
    flow = run.refine(*_whiten(start, settings.flow), support)
    rate, n_layers = GAUSSIAN_RATE, 0
    if settings.n_layers and run.stopped_by == "max_seconds":
        left_out("the layers of the flow")
    elif settings.n_layers and not run.stopped and not run.needs_no_layers(flow):
        n_layers = settings.n_layers
        flow, rate = run.bend(flow)
    return Fitted(flow.cpu().eval(), start, target, rate, n_layers, run.records, run.stopped_by)


def _whiten(start, flow):
    """Return the whitening to start from, and the base in whitened coordinates.

    That is a Gaussian for the flows that are one, else the mixture of several, else one with
    tails of a t, which cost next to nothing and keep weights far out from growing.
    """
    best, d = start.best, len(start.best.mean)
    if flow == "diagonal":
        deviations = np.linalg.norm(np.linalg.inv(best.root), axis=0) ** -1
        return Whiten.from_root(best.mean, np.diag(deviations)), Normal(d)
    if flow == "gaussian":
        return Whiten.from_root(best.mean, best.root), Normal(d)
    whiten = Whiten.from_root(start.whole.mean, start.whole.root)
    if len(start.gaussians) == 1:
        return whiten, StudentT(d, TAIL_DF).requires_grad_(False)
    means = whiten(torch.from_numpy(np.array([g.mean for g in start.gaussians])))[0]
    ends = torch.from_numpy(np.array([g.mean + g.root.T for g in start.gaussians]))
    roots = (whiten(ends)[0] - means.unsqueeze(1)).mT
    return whiten, GaussianMixture.from_roots(torch.from_numpy(start.weights), means, roots)
