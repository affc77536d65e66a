"""Training in rounds: tasks make steps from the same weights, whose mean is what goes on."""

import math
import time

from skflow._clock import seconds_left
from skflow.scale._tasks import train_on
from skflow.training import batch_of, mean_of_rounds, round_of, take_round

__all__ = ["RoundBatches", "Rounds"]

# Steps between two means of weights, tenths of a second of work. In 1,560 steps of 512 rows two
# tasks scored 0.0024 nats a column below one with means every 16 steps, 0.006 every 64.
STEPS = 16
ALONE = 128  # where a member has one task, there is no mean to be made: fewer weights travel


class Rounds:
    """Rounds of tasks on shards.

    Task i of a member goes over the shards i, i + n_tasks, ..., one stretch of each after the
    other, so that all tasks of a round find theirs in workers of their own, and a member sees
    each row as often as others.

    Parameters
    ----------
    cluster : WorkCluster
    shards : list of Future
    trainings : list of Training
        Of each member.
    n_tasks : int
        Of a member in a round.
    n_steps : int
        Of an epoch, in each of its tasks.

    Attributes
    ----------
    n_rows : int
        That a member has been given so far.
    """

    def __init__(self, cluster, shards, trainings, n_tasks, n_steps):
        self.cluster, self.shards, self.n_tasks = cluster, shards, n_tasks
        self.n_steps, self.n_made, self.n_rows = n_steps, 0, 0
        self.batch_size = trainings[0].batch_size
        n_rounds = math.ceil(n_steps / (STEPS if n_tasks > 1 else ALONE))
        ends = [k * n_steps // n_rounds for k in range(n_rounds + 1)]
        self.sizes = [stop - start for start, stop in zip(ends[:-1], ends[1:], strict=True)]
        self.trainings = [cluster.spread(training) for training in trainings]

    def epoch(self, begins, is_late):
        """Make the rounds of an epoch.

        Parameters
        ----------
        begins : list of Round
            Of each member.
        is_late : callable
            Asked after each round; what is not done then is left out.

        Returns
        -------
        ends : list of Round
        """
        states = [self.cluster.spread(begin) for begin in begins]
        rounds = []
        for k, size in enumerate(self.sizes):
            states = [
                self._round(member, state, self.n_made + k, size)
                for member, state in enumerate(states)
            ]
            rounds.append(states)
        done = 0
        try:
            for states in rounds:
                self.cluster.wait(states)
                done += 1
                if is_late() and done < len(rounds):
                    break
            ends = [self.cluster.result(state) for state in rounds[done - 1]]
        finally:
            self.cluster.cancel([state for states in rounds[done:] for state in states])
        self.n_made += done
        self.n_rows += sum(self.sizes[:done]) * self.batch_size * self.n_tasks
        return ends

    def _round(self, member, begin, number, n_steps):
        ends = []
        for i in range(self.n_tasks):
            own = range(i, len(self.shards), self.n_tasks)
            shard = own[(number + member) % len(own)]
            work = self.shards[shard], self.trainings[member], begin, len(own), i, n_steps
            ends.append(self.cluster.submit(train_on, *work, place=shard))
        return self.cluster.submit(mean_of_rounds, ends)

    def some_rows(self):
        """Return a batch of rows of the first shard."""
        return batch_of(self.cluster.result(self.cluster.submit(_head, self.shards[0], 4096)))


def _head(rows, n):
    return rows[:n]


class RoundBatches:
    """Batches of an epoch of rounds, which are dealt on the workers.

    Parameters
    ----------
    rounds : Rounds
    """

    def __init__(self, rounds):
        self.rounds = rounds

    def __len__(self):
        return self.rounds.n_steps

    def __iter__(self):
        yield self.rounds.some_rows()

    def state(self):
        """Copy what goes over from one epoch to the next, for :meth:`resume`."""
        rounds = self.rounds
        return {"tasks": rounds.n_tasks, "made": rounds.n_made, "rows": rounds.n_rows}

    def resume(self, state):
        """Go on from where other rounds on the same shards were."""
        rounds = self.rounds
        if state["tasks"] != rounds.n_tasks:
            raise ValueError(
                f"the checkpoint is of a fit in {state['tasks']} tasks at a time for each member, "
                f"and the workers of the cluster now make {rounds.n_tasks}: have as many threads "
                "in all as then, or remove the checkpoint to fit anew."
            )
        rounds.n_made, rounds.n_rows = state["made"], state["rows"]

    def steps_of(self, run):
        """Return what makes the steps of a run."""
        return _RoundSteps(run, self.rounds)


class _RoundSteps:
    """Steps of a run that the workers of a cluster make, each epoch from weights to weights."""

    def __init__(self, run, rounds):
        self.run, self.rounds = run, rounds
        self.held_out_loss = run.held_out_loss

    def epoch(self):
        """Return the mean loss (K,) of the steps of an epoch."""
        begins = [round_of(self.run, k) for k in range(self.run.parameters.n_rows)]
        self.last = time.perf_counter()
        return take_round(self.run, self.rounds.epoch(begins, self._is_late))

    def _is_late(self):
        now = time.perf_counter()
        self.run.step_seconds, self.last = now - self.last, now  # of a round
        return seconds_left() < float("inf") and self.run.is_late()

    def state(self):
        """Return what goes over to the next epoch beside the run: nothing."""

    def resume(self, state):
        """Go on with the next epoch."""

    def release(self):
        """Let go of the run."""
        self.run.device_steps = self.run = self.held_out_loss = None
