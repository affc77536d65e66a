"""Summaries of long observations, learnt with a posterior behind them."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ndtri
from torch import nn

from skflow._persistence import stored
from skflow._random import generator, seeded
from skflow._threads import threads
from skflow.architectures import autoregressive_stack
from skflow.bases import Normal
from skflow.bijections import Conditioned, RationalQuadraticSpline
from skflow.flow import Flow
from skflow.nets import SeriesSummary, VectorSummary
from skflow.training import Batch, Batches, MaximumLikelihood, TrainingConfig, train

__all__ = ["Summaries", "fit_summaries"]

BATCH = 128
STEPS = 4_000  # of the longest training
HELD_OUT = 0.15
BLOCK = 4_096  # observations at a time


@stored
@dataclass(frozen=True)
class Summaries:
    """A trained net that reads observations, and what it takes from them beforehand.

    Attributes
    ----------
    net : module
        From (n, r, k), standardised, to (n, n_out).
    mean, deviation : ndarray of shape (r or 1, k)
    """

    net: nn.Module
    mean: np.ndarray
    deviation: np.ndarray

    def transform(self, x):
        """Summaries (n, n_out) of observations (n, r, k), float64."""
        with torch.no_grad(), threads(1):
            return np.concatenate(
                [
                    self.net(self.scaled(x[a : a + BLOCK])).double().numpy()
                    for a in range(0, len(x), BLOCK)
                ]
            )

    def scaled(self, x):
        """Observations as the net takes them."""
        return torch.from_numpy((x - self.mean) / self.deviation).float()


def fit_summaries(theta, x, kind, seed):
    r"""Train a net whose few outputs tell what many numbers say of the parameters.

    It is trained together with a small flow of the parameters that sees nothing else, by their
    likelihood: the outputs are then as near to sufficient as their number allows (Radev et al.
    2020, BayesFlow, eqs. 12 to 14). The flow is not kept.

    Parameters
    ----------
    theta : ndarray of shape (n, d)
    x : ndarray of shape (n, r, k)
        r observations of k columns, or with ``kind="convolution"`` r times of k channels.
    kind : {"perceptron", "convolution"} or module
        A module takes (n, k) if r is 1, else (n, r, k).
    seed : int

    Returns
    -------
    Summaries
    """
    _, r, k = x.shape
    d = theta.shape[1]
    axis = 0 if r == 1 else (0, 1)  # observations of one theta, and times, are scaled alike
    mean, spread = x.mean(axis=axis).reshape(1, k), x.std(axis=axis).reshape(1, k)
    with seeded(seed), threads(1):
        net = _net(kind, r, k, d)
        summaries = Summaries(net, mean, np.where(spread > 0, spread, 1.0))
        _train(summaries, theta, x)
    net.eval()
    return summaries


def _net(kind, r, k, d):
    if isinstance(kind, nn.Module):
        net = copy.deepcopy(kind)
        return nn.Sequential(nn.Flatten(), net) if r == 1 else net
    make = SeriesSummary if kind == "convolution" else VectorSummary
    return make(k, min(r * k, 2 * d + 2))


def _train(summaries, theta, x):
    """Train the net and a flow behind it on most rows, until the others no longer gain."""
    n, d = theta.shape
    rows = torch.from_numpy(_normal_scores(theta)).float()
    given = summaries.scaled(x)
    width = summaries.net.eval()(given[:2]).shape[-1]
    layers = autoregressive_stack(
        d, RationalQuadraticSpline(), n_layers=2, n_context=width, hidden_features=(64, 64)
    )
    flow = Flow(Conditioned(summaries.net, layers), Normal(d))
    order = torch.randperm(n, generator=generator())
    held, own = order.split([max(1, int(HELD_OUT * n)), n - max(1, int(HELD_OUT * n))])
    batches = Batches(Batch(rows[own], given[own], None), min(BATCH, len(own)))
    epochs = max(10, min(300, STEPS // len(batches)))
    config = TrainingConfig(
        max_epochs=epochs,
        learning_rate=1e-3,
        n_iter_no_change=max(5, epochs // 5),
        averaged_steps=min(50, 2 * len(batches)),
    )
    train(
        flow, MaximumLikelihood(), batches, config, validation=Batch(rows[held], given[held], None)
    )


def _normal_scores(theta):
    ranks = theta.argsort(axis=0).argsort(axis=0)
    return ndtri((ranks + 0.5) / len(theta))
