"""The stages of a fit: a Gaussian is refined, then bent until it is good enough."""

import copy
import math
import time
from functools import partial

import numpy as np
import torch

from skflow._clock import left_out, seconds_left, time_is_up
from skflow._watch import named_training
from skflow.bases import StudentT
from skflow.bijections import Chain, Diagonal, Triangular, Whiten
from skflow.flow import Flow
from skflow.training import Batch, ReverseKL, SeedBatches, TrainingConfig, train
from skflow.variational._findings import enough, undecided
from skflow.variational._recipes import RECIPES
from skflow.variational._target import Pulled
from skflow.variational._verdict import MOST_DRAWS, N_DRAWS, judge

__all__ = ["GAUSSIAN_RATE", "Stages", "numbers_of_steps"]

# Of the time, if that is limited: after which no rates are tried.
TRIALS_END = 0.6
STEPS_PER_EPOCH = 50
VALIDATION_DRAWS = 2_000
GAUSSIAN_EPOCHS = 3
GAUSSIAN_RATE = 0.03
RATES = (1e-2, 3e-3, 1e-3)  # tried where no rate is given
TRIAL_EPOCHS = 1
FIRST_ROUND_EPOCHS = 5  # where more than one round is allowed
ROUND_EPOCHS = 20
ROUND_DECAY = 0.7  # of the rate from one round of full length to the next
N_POWERS = 5  # of the density in annealing, the last of them 1
ANNEALING_EPOCHS = 5  # at each power below 1
# Shares of the draws that must count for training to end: before a round of full length, where a
# little work may bring much, and after it, when what is missing is the tails of the base.
SHARE_AT_FIRST = 0.9
SHARE = 0.5
# Of the base's tails, where a round of full length was not enough: what is wrong then is mostly
# that weights grow where hardly any draw comes, of which the bound takes no notice.
HEAVY_DF = 5.0


def numbers_of_steps(settings):
    """Return how many steps a fit takes in any case, and how many it may take beyond."""
    n_flat = 0 if settings.annealing is None else N_POWERS - 1
    trials = len(RATES) * TRIAL_EPOCHS * (settings.learning_rate is None)
    epochs = settings.max_epochs + n_flat * ANNEALING_EPOCHS + trials
    certain = STEPS_PER_EPOCH * GAUSSIAN_EPOCHS * (1 + n_flat)
    return certain, STEPS_PER_EPOCH * epochs * bool(settings.n_layers)


