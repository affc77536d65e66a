"""Kernels of whole rows, and the bandwidths of their columns."""

import math

import numpy as np
import pytest
import torch

from skflow._random import seeded
from skflow.conditionals import _kernels
from skflow.conditionals._encoding import LABELS, NUMBER, ORDERED, Encoding
from skflow.conditionals._kernels import (
    LEAST_BANDWIDTH,
    MOST_BLUR,
    REACHES,
    WIDTHS,
    Kernels,
    likeliest_bandwidths,
)
from skflow.conditionals._points import Points
from tests.conditionals.test_neighbours import N_NEW, SHARES, holes, points, rows

CLOSE = {"atol": 1e-4, "rtol": 1e-4}
BANDWIDTHS = torch.tensor([0.4, 0.5, 0.3, 0.8], dtype=torch.float64)
N = 40


def kernels(bandwidths=BANDWIDTHS, with_holes=True, weight=None):
    values = rows(N, 0)
    if with_holes:
        values = values.masked_fill(holes(N, 1), math.nan)
    return Kernels(*points(values), values, weight, bandwidths, torch.zeros(values.shape))


def log_kernels(own, values, known):
    """Log of the product (N,) of the kernels of one row's known cells, cell by cell."""
    encoding = own.encoding
    x, z = encoding.scores_of(values[None])[0], encoding.scores_of(own.spread)
    total = torch.zeros(len(z), dtype=torch.float64)
    for i, j in enumerate(encoding.scores):
        if known[j]:
            kernel = torch.distributions.Normal(z[:, i].nan_to_num(0.0), float(BANDWIDTHS[j]))
            spread = math.hypot(1.0, float(BANDWIDTHS[j]))
            anywhere = torch.distributions.Normal(0.0, spread).log_prob(x[i])
            total += torch.where(torch.isnan(z[:, i]), anywhere, kernel.log_prob(x[i]))
    if known[2]:
        code, other, blur = int(values[2]), own.spread[:, 2], BANDWIDTHS[2]
        share = SHARES[2][code]
        mass = (1 - blur) * (other == code) + blur * share
        total += torch.where(torch.isnan(other), torch.tensor(share), mass).log()
    return total


def test_distances_are_minus_twice_the_log_of_the_kernels():
    own, values, known = kernels(), rows(N_NEW, 2), ~holes(N_NEW, 3)
    found = -0.5 * own.distances(values, known)
    for row, seen, logs in zip(values, known, found, strict=True):
        expected = log_kernels(own, row, seen)
        torch.testing.assert_close(logs - logs.max(), expected - expected.max(), **CLOSE)


@pytest.mark.parametrize("j", [0, 2, 3])
def test_of_reach_and_width_one_they_are_those_of_a_joint_kernel_density(j):
    own, values, known = kernels(with_holes=False), rows(N_NEW, 2), ~holes(N_NEW, 3)
    own.reaches, own.widths = [1.0], [1.0]
    known[:, j] = False
    found = own.log_prob(own.nearest(values, known), j, values[:, j])[0]
    with_it = known.clone()
    with_it[:, j] = True
    joint, given = (
        torch.stack(
            [log_kernels(own, *one).logsumexp(0) for one in zip(values, seen, strict=True)]
        )
        for seen in (with_it, known)
    )
    torch.testing.assert_close(found.double(), joint - given, **CLOSE)


def test_widths_are_in_units_of_each_column():
    own = kernels()
    torch.testing.assert_close(own.sizes(3), torch.tensor(WIDTHS) * 0.8)
    assert (own.blurs(3) <= MOST_BLUR).all()
    assert own.n_kinds == len(REACHES) * len(WIDTHS)


def test_kernels_are_as_wide_as_what_their_numbers_cover():
    own, wide = kernels(), kernels()
    wide.cells = torch.full_like(wide.cells, 0.5)
    index = torch.arange(N).expand(N_NEW, -1)
    narrow = torch.tensor(WIDTHS)[:, None, None].expand(-1, N_NEW, N) * 0.4
    torch.testing.assert_close(own.deviations(index, 0), narrow)
    torch.testing.assert_close(wide.deviations(index, 0), torch.hypot(narrow, torch.tensor(0.5)))


