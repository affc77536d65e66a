"""Training in memory that does not grow with depth: activations found again from outputs."""

from contextlib import nullcontext

import torch
from torch.autograd.function import once_differentiable

from skflow._random import drawing_from, random_state
from skflow.bijections._base import Bijection, Chain
from skflow.exceptions import NotInvertibleError

__all__ = ["Reversible"]


class Reversible(Bijection):
    """A :class:`Chain` that keeps only its output for the backward pass.

    The results are those of the chain. In training, no activation is stored: the backward pass
    finds the input of every part from its output, ``x = f^{-1}(z)``, last part first, runs
    that part alone forward again and differentiates it [1]_. So the memory of a training step is
    that of one part, whatever their number, beside the parameters and their gradients.

    Gradients are those of the chain up to the rounding of the inverses, which adds up over the
    parts and grows with their condition numbers. Parts that draw random numbers, such as dropout,
    draw the same in all passes; one that draws several times must do so in the same order in
    both directions. Gradients of gradients need eval mode, in which nothing differs from a chain.

    Cost: forward and inverse those of the chain. A training step takes 4/3 of the chain's where
    :meth:`Bijection.retrace` needs one pass of a net (couplings), else about 5/3.

    Parameters
    ----------
    bijections : iterable of Bijection
        All with an exact inverse, of any direction, that leaves nothing but rounding errors.
        A chain among them counts as its parts. Parts that charge penalties in training are not
        of this kind, so that no gradient of a penalty can be lost.

    References
    ----------
    .. [1] Gomez, Ren, Urtasun & Grosse (2017), The reversible residual network: backpropagation
       without storing activations, arXiv:1707.04585, section 3.
    """

    def __init__(self, bijections):
        super().__init__()
        self.chain = Chain(bijections)
        for part in _parts(self):
            if part.invertible != "exact" or part.tolerance is not None:
                raise NotInvertibleError(
                    f"{type(part).__name__} has no exact inverse from which its input could be "
                    "found again: use a Chain, and memory_efficient=False in a recipe"
                )

    def forward(self, x, context=None):
        if not (self.training and torch.is_grad_enabled()):
            return self.chain(x, context)
        parameters = _trained(self)
        return _FromOutput.apply(list(_parts(self)), x, context, *parameters)

    def inverse(self, z, context=None):
        return self.chain.inverse(z, context)

    def initialize(self, x, context=None, weight=None):
        return self.chain.initialize(x, context, weight)

    def initialize_inverse(self, z, context=None, weight=None):
        return self.chain.initialize_inverse(z, context, weight)

    def verify(self):
        self.chain.verify()


def _parts(bijection):
    if isinstance(bijection, Reversible):
        yield from _parts(bijection.chain)
    elif isinstance(bijection, Chain):
        for part in bijection.bijections:
            yield from _parts(part)
    else:
        yield bijection


def _trained(module):
    return [p for p in module.parameters() if p.requires_grad]


class _FromOutput(torch.autograd.Function):
    """Parts one after the other; backward knows their last output, and no other."""

    @staticmethod
    def forward(ctx, parts, x, context, *parameters):
        ctx.parts, ctx.parameters = parts, parameters
        ctx.autocast = _autocast_of(x)
        ctx.random = []  # the state before each part that draws numbers, else None
        total = x.new_zeros(())
        with _cast_as(*ctx.autocast):
            for part in parts:
                before = random_state(x.device)
                x, log_det = part(x, context)
                total = total + log_det
                ctx.random.append(before if before.moved else None)
        ctx.save_for_backward(x, context)
        return x, total

    @staticmethod
    @once_differentiable
    def backward(ctx, grad, grad_log_det):
        z, context = ctx.saved_tensors
        if ctx.needs_input_grad[2]:
            context = context.detach().requires_grad_()
        found = {}
        for part, state in zip(ctx.parts[::-1], ctx.random[::-1], strict=True):
            others = _trained(part)
            if ctx.needs_input_grad[2]:
                others.append(context)
            with torch.enable_grad(), _cast_as(*ctx.autocast), _drawing_from(state):
                z, *outputs = part.retrace(z, context)
            grad, *grads = _gradients(outputs, (grad, grad_log_det), [z, *others])
            for tensor, g in zip(others, grads, strict=True):
                if g is not None:
                    found[tensor] = found[tensor] + g if tensor in found else g
        return None, grad, found.get(context), *(found.get(p) for p in ctx.parameters)


def _gradients(outputs, gradients, inputs):
    """Products with the Jacobian; constant outputs, such as many log-dets, are left out."""
    pairs = [(y, g) for y, g in zip(outputs, gradients, strict=True) if y.requires_grad]
    outputs, gradients = zip(*pairs, strict=True)
    return torch.autograd.grad(outputs, inputs, gradients, allow_unused=True)


def _autocast_of(x):
    kind = x.device.type
    return kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)


def _cast_as(kind, dtype, enabled):
    """Autocast as it was, but without its cache, which would mix passes with and without grad."""
    return torch.autocast(kind, dtype, enabled, cache_enabled=False)


def _drawing_from(state):
    return nullcontext() if state is None else drawing_from(state)
