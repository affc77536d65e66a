"""What to minimise: callables from a flow and a batch to losses per row."""

from skflow.bijections._penalty import collected_penalties

__all__ = ["MaximumLikelihood", "ReverseKL"]


class MaximumLikelihood:
    """Negative log density of the rows, (*members, n), in nats, plus what bijections charge.

    They charge in training mode only, so that the loss in eval mode is the log density's.
    """

    def __call__(self, flow, batch):
        with collected_penalties() as penalties:
            losses = -flow.log_prob(batch.x, batch.context)
        return sum(penalties, losses)


class ReverseKL:
    r"""How far the flow's own draws are from a target, without rows of the target.

    .. math::
        \mathrm{KL}(q \,\|\, p) = E_{z \sim q_0}\bigl[\log q_0(z) - \log|\det J_g(z)|
                                - \log p(g(z))\bigr]

    with the flow's map g from noise to data and its base :math:`q_0`. The gradient runs through
    the draws (reparameterisation), into the parameters of the map and of the base; the weights
    of a mixture, which no draw depends on smoothly, get that of the score function, with the
    other draws' mean as the baseline. With a target that is not normalised the loss is the KL
    less the target's log normaliser, so that minus the loss is the evidence lower bound.

    A batch holds the seeds of the draws, see :meth:`skflow.bases.Base.from_seeds`:
    :class:`SeedBatches` deals them. With fixed seeds the loss is a deterministic function of
    the flow, so that a fixed batch serves as the validation set.

    It cares for where the flow is and not for where the target is: a mode of the target in
    which the flow never is does not count. Start the flow over all modes.

    Parameters
    ----------
    target : callable
        Log density (*members, n) of rows x (*members, n, d), up to a constant; differentiable.
        It shares its parameters with nothing that is trained.

    References
    ----------
    Rezende & Mohamed (2015), Variational inference with normalizing flows, arXiv:1505.05770,
    eq. 15; van den Oord et al. (2017), Parallel WaveNet, arXiv:1711.10433, section 4, where the
    target is another flow.
    """

    def __init__(self, target):
        self.target = target

    def __call__(self, flow, batch):
        z, log_share = flow.base.from_seeds(batch.x, batch.context)
        x, log_det = flow.from_noise(z, batch.context)
        losses = flow.base.log_prob(z, batch.context) - log_det - self.target(x)
        n = losses.shape[-1]
        others = (n * losses.detach() - losses.detach().sum(-1, keepdim=True)) / max(1, n - 1)
        return losses + others * (log_share - log_share.detach())
