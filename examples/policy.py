"""
A policy that keeps both ways open
==================================

A point mass may go to either of two goals, which are equally good. Soft actor-critic (Haarnoja et
al. 2018, arXiv:1812.05905) rewards a policy for its entropy, so that the best one takes both ways.
A Gaussian policy cannot: it has to choose a way. A conditional flow can (Mazoure et al. 2020,
arXiv:1905.06893). Both are squashed into the square of possible forces, both learn alike, and all
that differs are two coupling layers.

From a shell::

    python policy.py [picture.png] [--quick] [--first-seed=0]
"""

import copy
import math
import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import torch

from skflow.architectures import amortized_flow
from skflow.bijections import RationalQuadraticSpline, SupportMap
from skflow.members import stack_members
from skflow.nets import MLP

BLUE, ORANGE = "#0072B2", "#D55E00"
quick = "--quick" in sys.argv
pictures = [a for a in sys.argv[1:] if not a.startswith("--")]
first_seed = next((int(a.split("=")[1]) for a in sys.argv if a.startswith("--first-seed=")), 0)
N_SEEDS, N_ROUNDS = (3, 1200) if quick else (10, 2000)
torch.set_num_threads(1)  # nets are small: more threads would only wait for each other

# %%
# The environment
# ---------------
# A state is a place and a velocity, an action a force between -1 and 1 along each axis, and there
# is friction. Every episode starts at rest, half way between the goals, and has sixteen steps. A
# step costs the distance to the nearer goal and a little for the force.
#
# What is designed is the symmetry: nothing tells one goal from the other. They lie on a diagonal,
# as a squashed Gaussian of great deviation has most of its mass near the four corners: with goals
# straight left and right it would take both ways, too. Nothing else keeps it from doing well: it
# gets to a goal as fast as the flow.

GOALS = torch.tensor([[1.5, 1.5], [-1.5, -1.5]])
N_STEPS, TICK = 16, 0.4


def step(state, force):
    """States (..., 4) and rewards (...) after forces (..., 2)."""
    place, velocity = state.split(2, dim=-1)
    velocity = velocity + TICK * (force - velocity)
    place = place + TICK * velocity
    reward = -distances(place).amin(dim=-1) - 0.05 * force.square().sum(dim=-1)
    return torch.cat([place, velocity], dim=-1), reward


def distances(place):
    """From places (..., 2) to both goals, (..., 2)."""
    return torch.linalg.vector_norm(place.unsqueeze(-2) - GOALS, dim=-1)


# %%
# Two policies
# ------------
# ``amortized_flow`` is a density of forces given a state: an encoder of the state, a Gaussian
# whose mean and deviations it sets, and, for the flow, coupling layers that see it as well.
# :class:`~skflow.bijections.SupportMap` squashes either by :math:`\tanh(u / 2)` and keeps account
# of the Jacobian. ``sample_and_log_prob`` draws forces and scores them in one pass, with
# gradients through the draws.
#
# All seeds learn side by side: ``stack_members`` makes one module of ten, with an axis for the
# seeds in front of every tensor. They share nothing but the kernels that compute them.


def seeds_of(make):
    """One module of as many as there are seeds, each with a start of its own."""
    return stack_members([make() for _ in range(N_SEEDS)])


def make_policy(flow):
    squash = SupportMap([-1.0, -1.0], [1.0, 1.0])
    return amortized_flow(
        2,
        4,
        flow=flow,
        elementwise=RationalQuadraticSpline(),
        hidden_features=(32,),
        encoder_features=(64, 64),
    ).behind(squash)


def act(policy, state):
    """Forces (seeds, n, 2) in states (seeds, n, 4), and their log densities (seeds, n)."""
    force, log_prob = policy.sample_and_log_prob(state.shape[-2], state)
    return force.float(), log_prob.float()  # the squashing is computed in float64


