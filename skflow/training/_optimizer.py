"""AdamW on one flat buffer, a row a member."""

import torch

__all__ = ["FlatAdamW", "FlatParameters"]

BETAS, EPS = (0.9, 0.99), 1e-8  # of AdamW
TINY = 1e-30  # far below eps squared: it keeps roots of denormal numbers, which are slow, away


class FlatParameters:
    """All parameters of a module as views into one buffer ``flat`` (K, P).

    Small nets spend their steps launching kernels. With one buffer, clipping, the update, the
    check for non-finite numbers and keeping the best weights are one kernel each, whatever the
    number of parameters and members.

    Parameters
    ----------
    module : nn.Module
    n_members : int or None
        Length of the leading member axis of the parameters; None if they have none.

    Attributes
    ----------
    flat : tensor of shape (K, P)
    decayed : tensor of shape (1, P)
        1 where weight decay acts: matrices, but not in modules that declare
        ``weight_decay = False``.
    """

    def __init__(self, module, n_members=None):
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.n_rows = n_members or 1
        shapes = [p.shape[1:] if n_members else p.shape for p in self.parameters]
        self.flat = self._join(self.parameters)
        spared = {id(p) for p in _without_decay(module)}
        self.decayed = self._join(
            [
                torch.full_like(p, len(shape) > 1 and id(p) not in spared)
                for p, shape in zip(self.parameters, shapes, strict=True)
            ]
        )[:1]
        for p, part in self._parts(self.parameters, self.flat):
            p.data = part

    def gradient(self, loss):
        """Gradient of a scalar loss, (K, P)."""
        grads = torch.autograd.grad(loss, self.parameters, allow_unused=True)
        return self._join(
            [
                torch.zeros_like(p) if g is None else g
                for g, p in zip(grads, self.parameters, strict=True)
            ]
        )

    def spread(self, flat, module):
        """Set the parameters of a copy of the module to those in a buffer (K, P)."""
        own = [p for p in module.parameters() if p.requires_grad]
        for p, part in self._parts(own, flat):
            p.data = part.clone(memory_format=torch.contiguous_format)

    def release(self):
        """Give every parameter memory of its own again, so that a pickle holds no buffer."""
        for p in self.parameters:
            p.data = p.data.clone(memory_format=torch.contiguous_format)

    def _parts(self, parameters, flat):
        """Parameters, and the view of each into a buffer (K, P)."""
        start = 0
        for p in parameters:
            stop = start + p.numel() // self.n_rows
            yield p, flat[:, start:stop].view(p.shape)
            start = stop

    def _join(self, tensors):
        return torch.cat([t.detach().reshape(self.n_rows, -1) for t in tensors], dim=1)


def _without_decay(module):
    for part in module.modules():
        if not getattr(part, "weight_decay", True):
            yield from part.parameters()


class FlatAdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) with a learning rate for each member.

    Members are independent problems that share kernels: a member whose gradient is not finite
    is left out of a step without touching its moments.
    """

    def __init__(self, parameters, weight_decay):
        self.flat = parameters.flat
        self.decay = parameters.decayed * weight_decay
        self.mean = torch.zeros_like(self.flat)
        self.square = torch.zeros_like(self.flat)
        self.steps = 0

    def corrections(self, step):
        """Return what corrects for moments that begin at 0: of the root, and of the update.

        Steps count from 1. They are ``mean / (1 - b1^t) / (sqrt(square / (1 - b2^t)) + eps)``
        with the numbers moved together.
        """
        b1, b2 = BETAS
        correction = (1 - b2**step) ** 0.5
        return correction, correction / (1 - b1**step)

    def step(self, gradient, rate, keep=None):
        """Update with ``gradient`` (K, P) at ``rate`` (K, 1) or a float.

        ``keep`` (K, 1), boolean, marks the members to update; None means all.
        """
        self.steps += 1
        self.move(gradient, rate, keep, *self.corrections(self.steps))

    def move(self, gradient, rate, keep, correction, scale):
        """Update as :meth:`step` does, with its corrections, which may be tensors."""
        b1, b2 = BETAS
        if keep is not None:
            gradient = torch.where(keep, gradient, self.mean)
            rate = torch.where(keep, rate, 0.0)
        self.mean.lerp_(gradient, 1 - b1)
        if keep is None:
            self.square.mul_(b2).addcmul_(gradient, gradient, value=1 - b2)
        else:
            self.square.lerp_(torch.where(keep, gradient.square(), self.square), 1 - b2)
        root = self.square.add(TINY).sqrt_().add_(EPS * correction)
        if isinstance(rate, float):
            self.flat.addcmul_(self.decay, self.flat, value=-rate)
            self.flat.addcdiv_(self.mean, root, value=-rate * scale)
        else:
            mean = self.mean
            if isinstance(scale, torch.Tensor):
                mean, scale = mean * scale, 1.0
            update = torch.addcdiv(self.decay * self.flat, mean, root, value=scale)
            self.flat.sub_(update.mul_(rate))

    def state(self):
        """Copy what the steps to come depend on, but for the weights."""
        return {
            "mean": self.mean.to("cpu", copy=True),
            "square": self.square.to("cpu", copy=True),
            "steps": self.steps,
        }

    def resume(self, state):
        """Go on from where another one was."""
        self.mean.copy_(state["mean"])
        self.square.copy_(state["square"])
        self.steps = state["steps"]

    def forget(self, members):
        """Zero the moments of some members (K,), after they were rolled back."""
        self.mean.masked_fill_(members.unsqueeze(1), 0)
        self.square.masked_fill_(members.unsqueeze(1), 0)