def joint(encoding, shares, values, bandwidths):
    """Kernels of rows, which are known by their own values."""
    points = Points.of(encoding, shares, values)
    return Kernels(encoding, shares, points, values, None, bandwidths, torch.zeros_like(values))


def likeliest(encoding, shares, values, weight=None):
    """Bandwidths where nothing is expected in holes."""
    with seeded(0):
        points = Points.of(encoding, shares, values)
        return likeliest_bandwidths(encoding, shares, values, points, weight)


def leave_one_out(encoding, shares, values, bandwidths):
    """Mean log density of the known cells of rows by the kernels of the others."""
    own = joint(encoding, shares, values, bandwidths)
    known = ~torch.isnan(values)
    logs = -0.5 * own.distances(values, known)
    # what does not depend on the kernel is left out of distances
    for j, z in zip(encoding.scores, encoding.scores_of(values).double().unbind(1), strict=True):
        rest = -0.5 * (z / bandwidths[j]).square() - bandwidths[j].log()
        logs = logs + rest.nan_to_num(0.0)[:, None]
    for j, share in zip(encoding.labels, shares, strict=True):
        rest = (bandwidths[j] * torch.as_tensor(share)[values[:, j].nan_to_num(0.0).long()]).log()
        logs = logs + rest.where(known[:, j], 0.0)[:, None]
    return float(logs.fill_diagonal_(-torch.inf).logsumexp(1).mean())


def dependent(n=600):
    rng = np.random.default_rng(0)
    z = rng.normal(size=n)
    label = np.where(rng.random(n) < 0.95, z > 0, rng.random(n) < 0.5)
    noise = rng.normal(size=n)
    values = np.column_stack([z, label, noise, rng.random(n) < 0.5])
    half = np.array([0.5, 0.5])
    columns = [(NUMBER, None), (LABELS, half), (NUMBER, None), (LABELS, half)]
    return Encoding(columns), [half, half], torch.from_numpy(values).float()


@pytest.mark.parametrize("part", [0.0, 0.2])
def test_bandwidths_are_the_likeliest(part, monkeypatch):
    monkeypatch.setattr(_kernels, "TOLERANCE", 0.0)  # EM is slow
    monkeypatch.setattr(_kernels, "MOST_STEPS", 200)
    encoding, shares, values = dependent()
    holes = torch.rand(values.shape, generator=torch.Generator().manual_seed(0)) < part
    values = values.masked_fill(holes, math.nan)
    found = likeliest(encoding, shares, values)
    best = leave_one_out(encoding, shares, values, found)
    for j, factor in [(0, 0.6), (0, 1.6), (1, 0.6), (1, 1.6), (2, 0.6), (2, 1.6), (3, 0.6)]:
        other = found.clone()
        other[j] = max(float(other[j]) * factor, LEAST_BANDWIDTH)
        assert leave_one_out(encoding, shares, values, other) < best + 1e-3
    assert float(found[1]) < 0.3
    assert float(found[3]) > 0.5  # of what tells nothing nearly all goes to all


def test_repeated_rows_have_the_narrowest_kernels():
    encoding, shares, values = dependent(50)
    found = likeliest(encoding, shares, values.repeat(2, 1))
    assert (found[encoding.scores] == LEAST_BANDWIDTH).all()
    own = joint(encoding, shares, values, found)
    logs = own.log_prob(own.nearest(values, values > -9), 0, values[:, 0])
    assert torch.isfinite(logs).all()


def test_ordered_levels_are_spread():
    """Two columns of levels that are one: the bandwidth is of the width of a level, no less."""
    code = torch.from_numpy(np.random.default_rng(0).integers(4, size=400)).float()
    quarter = np.full(4, 0.25)
    encoding = Encoding([(ORDERED, quarter), (ORDERED, quarter)])
    found = likeliest(encoding, [], torch.stack([code, code], 1))
    assert (found > 0.1).all()
    assert (found < 0.8).all()


def test_a_weight_of_a_row_counts_as_rows():
    encoding, shares, values = dependent(300)
    weight = torch.ones(300)
    weight[150:] = 1e-12
    found = likeliest(encoding, shares, values, weight)
    other = likeliest(encoding, shares, values[:150])
    torch.testing.assert_close(found, other, rtol=0.1, atol=0.02)
