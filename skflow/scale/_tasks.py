"""What workers do with the partitions of a table: pure functions of what they are given."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skflow._random import seeded
from skflow._threads import one_thread
from skflow.fitting._stream import Stream, row_of
from skflow.fitting._survey import Scout
from skflow.sources._kinds import BlockSource
from skflow.sources._parts import cut
from skflow.training import Batch, Batches, Rows, batch_of, make_round

__all__ = ["Deal", "Training", "deal", "first_rows", "look", "shard_of", "train_on"]

FIRST = 100  # rows that tell what the columns of a table are


def first_rows(part):
    """Return some rows of a partition, which tell what its columns are."""
    return cut(part, 0, FIRST)


def look(part, reader, what, start, weight, digests, limit):
    """Return what a Scout knows after the rows of one partition."""
    scout = Scout(digests, limit)
    for block in _blocks(part, reader, what, start, weight):
        scout.look_at(block)
    scout.digest = scout.digest and scout.digest.digest()  # the object cannot travel
    return scout


def _blocks(part, reader, what, start, weight):
    source = BlockSource([part])
    source.what = what
    return reader.of_part(source, start, weight)


@dataclass(frozen=True)
class Deal:
    """How the rows of partitions become rows to train on, in shards.

    Attributes
    ----------
    reader : NumberedBlocks
        Without rows.
    what : str
        What the table is, for messages.
    survey : Survey
        Without its sample.
    observation, encode, held
        As those of a Stream.
    preprocessing : Bijection
    plan : Plan
    dtype : torch.dtype
    n_shards : int
    seed : int
    """

    reader: Any
    what: str
    survey: Any
    observation: Any
    encode: Any
    held: np.ndarray
    preprocessing: Any
    plan: Any
    dtype: Any
    n_shards: int
    seed: int


def deal(part, recipe, start, weight):
    """Return the rows of a partition that are trained on, as a list with those of each shard."""
    rng = np.random.default_rng([recipe.seed, start])  # of the noise that spreads repeated values
    blocks = _blocks(part, recipe.reader, recipe.what, start, weight)
    stream = Stream(blocks, recipe.survey, recipe.observation, recipe.held, recipe.encode, rng)
    row = row_of(recipe.plan, recipe.dtype, recipe.survey.weight is not None)
    stream.file = pieces = _Pieces(row, recipe.n_shards)
    with one_thread():
        stream.write(recipe.preprocessing, recipe.plan)
    return [np.concatenate(piece) for piece in pieces.of_shards]


class _Pieces:
    """What a Stream writes to: rows by shards, each a uniform sample, as keys look random."""

    def __init__(self, row, n_shards):
        self.row = row
        self.of_shards = [[np.empty(0, dtype=row)] for _ in range(n_shards)]

    def write(self, bins, rows):
        """Take in rows (m,), whose bins (m,) say what shards they belong to."""
        shards = bins % len(self.of_shards)
        order = np.argsort(shards, kind="stable")
        cuts = np.searchsorted(shards[order], np.arange(1, len(self.of_shards)))
        for piece, own in zip(self.of_shards, np.split(rows[order], cuts), strict=True):
            piece.append(own)


def shard_of(pieces, seed):
    """Put the pieces of a shard together, in a random order."""
    rows = np.concatenate(pieces)
    return rows[np.random.default_rng(seed).permutation(len(rows))]


@dataclass(frozen=True)
class Training:
    """How a member is trained.

    Attributes
    ----------
    flow : Flow
        Of one member, as it is before the first step.
    objective : callable
    noise : float or tensor of shape (1, d)
    config : TrainingConfig
    batch_size : int
    device : str
    seed : int
        Of the member.
    """

    flow: Any
    objective: Any
    noise: Any
    config: Any
    batch_size: int
    device: str
    seed: int


def train_on(shard, training, begin, n_shards, place, n_steps):
    """Make some steps on the next rows of a shard.

    Parameters
    ----------
    shard : ndarray of rows
    training : Training
    begin : Round
    n_shards : int
        That the task goes over in turn, so that all but one step of so many were on others.
    place : int
        Of the member's tasks of this round.
    n_steps : int

    Returns
    -------
    end : Round
    """
    start, n = (size * training.batch_size for size in (begin.step // n_shards, n_steps))
    rows = shard.take(np.arange(start, start + n), mode="wrap")
    batch = Batch(*(t if t is None else t.to(training.device) for t in batch_of(rows)))
    numbers = [training.seed, begin.step, place]
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
    with one_thread(), seeded(seed, training.device):
        batches = Batches(Rows(batch), training.batch_size, training.noise)
        flow = training.flow.to(training.device)
        return make_round(flow, training.objective, batches, training.config, begin)
