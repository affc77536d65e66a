"""A fit of several processes: a survey of the rows of all, and gradients of all in every step."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch

from skflow._clock import seconds_left
from skflow._random import seeded
from skflow.fitting._given import noise_of
from skflow.fitting._stream import Stream
from skflow.fitting._supply import objective_of
from skflow.fitting._survey import Scout, Survey
from skflow.training import StretchBatches, n_stretches, train

__all__ = ["RankBatches", "RankStream", "survey_together"]

OF_RANKS = ("batches", "generators")  # what is each rank's own in the state of a run


def survey_together(ranks, blocks, digests):
    """Go through the rows of all ranks, which follow one another as the ranks do.

    Parameters
    ----------
    ranks : Ranks
    blocks : NumberedBlocks
        Of this rank, which learn where in the table they begin, and its columns.
    digests : bool

    Returns
    -------
    survey : Survey
        Of all rows.
    own : Scout
        Of those of this rank.
    """
    blocks.start = sum(ranks.together(lambda: _count(blocks.source))[: ranks.rank])
    own = Scout(digests)

    def look():
        for block in blocks:
            own.look_at(block)
        own.digest = own.digest and own.digest.digest()  # the object cannot travel
        return own, blocks.columns

    found = ranks.together(look)
    _meet([columns for scout, columns in found if scout.head is not None], blocks)
    whole = Scout(digests)
    for scout, _ in found:
        whole.add(scout)
    return whole.survey(), own


def _count(source):
    return sum(map(len, source.blocks())) if source.n_rows is None else source.n_rows


def _meet(columns, blocks):
    """Have the blocks of a rank know the columns of all, which must be the same."""
    told = [{name: np.asarray(value).tolist() for name, value in one.items()} for one in columns]
    for one in told[1:]:
        if one != told[0]:
            raise ValueError(
                f"the rows of the ranks have other columns: {told[0]} and {one}. Pass rows with "
                "the same columns in the same order in every process."
            )
    if columns:
        blocks.columns = columns[0]


class RankStream(Stream):
    """The rows of one rank in a file, of which it gives each step its share.

    Parameters
    ----------
    ranks : Ranks
    own : Scout
        Of the rows of this rank.
    blocks, survey, observation, held, encode, rng
        As those of a Stream; the survey is of all ranks.
    """

    def __init__(self, ranks, own, blocks, survey, observation, held, encode, rng):
        # of the rows that are held out only those of this rank are missing from its file
        others = held[~np.isin(held, own.kept_keys)]
        counts = own.counts + np.bincount(Survey.bins(others), minlength=len(own.counts))
        survey = replace(survey, counts=counts, n_samples=own.n_samples)
        super().__init__(blocks, survey, observation, held, encode, rng)
        self.ranks, self.seen = ranks, 0

    @property
    def n_rows_seen(self):
        """Rows that were held out, and those that some rank has trained on."""
        return len(self.held) + self.seen

    @contextmanager
    def ready(self, preprocessing, plan, device, dtype):
        """Have in a block the files that batches are taken from, or an error on all ranks."""
        inner = super().ready(preprocessing, plan, device, dtype)
        self.ranks.together(inner.__enter__)
        self.n_rows = sum(self.ranks.gather(len(self.file)))
        each = self.n_rows / self.ranks.size
        self.n_stretches = n_stretches(each, plan.n_features + plan.n_context)
        try:
            yield
        finally:
            inner.__exit__(None, None, None)

    def train(self, flow, held, config, plan, *, seed, n_jobs=None, resumable=None):
        """Train a flow, or all members of a stacked one, on all ranks together.

        See :meth:`skflow.fitting._supply.Supply.train`.
        """
        ranks = self.ranks
        config = replace(self.schedule(config), verbose=config.verbose if ranks.rank == 0 else 0)
        several = plan.n_members > 1
        n_steps = max(1, round(self.n_rows / self.n_stretches / plan.batch_size))
        keeper = None if resumable is None else resumable.keeper()
        keeps = ranks.agreed(keeper is not None)
        own = int(np.random.SeedSequence([seed, ranks.rank]).generate_state(1)[0])
        for tensor in _tensors(flow):
            ranks.copy_first(tensor)
        with seeded(own, self.device):  # each rank has noise and orders of its own
            batches = RankBatches(
                self, n_steps, noise_of(flow, plan), plan.n_members if several else None
            )
            history = train(
                flow,
                objective_of(plan),
                batches,
                config,
                validation=held,
                n_members=plan.n_members if several else None,
                keeper=_RankKeeper(ranks, keeper) if keeps else None,
            )
        for tensor in _tensors(flow):
            ranks.copy_first(tensor)
        self.seen = sum(ranks.gather(min(batches.n_read, len(self.file))))
        return flow, history


def _tensors(flow):
    return [part.data for part in (*flow.parameters(), *flow.buffers())]


class RankBatches(StretchBatches):
    """What one rank gives to batches of all ranks: its rows, as often as others give theirs.

    Parameters
    ----------
    stream : RankStream
    n_steps : int
        Of an epoch, the same on all ranks.
    noise, n_members
        As those of StretchBatches.
    """

    def __init__(self, stream, n_steps, noise, n_members):
        file = _Longer(stream.file, n_steps * stream.n_stretches)
        size = -(-len(file) // stream.n_stretches) / n_steps
        self.ranks, self.share = stream.ranks, len(stream.file) / len(file)
        options = {"n_members": n_members, "device": stream.device}
        super().__init__(file, stream.n_stretches, size, noise, **options)

    def steps_of(self, run):
        """Have a run take steps by the gradients of all ranks, and end when rank 0 does."""
        alone, held_out_loss, is_late = run.loss_and_gradient, run.held_out_loss, run.is_late
        limited = any(self.ranks.gather(seconds_left() < float("inf")))

        def together(batch):
            return self._of_all(batch, *alone(batch))

        def late():
            stops = self.ranks.agreed(is_late()) if limited else False
            if stops:
                run.history.stopped_by = "max_seconds"
            elif limited and run.history.stopped_by == "max_seconds":
                run.history.stopped_by = "max_epochs"
            return stops

        run.loss_and_gradient, run.is_late = together, late
        run.held_out_loss = lambda: self.ranks.copy_first(held_out_loss())

    def _of_all(self, batch, loss, gradient):
        """Mean of the losses and gradients of all ranks, by the weights of their rows."""
        n_members = len(gradient)
        weight = gradient.new_full((n_members,), float(batch.x.shape[-2]))
        if batch.weight is not None:
            weight = batch.weight.sum(dim=-1).expand(n_members)
        weight = (self.share * weight).unsqueeze(1)
        own = torch.cat([gradient, loss.reshape(n_members, 1)], dim=1) * weight
        own = torch.where(weight > 0, own, 0.0)  # rows that only fill up may have no density
        whole = self.ranks.add_up(torch.cat([own, weight], dim=1))
        mean = whole[:, :-1] / whole[:, -1:].clamp(min=1e-30)
        return mean[:, -1].view_as(loss), mean[:, :-1].contiguous()


class _Longer:
    """A file with a row at least in every batch, if it has to be the same several times."""

    def __init__(self, file, least):
        self.file, self.size = file, max(len(file), least)

    def __len__(self):
        return self.size

    def read(self, start, n):
        if len(self.file):
            return self.file.read(start, n)
        rows = np.zeros(n, dtype=self.file.row)  # which have no weight in any step
        if "weight" in rows.dtype.names:
            rows["weight"] = 1.0
        return rows


class _RankKeeper:
    """Keeps the states of all ranks, in the checkpoint of rank 0."""

    def __init__(self, ranks, keeper):
        self.ranks, self.keeper = ranks, keeper

    def last(self):
        ranks = self.ranks
        state = ranks.agreed(self.keeper.last() if ranks.rank == 0 else None)
        if state is None:
            return None
        if len(state["ranks"]) != ranks.size:
            raise ValueError(
                f"the checkpoint is of a fit by {len(state['ranks'])} processes, and these are "
                f"{ranks.size}: start as many, or remove it to fit anew."
            )
        return state | state["ranks"][ranks.rank]

    def note(self, state, whole):
        each = self.ranks.gather({name: state[name] for name in OF_RANKS})
        if self.keeper is not None:
            self.keeper.note(state | {"ranks": each}, whole)

    def end(self):
        if self.keeper is not None:
            self.keeper.end()