class Stages:
    """What the stages of one fit share."""

    def __init__(self, target, settings):
        self.target, self.settings = target, settings
        self.records = []
        self.verdict_seconds = 0.0  # foretold, if time is limited
        self.stopped_by = "max_epochs"
        flat = settings.annealing
        self.powers = [1.0] if flat is None else list(np.geomspace(flat, 1, N_POWERS))

    @property
    def stopped(self):
        """Whether time is up or the user has interrupted."""
        return self.stopped_by != "max_epochs"

    def refine(self, whiten, base, support):
        """Train a linear map before the base, then make it a part of the whitening."""
        d = base.n_features
        linear = Diagonal(d) if self.settings.flow == "diagonal" else Triangular(d)
        core = Flow(linear, base).double()
        objective = self._objective(Chain([support, whiten]), path_gradient=True)
        for power in self.powers:
            objective.inverse_temperature = power
            self._train("gaussian", core, objective, GAUSSIAN_RATE, GAUSSIAN_EPOCHS)
        with torch.no_grad():
            corners = torch.cat([torch.zeros(1, d), torch.eye(d)]).double()
            origin, *ends = whiten.inverse(core.bijection.inverse(corners)[0])[0]
        whiten = Whiten.from_root(origin, (torch.stack(ends) - origin).mT)
        return Flow(Chain([]), core.base, Chain([support, whiten]))

    def bend(self, flow):
        """Put layers of the chosen kind before the base and train all; returns flow and rate."""
        settings, recipe = self.settings, RECIPES[self.settings.flow]
        bijection = recipe.build(
            flow.base.n_features,
            n_layers=settings.n_layers,
            hidden_features=settings.hidden_features,
            n_context=0,
        )
        core = Flow(bijection, flow.base).to(settings.device, settings.dtype)
        core, rate = self.train_layers(core, flow.preprocessing, recipe.path_gradient)
        return core.cpu().behind(flow.preprocessing), rate

    def train_layers(self, core, preprocessing, path_gradient=False):
        """Train layers and base behind a preprocessing; returns them and the rate."""
        objective = self._objective(preprocessing, path_gradient)
        rate = self.settings.learning_rate
        *flat, full = self.powers
        objective.inverse_temperature = self.powers[0]
        if rate is None:
            rate, core = self._try_rates(core, objective)
        for objective.inverse_temperature in flat:
            self._train("annealing", core, objective, rate, ANNEALING_EPOCHS)
        objective.inverse_temperature = full
        self._train_in_rounds(core, objective, rate)
        core.verify()
        return core, rate

    def good_enough(self, core, preprocessing):
        """Whether layers need no training by the density, as rows have taught them enough."""
        return self._good(core, self._objective(preprocessing, False).target, SHARE)

    def needs_no_layers(self, flow):
        """Whether the Gaussian is good enough, where the layers are left to the package."""
        return self.settings.layers_if_needed and self._good(flow, self.target, SHARE_AT_FIRST)

    def _train_in_rounds(self, core, objective, rate):
        """Train until the verdict is good; each round ends at a rate of 0, where weights settle.

        Some densities need one short round, some many, and what a round costs is the density's.
        """
        left = self.settings.max_epochs
        short = left > ROUND_EPOCHS
        while left > 0 and not self.stopped:
            epochs = FIRST_ROUND_EPOCHS if short else ROUND_EPOCHS
            self._train("flow", core, objective, rate, min(epochs, left))
            left -= epochs
            rate *= 1.0 if short else ROUND_DECAY
            share, short = (SHARE_AT_FIRST if short else SHARE), False
            if left > 0 and not self.stopped:
                if self._good(core, objective.target, share):
                    break
                if epochs == ROUND_EPOCHS:
                    _give_tails(core)

    def _good(self, core, target, share):
        if 2 * self.verdict_seconds > seconds_left():
            return False  # the time is better spent on training, and on the last verdict
        most = MOST_DRAWS if 10 * self.verdict_seconds < seconds_left() else N_DRAWS
        try:
            doubts = partial(undecided, share=share)
            figures = judge(core, target, N_DRAWS, most, doubts=doubts).figures
        except KeyboardInterrupt:
            self.stopped_by = "interrupt"
            return True
        return enough(figures, share)

    def _try_rates(self, core, objective):
        """Train briefly at several rates; returns the best rate and where it led."""
        results, held = [], self._held_out(core)
        for rate in RATES:
            trial = copy.deepcopy(core)
            loss = self._train(f"trial at {rate:g}", trial, objective, rate, TRIAL_EPOCHS, held)
            results.append((loss, rate, trial))
            if self.stopped:
                break
            if time_is_up(TRIALS_END):
                left_out("trials of learning rates")
                break
        _, rate, best = min(results, key=lambda result: result[0])
        return rate, best

    def _objective(self, preprocessing, path_gradient):
        preprocessing = copy.deepcopy(preprocessing).to(self.settings.device)
        return ReverseKL(Pulled(self.target, preprocessing), path_gradient)

    def _held_out(self, core):
        return Batch(core.base.draw_seeds(VALIDATION_DRAWS))

    def _train(self, stage, core, objective, rate, epochs, held=None):
        """Train ``core`` in place and return its best loss on fixed draws; unless time is up."""
        if self.stopped:
            return np.inf
        settings = self.settings
        held = self._held_out(core) if held is None else held
        left = self._seconds_to_train(core, objective, held)
        if left <= 0:
            self.stopped_by = "max_seconds"
            left_out(f'training ("{stage}")')
            return np.inf
        config = TrainingConfig(
            max_epochs=epochs,
            learning_rate=rate,
            weight_decay=0.0,
            n_iter_no_change=None,
            max_seconds=left,
            verbose=settings.verbose,
        )
        batches = SeedBatches(core.base, settings.batch_size, STEPS_PER_EPOCH)
        with named_training(stage):
            history = train(core, objective, batches, config, validation=held)
        self.records += [{"stage": stage, **record} for record in history.records]
        self.stopped_by = history.stopped_by
        return history.validation_loss[0]

    @torch.no_grad()
    def _seconds_to_train(self, core, objective, held):
        """Seconds left but for the verdict, whose draws cost what as many held-out draws do."""
        if seconds_left() in (0, math.inf):
            return seconds_left()
        start = time.perf_counter()
        float(objective(core, held).mean())
        each = time.perf_counter() - start
        self.verdict_seconds = each * N_DRAWS / VALIDATION_DRAWS
        return seconds_left() - self.verdict_seconds - each  # which ends the training


def _give_tails(core):
    """Put heavier tails into a base that stands for one mode, for the layers to get used to."""
    base = core.base
    if isinstance(base, StudentT):
        heavy = StudentT(base.n_features, HEAVY_DF).requires_grad_(False)
        core.base = heavy.to(base.raw_df)
