"""Rows of any invertible flow: local bits-back coding."""

import numpy as np
import torch
from scipy.special import softmax

from skflow._threads import one_thread
from skflow.codes._cells import WholeSymbols
from skflow.codes._stack import NARROWEST, Pops, Pushes
from skflow.codes._triangular import normal_scores_of, standard_normal

__all__ = ["LocalRows"]

POINTS = 256.0  # of the fine grid of a column, at least, in one of its deviations
WIDTH = 2.0  # deviation of the local noise, in steps of the fine grid
LATENT = 2.0**-13  # step of the grid of latents
FARTHEST = 1_000.0  # latent that has symbols
SHARE = 0.125  # of the rows so far that the next block may have: they lend it bits
LARGEST_BLOCK = 256
FIRST_WORDS = 0.5  # of 32 bits a column, with which the stack begins


class LocalRows:
    r"""Codes of rows with the density of an ensemble of flows, whatever their Jacobians [1]_.

    Rows are points y of a fine grid in their cells, chosen by bits from the stack. So are
    latents z, from a normal :math:`N(f(y), \sigma^2 J J^\top)` with the Jacobian J of the flow at
    y; then y is written given z, by :math:`N(f^{-1}(z), \sigma^2 I)`, and z by the density of the
    base. What was popped comes back in decoding: as :math:`\sigma` is small there is left

    .. math:: -\log_2 p(y) - \log_2 (\text{volume of a cell})

    whose mean over y is the bound of uniform dequantization.

    Parameters
    ----------
    flows : list of Flow
        Members in float64, which have an inverse.
    base_orders : list of (list of int, list of int)
        In which the latents of each base follow from those before.
    observation : ContinuousRows
    grids : list of DecimalCells
    deviations : ndarray of shape (d,)
        Of the columns, in steps of their grids.

    References
    ----------
    .. [1] Ho, Lohn & Abbeel (2019), Compression with flows via local bits-back coding,
       arXiv:1905.08500, algorithm 1 and section 3.4.
    """

    def __init__(self, flows, base_orders, observation, grids, deviations):
        self.flows, self.base_orders, self.observation = flows, base_orders, observation
        self.grids = grids
        bits = np.ceil(np.log2(POINTS / np.maximum(deviations, 1e-3))).clip(0, 16)
        self.bits = bits.astype(int)
        self.size = 2.0**self.bits  # points of the fine grid in a cell
        self.latents = WholeSymbols.around(*(int(sign * FARTHEST / LATENT) for sign in (-1, 1)))

    def push(self, stack, codes):
        """Push rows of codes (n, d) to an empty stack, with bits that the first row borrows."""
        n_words = int(FIRST_WORDS * len(self.grids)) + 1
        stack.fill(np.random.RandomState(0).randint(1, 2**32, n_words, dtype=np.uint64))
        for block in _blocks(len(codes)):
            own = codes[block]
            fine = np.column_stack([stack.pop_bits(len(own), b) for b in self.bits])
            points = own * self.size + fine
            picked = stack.pop(self._posterior(points))
            for k in range(len(self.flows)):
                if (picked == k).any():
                    self._push_member(stack, k, points[picked == k])
            stack.push(picked, self._prior(own))

    def pop(self, stack, seen):
        """Pop rows of codes (n, d), of which all cells are seen."""
        codes = np.full(seen.shape, np.nan)
        for block in reversed(_blocks(len(seen))):
            points = codes[block]
            picked = stack.pop(self._prior(points))
            for k in reversed(range(len(self.flows))):
                if (picked == k).any():
                    points[picked == k] = self._pop_member(stack, k, int((picked == k).sum()))
            stack.push(picked, self._posterior(points))
            cells = np.floor(points / self.size)
            fine = (points - cells * self.size).astype(np.int64)
            for j in reversed(range(len(self.bits))):
                stack.push_bits(fine[:, j], int(self.bits[j]))
            codes[block] = cells
        return codes

    def log_prob(self, codes):
        """Log probabilities (n_members, n) in nats, by the middles of the cells."""
        return self._each(codes * self.size + 0.5 * (self.size - 1))

    def holds(self, codes):
        """Whether (n,) rows of codes are whole and have latents that are near enough."""
        rows = torch.from_numpy(self._rows(codes * self.size))
        with one_thread(), torch.no_grad():
            far = [flow.to_noise(rows)[0].abs().amax(1) for flow in self.flows]
        whole = (codes == np.round(codes)).all(axis=1)
        return (torch.stack(far).amax(0) < FARTHEST / 2).numpy() & whole

    def _push_member(self, stack, k, points):
        latents, factor = self._latents(k, points)
        z = np.empty_like(latents)
        noise = np.zeros_like(latents)
        for i in range(z.shape[1]):
            mean = _mean_of(i, latents, factor, noise)
            z[:, i] = stack.pop_near(mean, factor[:, i, i])
            noise[:, i] = (z[:, i] - mean) / factor[:, i, i]
        middle = self._points(k, z)
        for j in range(z.shape[1]):
            stack.push_near(points[:, j], middle[:, j], np.full(len(z), WIDTH))
        pushes = Pushes()
        self._walk(k, len(z), pushes, z)
        pushes.flush(stack)

    def _pop_member(self, stack, k, n):
        z = self._walk(k, n, Pops(stack))
        middle, points = self._points(k, z), np.empty_like(z)
        for j in reversed(range(z.shape[1])):
            points[:, j] = stack.pop_near(middle[:, j], np.full(n, WIDTH))
        latents, factor = self._latents(k, points)
        noise, means = np.zeros_like(z), np.empty_like(z)
        for i in range(z.shape[1]):
            means[:, i] = _mean_of(i, latents, factor, noise)
            noise[:, i] = (z[:, i] - means[:, i]) / factor[:, i, i]
        for i in reversed(range(z.shape[1])):
            stack.push_near(z[:, i], means[:, i], factor[:, i, i])
        return points

    def _walk(self, k, n, channel, z=None):
        """Latents (n, d), in steps of their grid, by the density of a base."""
        base, found = self.flows[k].base, np.zeros((n, len(self.grids)))
        for j, score in zip(*self.base_orders[k], strict=True):

            def scores(points, j=j, score=score):
                rows = np.tile(found, (len(points), 1))
                rows[:, j] = points.ravel()
                return normal_scores_of(base, rows * LATENT)[:, score].reshape(points.shape)

            own = None if z is None else z[:, j]
            found[:, j] = self.latents.code(scores, standard_normal(n), n, channel, own)
        return found

    def _latents(self, k, points):
        """Latents (n, d) of points and the factors (n, d, d) of their noise, in steps of z."""
        rows = torch.from_numpy(self._rows(points)).requires_grad_()
        with one_thread(), torch.enable_grad():
            z = self.flows[k].to_noise(rows)[0]
            slopes = [
                torch.autograd.grad(z[:, i].sum(), rows, retain_graph=True)[0]
                for i in range(z.shape[1])
            ]
        slopes = torch.stack(slopes, dim=1) * torch.from_numpy(self._steps())
        spread = (WIDTH / LATENT) * slopes.detach()
        factor = torch.linalg.qr(spread.mT).R.mT  # spread @ spread.mT without squaring it
        diagonal = factor.diagonal(dim1=1, dim2=2)
        factor = factor * torch.where(diagonal < 0, -1.0, 1.0)[:, None]
        # where a flow is flat all noise lies in one step, and is still some
        factor.diagonal(dim1=1, dim2=2).clamp_(min=NARROWEST)
        return z.detach().numpy() / LATENT, factor.numpy()

    def _points(self, k, z):
        """Points (n, d) of latents (n, d), both in steps of their grids."""
        with one_thread(), torch.no_grad():
            rows = self.flows[k].from_noise(torch.from_numpy(z * LATENT))[0].numpy()
        whole = [g.exact(own) for g, own in zip(self.grids, rows.T, strict=True)]
        # a point lies in the middle of its step, and a cell about its whole number
        return (np.column_stack(whole) + 0.5) * self.size - 0.5

    def _rows(self, points):
        whole = (points + 0.5) / self.size - 0.5
        rows = np.column_stack([g.decode(own) for g, own in zip(self.grids, whole.T, strict=True)])
        return self.observation.place(rows)[0]

    def _steps(self):
        """Return the steps (d,) of the fine grid, in the units of the rows."""
        return np.array([g.step / 10.0**g.decimals for g in self.grids]) / self.size

    def _each(self, points):
        """Log probabilities (n_members, n) of cells, if points (n, d) stand for them."""
        rows = torch.from_numpy(self._rows(points))
        with one_thread(), torch.no_grad():
            each = torch.stack([flow.log_prob(rows) for flow in self.flows]).double().numpy()
        return each + np.log(self._steps() * self.size).sum()

    def _posterior(self, points):
        return softmax(self._each(points).T, axis=1)

    def _prior(self, rows):
        return np.full((len(rows), len(self.flows)), 1 / len(self.flows))


def _mean_of(i, latents, factor, noise):
    """Mean (n,) of latent i given the noise of those before."""
    return latents[:, i] + (factor[:, i, :i] * noise[:, :i]).sum(axis=1)


def _blocks(n):
    """Slices of n rows, each as long as the bits of those before allow."""
    blocks, start = [], 0
    while start < n:
        size = int(np.clip(SHARE * start, 1, LARGEST_BLOCK))
        blocks.append(slice(start, min(n, start + size)))
        start += size
    return blocks