# %%
# Soft actor-critic
# -----------------
# Two critics learn the value Q of a force in a state, entropy included, from steps of all former
# rounds; the smaller of both counts. The policy climbs Q minus its own log density times a
# temperature, which starts at 1 and is learnt such that the mean entropy gets to 0.4 nats: the
# uniform density of forces has 1.4.

DISCOUNT, TARGET_ENTROPY, N_WORLDS, BATCH, RANDOM_ROUNDS = 0.9, 0.4, 32, 128, 50


class Critics(torch.nn.Module):
    """Two critics for each seed."""

    def __init__(self):
        super().__init__()
        both = [seeds_of(lambda: MLP(6, 1, 1, (64, 64))) for _ in range(2)]
        self.nets = stack_members(both)

    def forward(self, state, force):
        """Take the smaller value (seeds, n) of both, and both, (2, seeds, n)."""
        x = torch.cat([state, force], dim=-1)
        values = self.nets(x.expand(2, *x.shape))[..., 0, 0]
        return values.amin(dim=0), values


class Learner:
    """A policy, its critics, its temperature, and how they learn from a batch of steps."""

    def __init__(self, flow):
        self.policy, self.critics = seeds_of(lambda: make_policy(flow)), Critics()
        self.slow = copy.deepcopy(self.critics).requires_grad_(False)
        self.log_temperature = torch.zeros(N_SEEDS, 1, requires_grad=True)
        parts = self.policy.parameters(), self.critics.parameters(), [self.log_temperature]
        self.optimizers = [torch.optim.Adam(part, lr=2e-3) for part in parts]
        self.schedules = [
            torch.optim.lr_scheduler.LambdaLR(o, lambda i: min(1, 2 * (1 - i / N_ROUNDS)))
            for o in self.optimizers[:2]
        ]

    def learn(self, state, force, reward, after):
        by_policy, by_critics, by_temperature = self.optimizers
        temperature = self.log_temperature.exp().detach()

        with torch.no_grad():
            next_force, log_prob = act(self.policy, after)
            value = self.slow(after, next_force)[0] - temperature * log_prob
            target = reward + DISCOUNT * value
        descend(by_critics, (self.critics(state, force)[1] - target).square())

        force, log_prob = act(self.policy, state)
        descend(by_policy, temperature * log_prob - self.critics(state, force)[0])
        excess = -log_prob.detach() - TARGET_ENTROPY
        descend(by_temperature, self.log_temperature * excess)

        for schedule in self.schedules:
            schedule.step()
        with torch.no_grad():
            for mean, now in zip(self.slow.parameters(), self.critics.parameters(), strict=True):
                mean.lerp_(now, 0.01)


def descend(optimizer, losses):
    """Make a step down losses (..., n): means over rows, which do not mix seeds."""
    optimizer.zero_grad()
    losses.mean(dim=-1).sum().backward()
    optimizer.step()


def train(flow):
    """Learn in N_ROUNDS rounds of a step in every world and a batch of former steps."""
    torch.manual_seed(first_seed)
    learner = Learner(flow)
    memory = torch.zeros(N_SEEDS, N_ROUNDS * N_WORLDS, 4 + 2 + 1 + 4)
    state, age = torch.zeros(N_SEEDS, N_WORLDS, 4), torch.randint(N_STEPS, (N_WORLDS,))
    for i in range(N_ROUNDS):
        with torch.no_grad():
            force = 2 * torch.rand(N_SEEDS, N_WORLDS, 2) - 1
            if i >= RANDOM_ROUNDS:
                force = act(learner.policy, state)[0]
            after, reward = step(state, force)
        rows = torch.cat([state, force, reward.unsqueeze(-1), after], dim=-1)
        memory[:, i * N_WORLDS : (i + 1) * N_WORLDS] = rows
        age = (age + 1) % N_STEPS
        state = torch.where((age == 0).unsqueeze(-1), 0.0, after)
        if i >= RANDOM_ROUNDS:
            batch = memory[:, torch.randint((i + 1) * N_WORLDS, (BATCH,))]
            state_, force, reward, after = batch.split([4, 2, 1, 4], dim=-1)
            learner.learn(state_, force, reward.squeeze(-1), after)
    return learner.policy


