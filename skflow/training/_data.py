"""Rows in memory, dealt out in batches; no loader, no copies but the batch itself."""

import torch

from skflow._random import generator
from skflow.training._rows import Batch, Numbers, Rows

__all__ = ["Batches", "ContextBatches", "SeedBatches", "assign_holders", "fold_rows"]


class Batches:
    """Shuffled batches; each iteration is one epoch.

    Members of an ensemble, if any, are shuffled independently. An epoch is cut into equal parts
    near ``batch_size``, so that no last batch of a few rows makes a wild step. It is over when
    the member with the most rows has seen each once; others go on with the next of theirs, and
    see each as often as the rest in the long run.

    Parameters
    ----------
    rows : Batch or Rows
    batch_size : int
    noise : float or tensor of shape (*members, 1, d), default=0.0
        Standard deviation of fresh Gaussian noise added to x in every batch, a smoothing
        regulariser (Rothfuss et al. 2019, arXiv:1907.08982).
    """

    def __init__(self, rows, batch_size, noise=0.0):
        self.rows = rows if isinstance(rows, Rows) else Rows(rows)
        self.noise = noise
        self.noisy = isinstance(noise, torch.Tensor) or noise > 0
        self.n_batches = max(1, round(self.rows.n_rows / batch_size))
        # places of each member that its last epoch did not come to
        self.waiting = [self.rows.index.new_empty(0) for _ in self.rows.sizes]

    def __len__(self):
        return self.n_batches

    def __iter__(self):
        for places in self.places():
            yield self.take(places)

    def places(self):
        """Return where in the index the rows of each batch of an epoch are, shuffled anew."""
        return self._shuffled().tensor_split(self.n_batches, dim=-1)

    def take(self, places):
        """Return the batch of the rows at some places, with its noise."""
        x, context, weight = self.rows.take(places)
        if self.noisy:
            noise = torch.empty_like(x).normal_(generator=generator(x.device))
            x = x + self.noise * noise
        return Batch(x, context, weight)

    def state(self):
        """Copy what goes over from one epoch to the next, for :meth:`resume`."""
        return {"waiting": [places.to("cpu", copy=True) for places in self.waiting]}

    def resume(self, state):
        """Go on from where other batches of the same rows were."""
        device = self.rows.index.device
        self.waiting = [places.to(device, copy=True) for places in state["waiting"]]

    def _shuffled(self):
        n, sizes = self.rows.n_rows, self.rows.sizes
        orders = [self._next(member, size, n) for member, size in enumerate(sizes)]
        return torch.stack(orders).view(*self.rows.members, n)

    def _next(self, member, size, n):
        places = self.waiting[member]
        device = places.device
        while len(places) < n:
            shuffled = torch.randperm(size, generator=generator(device), device=device)
            places = torch.cat([places, shuffled])
        self.waiting[member] = places[n:]
        return places[:n]


class SeedBatches:
    """Fresh seeds of a base's draws without end; an epoch is as many batches as one says.

    Parameters
    ----------
    base : Base
    batch_size : int
        Draws a batch and member.
    n_batches : int
        Batches an epoch.
    """

    def __init__(self, base, batch_size, n_batches):
        self.base = base
        self.batch_size = batch_size
        self.n_batches = n_batches

    def __len__(self):
        return self.n_batches

    def __iter__(self):
        for _ in range(self.n_batches):
            yield Batch(self.base.draw_seeds(self.batch_size))

    def state(self):
        """Return nothing: each epoch is by itself."""
        return {}

    def resume(self, state):
        """Do nothing, as nothing goes over from one epoch to the next."""


class ContextBatches:
    """Fresh seeds of a base's draws, one for each of the shuffled rows of a context.

    Parameters
    ----------
    base : Base
    context : tensor of shape (n, c)
    batch_size : int
    """

    def __init__(self, base, context, batch_size):
        self.base = base
        self.rows = Batches(Batch(context), batch_size)

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        for context, _, _ in self.rows:
            yield Batch(self.base.draw_seeds(len(context)), context)

    def state(self):
        """Copy what goes over from one epoch to the next."""
        return self.rows.state()

    def resume(self, state):
        """Go on from where other batches of the same rows were."""
        self.rows.resume(state)


def assign_holders(n_rows, n_members, n_folds, generator=None):
    """Assign to each row (n_rows,) the member that holds it out, -1 for none.

    Of ``n_folds`` folds of equal size ``n_rows // n_folds``, the first ``n_members`` are held
    out, each by its member; the other rows train everywhere.
    """
    size = n_rows // n_folds
    holder = torch.full((n_rows,), -1)
    held = torch.randperm(n_rows, generator=generator)[: n_members * size]
    holder[held] = torch.arange(n_members).repeat_interleave(size)
    return holder


def fold_rows(holder, n_members, generator=None):
    """Deal all rows to each member, shuffled: to train on, and to hold out.

    Members may hold out folds of unequal sizes, and then have unequal numbers of rows to train
    on too. Those that have fewer than others get some of theirs again, which do not count.

    Parameters
    ----------
    holder : tensor of shape (n_rows,)
        The member that holds each row out, -1 for none.
    n_members : int
    generator : torch.Generator, optional

    Returns
    -------
    training, held : Numbers
        With an index (n_members, m) each.
    """
    order = torch.randperm(len(holder), generator=generator)
    held = [order[holder[order] == k] for k in range(n_members)]
    rest = [order[holder[order] != k] for k in range(n_members)]
    return _of_one_length(rest), _of_one_length(held)


def _of_one_length(parts):
    sizes = torch.tensor([len(part) for part in parts])
    places = torch.arange(int(sizes.max()))
    index = torch.stack([part[places % len(part)] for part in parts])
    own = places < sizes.unsqueeze(-1)
    return Numbers(index, None if own.all() else own.double())
