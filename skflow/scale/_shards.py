"""Where the batches of a fit come from: shards of a table in the memory of a cluster's workers."""

import math
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from skflow._clock import left_out
from skflow.fitting._given import noise_of
from skflow.fitting._stream import WRITING, row_of
from skflow.fitting._supply import Supply, objective_of
from skflow.members import select_member
from skflow.scale._cluster import TROUBLE
from skflow.scale._rounds import RoundBatches, Rounds
from skflow.scale._tasks import Deal, Training, deal, shard_of
from skflow.training import n_stretches, train

__all__ = ["Shards"]

SHARD = 2**27  # bytes of a shard, at most
# Batches of tasks that share a member are smaller by this power of their number, so that a pass
# has more of the steps that it has in one process; none is smaller than this.
POWER, FEWEST = 0.5, 128


class Shards(Supply):
    """The rows of a table behind the preprocessing, dealt into shards on the workers.

    Every partition is cut by the keys of its rows, and each shard gets a piece of it, so that
    shards are uniform samples of the table whatever order its rows are in. A shard that is lost
    with its worker is made anew, from the source.

    Parameters
    ----------
    cluster : WorkCluster
    parts : list of Part
        Of the table.
    blocks : NumberedBlocks
    survey : Survey
    observation, held, encode
        As those of a Stream.
    seed : int
    """

    def __init__(self, cluster, parts, blocks, survey, observation, held, encode, seed):
        self.cluster, self.parts, self.blocks, self.survey = cluster, parts, blocks, survey
        self.observation, self.held, self.encode = observation, held, encode
        self.seed = seed
        self.n_trained = survey.n_rows - len(held)
        self.n_tasks, self.shards, self.rounds = 0, [], None

    @property
    def n_rows_seen(self):
        """Rows that were held out, and those that some member has trained on."""
        return len(self.held) + min(self.n_trained, self.rounds.n_rows)

    @contextmanager
    def ready(self, preprocessing, plan, device, dtype):
        """Have in a block the shards that batches are taken from."""
        self.device = str(device)
        places, row = len(self.cluster.places), row_of(plan, dtype, self.survey.weight is not None)
        # a task has a batch's worth of rows at least
        most = max(1, self.n_trained // plan.batch_size)
        self.n_tasks = max(1, min(places // plan.n_members, most))
        size = self.n_trained * row.itemsize
        each = math.ceil(size / (SHARD * places))
        n_shards = min(places, most) * max(1, min(each, most // places))
        recipe = Deal(
            reader=self.blocks.reader(),
            what=self.blocks.source.what,
            survey=_without_sample(self.survey),
            observation=self.observation,
            encode=self.encode,
            held=self.held[-1:],
            preprocessing=select_member(preprocessing, 0) if plan.n_members > 1 else preprocessing,
            plan=replace(plan, n_members=1),
            dtype=dtype,
            n_shards=n_shards,
            seed=self.seed,
        )
        self._deal(recipe)
        self.width = plan.n_features + plan.n_context
        try:
            yield
        finally:
            self.shards = []

    def _deal(self, recipe):
        from dask import delayed

        shared = self.cluster.spread(recipe)
        pieces = [
            list(
                delayed(deal, nout=recipe.n_shards)(
                    rows, shared, start, self.blocks.weights_at(start, stop)
                )
            )
            for rows, start, stop in self.parts
        ]
        futures = np.array(
            self.cluster.compute([piece for of_part in pieces for piece in of_part]), dtype=object
        ).reshape(len(pieces), recipe.n_shards)
        self.cluster.wait(futures.ravel().tolist(), WRITING)
        dealt = np.array([all(f.status == "finished" for f in row) for row in futures])
        if not dealt.all():
            # which raises what came in between, if it was not the time that was up
            self.cluster.results([f for f in futures.ravel() if f.status in TROUBLE])
            n = sum(p.stop - p.start for p, is_in in zip(self.parts, dealt, strict=True) if is_in)
            left_out(f"training on other rows than those of partitions with {n:,}")
            self.n_trained = min(self.n_trained, n)
        self.shards = [
            self.cluster.submit(shard_of, of_shard.tolist(), [self.seed, s], place=s)
            for s, of_shard in enumerate(futures[dealt].T)
        ]
        self.cluster.wait(self.shards)

    @property
    def epochs_of_pass(self):
        """Epochs in which a member goes over the table: in one a task does over a stretch."""
        return max(1, round(n_stretches(self.n_trained, self.width) / self.n_tasks))

    def train(self, flow, held, config, plan, *, seed, n_jobs=None, resumable=None):
        """Train a flow, or all members of a stacked one, on the workers.

        The held-out rows are scored here, at the end of each epoch. See
        :meth:`skflow.fitting._supply.Supply.train`.
        """
        several = plan.n_members > 1
        config, fewest = self.schedule(config), min(FEWEST, plan.batch_size)
        batch_size = max(fewest, round(plan.batch_size / self.n_tasks**POWER))
        flows = [select_member(flow, k) for k in range(plan.n_members)] if several else [flow]
        trainings = [
            Training(
                flow=member.cpu(),
                objective=objective_of(plan),
                noise=noise_of(member, plan),
                config=replace(config, verbose=0),
                batch_size=batch_size,
                device=self.device,
                seed=int(np.random.SeedSequence([seed, k]).generate_state(1)[0]),
            )
            for k, member in enumerate(flows)
        ]
        n_steps = self.n_trained / (batch_size * self.n_tasks * self.epochs_of_pass)
        self.rounds = Rounds(
            self.cluster, self.shards, trainings, self.n_tasks, max(1, round(n_steps))
        )
        history = train(
            flow,
            objective_of(plan),
            RoundBatches(self.rounds),
            config,
            validation=held,
            n_members=plan.n_members if several else None,
            keeper=None if resumable is None else resumable.keeper(),
        )
        return flow, history


def _without_sample(survey):
    empty = np.empty(0)
    return replace(
        survey,
        keys=empty,
        rows=empty,
        positions=empty,
        weight=None if survey.weight is None else empty,
        context=None,
        n_samples=np.iinfo(np.int64).max,  # partitions that were not looked at are not dealt
    )
