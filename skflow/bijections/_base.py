"""Invertible maps with tractable Jacobians: the contract, composition and inversion.

One direction for the whole package: ``forward`` maps data ``x`` to noise ``z``.

Shapes are ``(*members, n, d)`` for vectors and ``(*members, n, channels, height, width)`` for
images; log-dets are ``(*members, n)``. ``members`` is usually empty. Every tensor of
parameters may carry the same leading axes, so that the one piece of code runs a single flow,
``x (n, d)`` with a weight ``(out, in)``, or an ensemble of K flows in one batched product,
``x (K, n, d)`` with a weight ``(K, out, in)``; see :func:`skflow.members.stack_members`.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from torch import nn

from skflow._clock import left_out, time_is_up
from skflow._random import drawing_from, random_state
from skflow.exceptions import NotInvertibleError

__all__ = ["Bijection", "Chain", "Inverse", "in_row_blocks"]

BLOCK_ENTRIES = 2**16  # of rows that start a layer together
START_SHARE = 0.5  # of a limited time, after which no further layer starts from rows


class Bijection(nn.Module, ABC):
    """A map from data x to noise z, with the log|det| of whichever direction was taken.

    Attributes
    ----------
    invertible : {"exact", "iterative", "no"}
        How :meth:`inverse` works; declared by the class, never found out by trying.
    tolerance : float or None
        What results in eval mode, of either direction, may be off by, relative to 1 + their
        size, where they come from an iteration that stops; None where only rounding is left.
    """

    invertible: ClassVar[Literal["exact", "iterative", "no"]] = "exact"
    tolerance: float | None = None

    @abstractmethod
    def forward(self, x, context=None):
        """Map data to noise.

        Parameters
        ----------
        x : tensor of shape (*members, n, d)
        context : tensor of shape (*members, n, c), optional

        Returns
        -------
        z : tensor of shape (*members, n, d)
        log_det : tensor of shape (*members, n)
            log|det dz/dx| of each row, in nats.
        """

    def inverse(self, z, context=None):
        """Map noise to data; returns x and log|det dx/dz|, shaped as in :meth:`forward`."""
        raise NotInvertibleError(
            f"{type(self).__name__} has no inverse: it scores but cannot sample"
        )

    def retrace(self, z, context=None):
        """Find x from z = forward(x), and run forward from it for a gradient; both draw alike.

        Maps for which the two directions share most of their work may save half of it.

        Returns
        -------
        x : tensor of shape (*members, n, d)
            A leaf that requires a gradient.
        z, log_det : tensors
            forward(x), with its graph.
        """
        with torch.no_grad(), drawing_from(random_state(z.device)):
            x, _ = self.inverse(z, context)
        x = x.detach().requires_grad_()
        return x, *self(x, context)

    def initialize(self, x, context=None, weight=None):
        """Set data-dependent parameters from training rows, once, and return forward(x)[0].

        Rows count by their weights (*members, n), if there are any.
        """
        return in_row_blocks(lambda *rows: self(*rows)[0], x, context)

    def initialize_inverse(self, z, context=None, weight=None):
        """Do as :meth:`initialize` for the other direction, and return inverse(z)[0].

        What would make ``forward`` of rows start well is to make ``inverse`` of these start well:
        :class:`Inverse` runs the map that way round.
        """
        return in_row_blocks(lambda *rows: self.inverse(*rows)[0], z, context)

    def verify(self):
        """Check what the map guarantees by its construction; called once after training.

        Raises
        ------
        BrokenGuaranteeError
            If it does not hold, which would be a defect of the map and not of the data.
        """


class Chain(Bijection):
    """Bijections one after the other: ``z = f_k(...f_2(f_1(x)))``; log-dets add up."""

    def __init__(self, bijections):
        super().__init__()
        self.bijections = nn.ModuleList(bijections)

    @property
    def invertible(self):
        """The weakest of the parts: one "no" makes the whole a "no"."""
        return weakest_inverse(self.bijections)

    @property
    def tolerance(self):
        """The largest of the parts."""
        return largest_tolerance(self.bijections)

    def forward(self, x, context=None):
        return _cascade(x, [b.forward for b in self.bijections], context)

    def inverse(self, z, context=None):
        return _cascade(z, [b.inverse for b in reversed(self.bijections)], context)

    def initialize(self, x, context=None, weight=None):
        return _started(x, [b.initialize for b in self.bijections], context, weight)

    def initialize_inverse(self, z, context=None, weight=None):
        starts = [b.initialize_inverse for b in reversed(self.bijections)]
        return _started(z, starts, context, weight)

    def verify(self):
        for b in self.bijections:
            b.verify()


def _started(x, starts, context, weight):
    """Rows behind parts that start from them one by one; rows as they are where time is short.

    Parts that were not reached stay at the identity or near it, and so does the whole. Images are
    gone through whatever the time, since they may come out in another shape.
    """
    given = x
    for start in starts:
        if given.dim() <= 3 and time_is_up(START_SHARE):
            left_out("the start of layers from the rows")
            return given
        x = start(x, context, weight)
    return x


def in_row_blocks(function, x, context=None):
    """Apply a function of rows x (*members, n, d) and context to blocks of bounded memory.

    A layer may hold dozens of numbers for each entry of x, and rows to start from are many. Images
    go through at once.
    """
    size = max(1, BLOCK_ENTRIES * x.shape[-2] // max(1, x.numel()))
    if x.dim() > 3 or size >= x.shape[-2]:
        return function(x, context)
    blocks = x.split(size, -2)
    given = [None] * len(blocks) if context is None else context.split(size, -2)
    # counted from the front, since rows may come out as images
    rows = x.dim() - 2
    return torch.cat([function(*pair) for pair in zip(blocks, given, strict=True)], dim=rows)


def weakest_inverse(bijections):
    """How the whole of several bijections is invertible: one "no" makes it a "no"."""
    kinds = {b.invertible for b in bijections}
    return next((kind for kind in ("no", "iterative") if kind in kinds), "exact")


def largest_tolerance(bijections):
    """Return the largest tolerance of several bijections, None where all are exact."""
    return max((b.tolerance for b in bijections if b.tolerance is not None), default=None)


def _cascade(x, maps, context):
    total = None
    for f in maps:
        x, log_det = f(x, context)
        total = log_det if total is None else total + log_det
    return x, x.new_zeros(x.shape[:-1]) if total is None else total


class Inverse(Bijection):
    """A bijection run the other way round: ``forward`` is the inner ``inverse``.

    Turns a flow that is fast to score into one that is fast to sample: an inverse
    autoregressive flow is ``Inverse(Autoregressive(...))``.
    """

    def __init__(self, bijection):
        super().__init__()
        if bijection.invertible == "no":
            raise NotInvertibleError(f"{type(bijection).__name__} has no inverse to build on")
        self.bijection = bijection

    @property
    def invertible(self):
        return "exact"

    @property
    def tolerance(self):
        return self.bijection.tolerance

    def forward(self, x, context=None):
        return self.bijection.inverse(x, context)

    def inverse(self, z, context=None):
        return self.bijection.forward(z, context)

    def initialize(self, x, context=None, weight=None):
        return self.bijection.initialize_inverse(x, context, weight)

    def initialize_inverse(self, z, context=None, weight=None):
        return self.bijection.initialize(z, context, weight)

    def verify(self):
        self.bijection.verify()
