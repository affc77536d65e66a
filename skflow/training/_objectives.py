"""What to minimise: callables from a flow and a batch to losses per row."""

from contextlib import contextmanager

import torch

from skflow.bijections import Continuous
from skflow.bijections._penalty import collected_penalties
from skflow.exceptions import StepLimitError

__all__ = ["MaximumLikelihood", "ReverseKL", "SolvedLikelihood"]


class MaximumLikelihood:
    """Negative log density of the rows, (*members, n), in nats, plus what bijections charge.

    They charge in training mode only, so that the loss in eval mode is the log density's.

    Attributes
    ----------
    by_rows : bool
        A row's loss does not depend on the rows beside it: a batch may go through in parts.
    repeatable : bool
        Every call does the same with a flow and a batch and keeps nothing: what one call asked
        of a GPU may be recorded, and replayed in place of others.
    """

    by_rows = True
    repeatable = True

    def __call__(self, flow, batch):
        with collected_penalties() as penalties:
            losses = -flow.log_prob(batch.x, batch.context)
        return sum(penalties, losses)


class SolvedLikelihood(MaximumLikelihood):
    """The same of continuous flows that are solved in training as they are in scoring.

    The log-determinant along a few equal steps has an error, and where it is all that is trained
    on, training makes it larger: held-out rows become less likely as the loss falls. Adaptive
    steps, if with a wider tolerance than that of scores, leave it nothing to gain. Rows beside one
    that the solver does not bring to its end have NaN for a loss, so that their step is left out.

    Attributes
    ----------
    tolerance : float
        In training; in eval mode flows have their own.
    rows_together : int
        Of a batch, whose steps are held in memory, some 8 MiB a row, until they have a gradient.
    """

    repeatable = False
    tolerance = 1e-3
    rows_together = 64

    def __call__(self, flow, batch):
        if not flow.training:
            return super().__call__(flow, batch)
        with _solved(flow, self.tolerance):
            try:
                return super().__call__(flow, batch)
            except StepLimitError:
                part = next(part for part in flow.parameters() if part.requires_grad)
                return (torch.nan * part.sum()).expand(batch.x.shape[:-1])


@contextmanager
def _solved(flow, tolerance):
    """Have continuous flows in eval mode in a block, with a tolerance of its own."""
    parts = [part for part in flow.modules() if isinstance(part, Continuous)]
    kept = [part.tolerance for part in parts]
    flow.eval()
    try:
        for part in parts:
            part.tolerance = tolerance
        yield
    finally:
        for part, own in zip(parts, kept, strict=True):
            part.tolerance = own
        flow.train()


class ReverseKL:
    r"""How far the flow's own draws are from a target, without rows of the target [1]_.

    .. math::
        \mathrm{KL}(q \,\|\, p) = E_{z \sim q_0}\bigl[\log q_0(z) - \log|\det J_g(z)|
                                - \log p(g(z))\bigr]

    with the flow's map g from noise to data and its base :math:`q_0`. The gradient runs through
    the draws (reparameterisation), into the parameters of the map and of the base; the weights
    of a mixture, which no draw depends on smoothly, get that of the score function, with the
    other draws' mean as the baseline. With a target that is not normalised the loss is the KL
    less the target's log normaliser, so that minus the loss is the evidence lower bound.

    With ``path_gradient`` the parameters within log q are held fixed, so that only the path
    through the draws has a gradient: what is left out has mean zero, and near a perfect fit
    all noise of the gradient goes with it [2]_. It scores each draw again, so that it pays
    where both directions of the flow are fast.

    A batch holds the seeds of the draws, see :meth:`skflow.bases.Base.from_seeds`:
    :class:`SeedBatches` deals them. With fixed seeds the loss is a deterministic function of
    the flow, so that a fixed batch serves as the validation set. Draws where the target is
    -inf count as a nat worse than the worst of the others, and push the flow away.

    What bijections charge in training mode is added, as it is to a likelihood.

    It cares for where the flow is and not for where the target is: a mode of the target in
    which the flow never is does not count. Start the flow over all modes.

    Parameters
    ----------
    target : callable
        Log density (*members, n) of rows x (*members, n, d), up to a constant; differentiable.
        Where batches have a context it is called with x and context.
    path_gradient : bool, default=False

    Attributes
    ----------
    inverse_temperature : float
        Power of the target, 1 at first; below 1 the target is flatter.

    References
    ----------
    .. [1] Rezende & Mohamed (2015), Variational inference with normalizing flows,
       arXiv:1505.05770, eq. 15; van den Oord et al. (2017), Parallel WaveNet,
       arXiv:1711.10433, section 4, where the target is another flow.
    .. [2] Roeder, Wu & Duvenaud (2017), Sticking the landing, arXiv:1703.09194.
    """

    def __init__(self, target, path_gradient=False):
        self.target = target
        self.path_gradient = path_gradient
        self.inverse_temperature = 1.0

    def __call__(self, flow, batch):
        context = batch.context
        z, log_share = flow.base.from_seeds(batch.x, context)
        with collected_penalties() as penalties:
            x, log_det = flow.from_noise(z, context)
        if self.path_gradient and torch.is_grad_enabled():
            with _held_fixed(flow):
                log_q = flow.log_prob(x, context)
        else:
            log_q = flow.base.log_prob(z, context) - log_det
        log_p = self.target(x) if context is None else self.target(x, context)
        losses = log_q - self.inverse_temperature * log_p
        empty = log_p == -torch.inf
        if bool(empty.any()):
            losses = _away_from(empty, losses, lambda: flow.log_prob(x.detach(), context))
        n = losses.shape[-1]
        others = (n * losses.detach() - losses.detach().sum(-1, keepdim=True)) / max(1, n - 1)
        return sum(penalties, losses + others * (log_share - log_share.detach()))


def _away_from(empty, losses, log_density):
    """Losses in which draws without a target are a nat worse than the worst of the others.

    No path leads out of there, so that their gradient is that of the score function.
    """
    others = losses.detach().masked_fill(empty, -torch.inf)
    worst = others.amax(-1, keepdim=True) + 1
    worst = torch.where(empty.all(-1, keepdim=True), torch.inf, worst)
    if not torch.is_grad_enabled():
        return torch.where(empty, worst, losses)
    mean = others.masked_fill(empty, 0).sum(-1, keepdim=True) / (~empty).sum(-1, keepdim=True)
    log_q = log_density()
    return torch.where(empty, worst + (worst - mean) * (log_q - log_q.detach()), losses)


@contextmanager
def _held_fixed(module):
    """Run a block in which the module's parameters are constants."""
    learnt = [p for p in module.parameters() if p.requires_grad]
    try:
        for p in learnt:
            p.requires_grad_(False)
        yield
    finally:
        for p in learnt:
            p.requires_grad_(True)