# %%
# Which ways are taken
# --------------------
# Policies are run as they are, draws and all, for 400 episodes of each seed. An episode takes the
# way to a goal if it ends within 0.5 of it; a way is taken if at least a tenth of them do.


@torch.no_grad()
def run(policy, n=400):
    """Paths (seeds, n, 17, 2) of n episodes, and what they returned (seeds, n)."""
    state, returned = torch.zeros(N_SEEDS, n, 4), 0.0
    places = [state[..., :2]]
    for _ in range(N_STEPS):
        state, reward = step(state, act(policy, state)[0])
        returned = returned + reward
        places.append(state[..., :2])
    return torch.stack(places, dim=-2), returned


policies, paths, rarer, returns = {}, {}, {}, {}
for name, flow in {"flow": "coupling", "Gaussian": "diagonal"}.items():
    start = time.perf_counter()
    policies[name] = train(flow)
    seconds = time.perf_counter() - start
    paths[name], returned = run(policies[name])
    shares = (distances(paths[name][..., -1, :]) < 0.5).double().mean(dim=1).numpy()
    rarer[name], returns[name] = shares.min(axis=1), returned.mean(dim=1).numpy()
    print(f"\n{name} ({seconds:.0f} s for {N_SEEDS} seeds)")
    print("share of episodes to one goal:  ", *(f"{share:.2f}" for share in shares[:, 0]))
    print("share of episodes to the other: ", *(f"{share:.2f}" for share in shares[:, 1]))
    print("mean return:                   ", *(f"{mean:.1f}" for mean in returns[name]))
    print(f"both ways taken in {np.sum(rarer[name] >= 0.1)} of {N_SEEDS} seeds")

gain = returns["flow"] - returns["Gaussian"]
error = gain.std(ddof=1) / math.sqrt(N_SEEDS)
print(f"\nreturn of the flow over that of the Gaussian: {gain.mean():.2f} +- {error:.2f}")

# %%
# The picture
# -----------
# Forty episodes of the first four seeds, and the density of the first force for the first of
# them: the flow's has two modes, near the corners where the goals are.

axis = torch.linspace(-0.999, 0.999, 150)
forces = torch.cartesian_prod(axis, axis).expand(N_SEEDS, -1, 2)
figure, axes = plt.subplots(2, min(N_SEEDS, 4) + 1, figsize=(11, 4.8), layout="constrained")
for line, (name, colour) in zip(axes, {"flow": ORANGE, "Gaussian": BLUE}.items(), strict=True):
    for seed, panel in enumerate(line[:-1]):
        panel.plot(*paths[name][seed, :40].permute(2, 1, 0), color=colour, lw=0.6, alpha=0.6)
        panel.scatter(*GOALS.T, s=70, marker="*", color="black", zorder=3)
        panel.set(title=f"{name}, seed {seed}", xlim=(-2.5, 2.5), ylim=(-2.5, 2.5))
    with torch.no_grad():
        at_start = torch.zeros(N_SEEDS, forces.shape[1], 4)
        density = policies[name].log_prob(forces, at_start)[0].exp().reshape(150, 150).T
    line[-1].contourf(axis, axis, density, 12, cmap="magma_r")
    line[-1].set(title=f"{name}, first force")
for panel in axes.flat:
    panel.set(aspect="equal", xticks=[], yticks=[])

picture = pictures[0] if pictures else "policy.png"
figure.savefig(picture, dpi=110)
print(f"picture: {picture}")

# %%
# What it draws, from a run that was not cut short:
#
# .. image:: /images/policy.png
#    :alt: Paths of both policies for four seeds, and densities of the first force

# sphinx_gallery_thumbnail_path = "images/policy.png"
