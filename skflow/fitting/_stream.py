"""Where the batches of a fit come from: a table that does not fit in memory."""

from contextlib import closing, contextmanager

import numpy as np
import torch

from skflow._clock import left_out, time_is_up
from skflow._containers import rows_at
from skflow.fitting._scratch import ShuffledFile, row_type
from skflow.fitting._start import BLOCK_ENTRIES
from skflow.fitting._supply import Supply
from skflow.fitting._survey import Survey
from skflow.members import select_member
from skflow.tables._bounds import check_inside_support
from skflow.tables._head import keys_of
from skflow.training import StretchBatches, n_stretches

__all__ = ["Stream", "row_of"]

# share of a limited time after which no more rows are written, and what there is is trained on
WRITING = 0.5


class Stream(Supply):
    """The rows of a source, shuffled behind the preprocessing, in a file while a fit trains.

    Parameters
    ----------
    blocks : iterable of Block
        The rows, as often as it is asked for.
    survey : Survey
        Of the same rows.
    observation : Observation
    held : ndarray of shape (n_held,), uint64
        Keys of the rows that are held out, ascending; no member trains on them.
    encode : callable or None
        Makes numbers of a context.
    rng : numpy.random.Generator
        Of the noise that spreads repeated values.
    """

    def __init__(self, blocks, survey, observation, held, encode, rng):
        self.blocks, self.survey, self.observation = blocks, survey, observation
        self.held, self.encode, self.rng = held, encode, rng
        self.file, self.device = None, None
        self.n_stretches, self.dealt = 0, []

    @property
    def n_rows_seen(self):
        """Rows that were held out, and those that some member has trained on."""
        return len(self.held) + max(batches.n_read for batches in self.dealt)

    @contextmanager
    def ready(self, preprocessing, plan, device, dtype):
        """Have in a block the file that batches are taken from."""
        self.device, self.file = device, self._new_file(plan, dtype)
        with closing(self.file):
            self.write(preprocessing, plan)
            self.file.shuffle()
            width = plan.n_features + plan.n_context
            self.n_stretches = n_stretches(len(self.file), width)
            yield

    def batches(self, plan, noise, member=None):
        """Return the batches of one member, or of all together."""
        k = 0 if member is None else member
        batches = StretchBatches(
            self.file,
            self.n_stretches,
            plan.batch_size,
            noise,
            n_members=plan.n_members if member is None and plan.n_members > 1 else None,
            first=k * self.n_stretches // plan.n_members,  # members see rows in other orders
            device=self.device,
        )
        self.dealt.append(batches)
        return batches

    @property
    def epochs_of_pass(self):
        """Stretches of the file."""
        return self.n_stretches

    def _new_file(self, plan, dtype):
        survey = self.survey
        row = row_of(plan, dtype, survey.weight is not None)
        held = np.bincount(Survey.bins(self.held), minlength=len(survey.counts))
        return ShuffledFile(row, survey.counts - held)

    @torch.no_grad()
    def write(self, preprocessing, plan):
        """Write the rows that are trained on, behind the preprocessing, to the file."""
        if plan.n_members > 1:
            preprocessing = select_member(preprocessing, 0)  # they are alike
        for block in self.blocks:
            if block.start >= self.survey.n_samples:  # the survey was broken off
                break
            self._write_block(block, preprocessing)
            if time_is_up(WRITING):
                left_out(f"training on other rows than {len(self.file):,}")
                break

    def _write_block(self, block, preprocessing):
        which, keys = self._to_write(block)
        if not len(which):
            return
        values = self._values(block, which)
        rows = np.empty(len(which), dtype=self.file.row)
        size = max(1, BLOCK_ENTRIES // values.shape[1])
        for start in range(0, len(values), size):
            part = slice(start, start + size)
            rows["x"][part] = preprocessing(torch.from_numpy(values[part]))[0].numpy()
        if "weight" in rows.dtype.names:
            rows["weight"] = block.weight[which] / self.survey.weight_mean
        if "context" in rows.dtype.names:
            rows["context"] = self.encode(rows_at(block.context, which))
        self.file.write(Survey.bins(keys), rows)

    def _to_write(self, block):
        """Which rows of a block are trained on, and their keys: not those with the smallest."""
        positions = block.positions()
        keys = keys_of(positions)
        trains = positions < self.survey.n_samples
        if len(self.held):
            trains &= keys > self.held[-1]
        if block.weight is not None:
            trains &= block.weight > 0
        which = np.flatnonzero(trains)
        return which, keys[which]

    def _values(self, block, which):
        """Rows of a block as the flow takes them, found to be inside the bounds."""
        rows = block.rows[which]
        self.observation.check(rows, block.names)
        low, high = self.observation.bounds[:2]
        check_inside_support(self.observation.turn(rows), low, high, block.names)
        return self.observation.made_continuous(rows, self.rng, owned=True)


def row_of(plan, dtype, weighted):
    """Return the numpy dtype of a row of a fit whose flow has a torch dtype."""
    of_numbers = torch.empty(0, dtype=dtype).numpy().dtype
    return row_type(plan.n_features, plan.n_context, of_numbers, weighted)
