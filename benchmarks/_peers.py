"""The other libraries and the plain torch loop, as their users write them."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn


@dataclass(frozen=True)
class Peer:
    """How to build a flow of one library, score rows with it and draw from it."""

    make: Callable
    log_prob: Callable
    sample: Callable


class PlainCoupling(nn.Module):
    """Affine couplings in plain torch, the code of a first tutorial."""

    def __init__(self, n_features, n_layers=6, hidden=64):
        super().__init__()
        self.half = n_features // 2
        sizes = (self.half, n_features - self.half)
        self.nets = nn.ModuleList(
            nn.Sequential(
                nn.Linear(sizes[i % 2], hidden),
                nn.ReLU(),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Linear(hidden, 2 * sizes[1 - i % 2]),
            )
            for i in range(n_layers)
        )

    def log_prob(self, x):
        a, b = x[:, : self.half], x[:, self.half :]
        log_det = 0.0
        for net in self.nets:
            shift, log_scale = net(a).chunk(2, dim=1)
            log_scale = torch.tanh(log_scale)
            a, b = b * torch.exp(log_scale) + shift, a
            log_det = log_det + log_scale.sum(dim=1)
        z = torch.cat([a, b], dim=1)
        return log_det - 0.5 * (z**2).sum(dim=1) - 0.5 * z.shape[1] * np.log(2 * np.pi)


def _zuko(make):
    return Peer(make, lambda flow, x: flow().log_prob(x), lambda flow, n: flow().sample((n,)))


def _nflows(make):
    return Peer(make, lambda flow, x: flow.log_prob(x), lambda flow, n: flow.sample(n))


def _normflows(make):
    return Peer(make, lambda flow, x: flow.log_prob(x), lambda flow, n: flow.sample(n)[0])


# The same flow in each library


def zuko_maf(n_layers=5, hidden=(64, 64)):
    import zuko

    return _zuko(lambda d: zuko.flows.MAF(d, 0, transforms=n_layers, hidden_features=hidden))


def zuko_coupling(n_layers=6, hidden=(64, 64)):
    import zuko

    return _zuko(lambda d: zuko.flows.RealNVP(d, 0, transforms=n_layers, hidden_features=hidden))


def nflows_maf(n_layers=5, hidden=512):
    """Two plain hidden layers: the input layer and one block without a residual connection."""
    from nflows.flows.autoregressive import MaskedAutoregressiveFlow

    return _nflows(
        lambda d: MaskedAutoregressiveFlow(
            d, hidden, n_layers, num_blocks_per_layer=1, use_residual_blocks=False
        )
    )


def nflows_coupling(n_layers=6, hidden=(64, 64)):
    from nflows.distributions import StandardNormal
    from nflows.flows import Flow
    from nflows.nn.nets import MLP
    from nflows.transforms import AffineCouplingTransform, CompositeTransform

    class Net(MLP):
        def forward(self, inputs, context=None):
            return super().forward(inputs)

    def make(d):
        mask = torch.ones(d)
        mask[::2] = -1
        layers = []
        for _ in range(n_layers):
            layers.append(
                AffineCouplingTransform(mask, lambda i, o: Net([i], [o], hidden_sizes=hidden))
            )
            mask = -mask
        return Flow(CompositeTransform(layers), StandardNormal([d]))

    return _nflows(make)


def normflows_maf(n_layers=5, hidden=512):
    """In its own order normflows scores a MAF in d passes; ``Reverse`` gives it the fast one."""
    import normflows as nf

    def make(d):
        layers = []
        for _ in range(n_layers):
            maf = nf.flows.MaskedAffineAutoregressive(
                d, hidden, num_blocks=1, use_residual_blocks=False
            )
            layers += [nf.flows.Reverse(maf), nf.flows.Permute(d, mode="shuffle")]
        return nf.NormalizingFlow(nf.distributions.DiagGaussian(d, trainable=False), layers)

    return _normflows(make)


def normflows_coupling(n_layers=6, hidden=(64, 64)):
    import normflows as nf

    def make(d):
        layers = []
        for _ in range(n_layers):
            net = nf.nets.MLP([d - d // 2, *hidden, 2 * (d // 2)])
            layers += [nf.flows.AffineCouplingBlock(net), nf.flows.Permute(d, mode="swap")]
        return nf.NormalizingFlow(nf.distributions.DiagGaussian(d, trainable=False), layers)

    return _normflows(make)


# What a tutorial would have you fit


def zuko_nsf():
    import zuko

    return _zuko(lambda d: zuko.flows.NSF(d, 0, bins=8, transforms=3, hidden_features=(64, 64)))


def nflows_maf_residual():
    from nflows.flows.autoregressive import MaskedAutoregressiveFlow

    return _nflows(lambda d: MaskedAutoregressiveFlow(d, 64, 5, num_blocks_per_layer=2))


def nflows_nsf(n_layers=4, hidden=64):
    """Spline layers with LU maps between, as in the experiments of the paper that nflows is of."""
    from nflows.distributions import StandardNormal
    from nflows.flows import Flow
    from nflows.transforms import CompositeTransform, LULinear
    from nflows.transforms import (
        MaskedPiecewiseRationalQuadraticAutoregressiveTransform as Spline,
    )

    def make(d):
        settings = {"num_bins": 8, "tails": "linear", "tail_bound": 3.0, "num_blocks": 2}
        layers = [
            layer
            for _ in range(n_layers)
            for layer in (LULinear(d, identity_init=True), Spline(d, hidden, **settings))
        ]
        return Flow(CompositeTransform(layers), StandardNormal([d]))

    return _nflows(make)


def normflows_nsf():
    import normflows as nf

    def make(d):
        layers = []
        for _ in range(4):
            layers.append(nf.flows.AutoregressiveRationalQuadraticSpline(d, 2, 64))
            layers.append(nf.flows.LULinearPermute(d))
        return nf.NormalizingFlow(nf.distributions.DiagGaussian(d, trainable=False), layers)

    return _normflows(make)


class TutorialFit:
    """A peer's flow under the loop that tutorials show, behind fit, score_samples and sample.

    Columns are standardised and a tenth of the rows is held out; Adam at 1e-3 with batches of 256
    and gradients clipped at norm 5 runs for at most 200 epochs, stops when 20 of them bring no
    better held-out loss, and keeps the best weights.
    """

    max_epochs, batch_size, patience, learning_rate, clip = 200, 256, 20, 1e-3, 5.0

    def __init__(self, peer, random_state=0):
        self.peer = peer
        self.random_state = random_state

    def fit(self, X):
        torch.manual_seed(self.random_state)
        self.mean_, self.scale_ = X.mean(axis=0), X.std(axis=0)
        rows = self._standardised(X)[torch.randperm(len(X))]
        n_validation = max(1, len(rows) // 10)
        validation, rows = rows[:n_validation], rows[n_validation:]
        self.flow_ = self.peer.make(X.shape[1])
        optimizer = torch.optim.Adam(self.flow_.parameters(), lr=self.learning_rate)
        best_loss, best_state, waited = np.inf, None, 0
        for _ in range(self.max_epochs):
            self._epoch(rows, optimizer)
            with torch.no_grad():
                loss = -self.peer.log_prob(self.flow_, validation).mean().item()
            waited += 1
            if loss < best_loss - 1e-4:
                best_loss, waited = loss, 0
                best_state = copy.deepcopy(self.flow_.state_dict())
            if waited >= self.patience:
                break
        if best_state is not None:
            self.flow_.load_state_dict(best_state)
        self.flow_.eval()
        return self

    def score_samples(self, X):
        with torch.no_grad():
            blocks = self._standardised(X).split(5000)
            scores = torch.cat([self.peer.log_prob(self.flow_, block) for block in blocks])
        return scores.double().numpy() - np.log(self.scale_).sum()

    def sample(self, n_samples):
        with torch.no_grad():
            return (
                self.peer.sample(self.flow_, n_samples).double().numpy() * self.scale_ + self.mean_
            )

    def _standardised(self, X):
        return torch.as_tensor((X - self.mean_) / self.scale_, dtype=torch.float32)

    def _epoch(self, rows, optimizer):
        for index in torch.randperm(len(rows)).split(self.batch_size):
            loss = -self.peer.log_prob(self.flow_, rows[index]).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.flow_.parameters(), self.clip)
            optimizer.step()
