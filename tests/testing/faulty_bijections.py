"""Bijections with one fault each; all start from an honest diagonal map."""

import torch
from torch import nn

from skflow.bijections._base import Bijection


class Scale(Bijection):
    """Honest: ``z = x exp(s) + b``."""

    def __init__(self, n_features=3):
        super().__init__()
        self.n_features = n_features
        self.log_scale = nn.Parameter(torch.zeros(n_features))
        self.bias = nn.Parameter(torch.zeros(n_features))

    def _log_det(self, x):
        return self.log_scale.sum(-1).unsqueeze(-1).expand(x.shape[:-1])

    def forward(self, x, context=None):
        z = x * self.log_scale.exp().unsqueeze(-2) + self.bias.unsqueeze(-2)
        return z, self._log_det(x)

    def inverse(self, z, context=None):
        x = (z - self.bias.unsqueeze(-2)) * (-self.log_scale).exp().unsqueeze(-2)
        return x, -self._log_det(z)


class WrongLogDetSign(Scale):
    """Both directions lie alike, so that their log-dets cancel."""

    def _log_det(self, x):
        return -super()._log_det(x)


class InverseLogDetOfForward(Scale):
    def inverse(self, z, context=None):
        x, log_det = super().inverse(z)
        return x, -log_det


class WrongInverse(Scale):
    def inverse(self, z, context=None):
        return z * (-self.log_scale).exp().unsqueeze(-2), -self._log_det(z)


class MissingInverse(Scale):
    """Declares "exact" as all bijections do, and has none."""

    inverse = Bijection.inverse


class UndeclaredInverse(Scale):
    invertible = "no"


class NonsenseInverse(Scale):
    invertible = "sometimes"


class BatchCentred(Scale):
    def forward(self, x, context=None):
        z, log_det = super().forward(x)
        return z - 0.1 * (z.mean(dim=-2, keepdim=True)), log_det

    invertible = "no"
    inverse = Bijection.inverse


class BatchInverse(Scale):
    """Forward is right; the inverse looks at the whole batch, unless it is one row."""

    def inverse(self, z, context=None):
        x, log_det = super().inverse(z)
        return x + (1e-9 if z.shape[-2] > 1 else 0.0), log_det


class ScalarLogDet(Scale):
    def forward(self, x, context=None):
        return super().forward(x)[0], self.log_scale.sum(-1)


class SummedLogDet(Scale):
    """A log-det for each number instead of each row."""

    def forward(self, x, context=None):
        return super().forward(x)[0], self.log_scale.unsqueeze(-2).expand(x.shape)


class Overflowing(Scale):
    def forward(self, x, context=None):
        z, log_det = super().forward(x)
        return z.exp().exp().exp().exp(), log_det


class Float64Constant(Scale):
    def forward(self, x, context=None):
        z, log_det = super().forward(x)
        return z, log_det + torch.zeros(1, dtype=torch.float64)


class Float32Inside(Scale):
    def inverse(self, z, context=None):
        x, log_det = super().inverse(z)
        return x.float().to(z.dtype), log_det


class InPlace(Scale):
    def forward(self, x, context=None):
        z, log_det = super().forward(x)
        if not x.requires_grad:
            x += 0.0
            x[..., 0] = 0.0
        return z, log_det


class NoisyEval(Scale):
    invertible = "no"
    inverse = Bijection.inverse

    def forward(self, x, context=None):
        z, log_det = super().forward(x)
        return z, log_det + 1e-12 * torch.rand(())


class StateOutsideStateDict(Scale):
    def __init__(self):
        super().__init__()
        self.centre = 0.0

    def initialize(self, x, context=None):
        self.centre = x.mean().item() + 1.0
        return self(x)[0]

    def forward(self, x, context=None):
        return super().forward(x - self.centre)

    def inverse(self, z, context=None):
        x, log_det = super().inverse(z)
        return x + self.centre, log_det


class LambdaInside(Scale):
    def __init__(self):
        super().__init__()
        self.function = lambda x: x


class DetachedParameter(Scale):
    def forward(self, x, context=None):
        z = x * self.log_scale.exp().unsqueeze(-2) + self.bias.detach().unsqueeze(-2)
        return z, self._log_det(x)


class HalfDetachedParameter(Scale):
    """A gradient arrives, but only through the log-det."""

    def forward(self, x, context=None):
        z = x * self.log_scale.detach().exp().unsqueeze(-2) + self.bias.unsqueeze(-2)
        return z, self._log_det(x)


class NoGradient(Scale):
    def forward(self, x, context=None):
        z, log_det = super().forward(x)
        scale = self.log_scale.detach().exp().unsqueeze(-2)
        return x * scale + self.bias.detach().unsqueeze(-2), log_det.detach()


class NoMemberAxes(Scale):
    """Right for parameters (d,), and pairs members with rows for (K, d)."""

    def forward(self, x, context=None):
        return x * self.log_scale.exp() + self.bias, self._log_det(x)


class MemberAxesMixedUp(Scale):
    """Only the log-det of a stack is wrong."""

    def forward(self, x, context=None):
        z, _ = super().forward(x)
        return z, self.log_scale.sum().expand(x.shape[:-1])

    def inverse(self, z, context=None):
        x, _ = super().inverse(z)
        return x, -self.log_scale.sum().expand(z.shape[:-1])


class StaleInverse(Scale):
    """Keeps the factor of its first inverse."""

    def inverse(self, z, context=None):
        if not hasattr(self, "kept"):
            self.kept = (-self.log_scale).exp().unsqueeze(-2)
        x = (z - self.bias.unsqueeze(-2)) * self.kept.to(z.dtype)
        return x, -self._log_det(z)


class GlobalDice(Scale):
    """Draws from the global random state, and does nothing with it."""

    def forward(self, x, context=None):
        torch.rand(())
        return super().forward(x)


class LayoutOfMemory(Scale):
    """Reads the numbers in the order in which they lie in memory."""

    def forward(self, x, context=None):
        order = x if x.is_contiguous() else x.mT.reshape(x.shape)
        return super().forward(order)


class InverseWithoutGradient(Scale):
    def inverse(self, z, context=None):
        x, log_det = super().inverse(z)
        return x.detach(), log_det


class InverseWithHalfAGradient(Scale):
    """The gradient of a root that forgets its slope."""

    def inverse(self, z, context=None):
        x = (z - self.bias.unsqueeze(-2)) * (-self.log_scale.detach()).exp().unsqueeze(-2)
        return x, -self._log_det(z)
