"""Rows through a stack of bits, by a density that is a mean over several parts."""

import numpy as np
from scipy.special import softmax

from skflow.codes._stack import Pops, Pushes

__all__ = ["Parts"]

FIRST_BLOCK, LARGEST_BLOCK = 16, 2_048  # rows; each block has twice as many as the one before


class Parts:
    r"""Codes of rows with the probabilities of a mean over K parts, such as orders or members.

    A code names the part by which a row follows. That would cost :math:`\log_2 K` bits more than
    the best part; but the name is itself popped from the stack, with the probabilities that the
    parts have once the row is known, and what pops it comes back in decoding ("bits back" [1]_).
    What is left is :math:`-\log_2` of the mean over parts.

    Subclasses have ``n_parts``; ``log_prob(codes)``, (n_parts, n) in nats; and ``walk(k, seen,
    channel, codes=None)``, which leads rows through a channel by part k. All that a walk computes
    is of cells that have passed, so that it is the same to the last bit on the way back.

    References
    ----------
    .. [1] Townsend, Bird & Barber (2019), Practical lossless compression with latent variables
       using bits back coding, arXiv:1901.04866.
    """

    def push(self, stack, codes):
        """Push rows of codes (n, d), NaN in holes."""
        for block in _blocks(len(codes)):
            own = codes[block]
            picked = stack.pop(self._posterior(own))
            pushes = Pushes()
            for k in range(self.n_parts):
                rows = own[picked == k]
                self.walk(k, ~np.isnan(rows), pushes, rows)
            pushes.flush(stack)
            stack.push(picked, self._prior(own))

    def pop(self, stack, seen):
        """Pop rows of codes (n, d), of which cells are seen (n, d)."""
        codes = np.full(seen.shape, np.nan)
        for block in reversed(_blocks(len(seen))):
            own, there = codes[block], seen[block]
            picked = stack.pop(self._prior(own))
            for k in range(self.n_parts):
                rows = picked == k
                own[rows] = self.walk(k, there[rows], Pops(stack))
            stack.push(picked, self._posterior(own))
        return codes

    def _posterior(self, codes):
        """Probabilities (n, n_parts) of the parts given whole rows."""
        return softmax(self.log_prob(codes).T, axis=1)

    def _prior(self, codes):
        return np.full((len(codes), self.n_parts), 1 / self.n_parts)


def _blocks(n):
    """Slices of n rows, few at first: there is little on the stack yet to pop parts from."""
    blocks, start, size = [], 0, FIRST_BLOCK
    while start < n:
        blocks.append(slice(start, min(n, start + size)))
        start, size = start + size, min(2 * size, LARGEST_BLOCK)
    return blocks
