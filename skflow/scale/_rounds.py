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

    def begin(self, begins):
        """Have the workers begin with the rounds of an epoch.

        Parameters
        ----------
        begins : list of Round
            Of each member.

        Returns
        -------
        rounds : list of lists of Future
            Of each round, what its members leave. The workers drop those that nobody holds.
        """
        states = [self.cluster.spread(begin) for begin in begins]
        rounds = []
        for k, size in enumerate(self.sizes):
            states = [
                self._round(member, state, self.n_made + k, size)
                for member, state in enumerate(states)
            ]
            rounds.append(states)
        return rounds

    def end(self, rounds, is_late):
        """Wait for the rounds of an epoch, before those of another one are begun.

        Parameters
        ----------
        rounds : list of lists of Future
        is_late : callable
            Asked after each round; what is not done then is left out.

        Returns
        -------
        ends : list of Round
            Of each member.
        """
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
        # a mean of one would wait in its worker behind the round of another member
        return ends[0] if self.n_tasks == 1 else self.cluster.submit(mean_of_rounds, ends)

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
    """Steps of a run that the workers of a cluster make, each epoch from weights to weights.

    Held-out rows are scored in the process of the run. Meanwhile the workers go on with the next
    epoch, whose rounds depend on the weights alone: if the scores end the training, these are
    dropped, so that its results are those of taking turns.
    """

    def __init__(self, run, rounds):
        self.run, self.rounds, self.ahead = run, rounds, None

    def epoch(self):
        """Return the mean loss (K,) of the steps of an epoch."""
        run, begun = self.run, self.ahead or self._begin()
        self.ahead = None
        loss = take_round(run, self.rounds.end(begun, self._is_late))
        if run.may_go_on(run.epoch + 1):
            self.ahead = self._begin()
        return loss

    def held_out_loss(self):
        """Return the loss of each member, (K,), on the held-out rows."""
        if self.run.step == 0 and self.ahead is None:
            self.ahead = self._begin()  # before the first epoch, too
        return self.run.held_out_loss()

    def _begin(self):
        run, self.last = self.run, time.perf_counter()
        return self.rounds.begin([round_of(run, k) for k in range(run.parameters.n_rows)])

    def _is_late(self):
        now = time.perf_counter()
        self.run.step_seconds, self.last = now - self.last, now  # of a round
        return seconds_left() < float("inf") and self.run.is_late()

    def state(self):
        """Return what goes over to the next epoch beside the run: nothing."""

    def resume(self, state):
        """Go on with the next epoch."""

    def release(self):
        """Let go of the run, and of what the workers do ahead of it."""
        self.run.device_steps = self.run = self.ahead = None
