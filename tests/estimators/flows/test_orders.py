"""The order in which autoregressive layers take the columns."""

import numpy as np
import pytest
import torch
from sklearn.utils._param_validation import InvalidParameterError

import skflow
from skflow.architectures import autoregressive_stack, coupling_stack
from skflow.bijections import Affine
from tests.instances import TRAINED, quick

ORDERED = [cls for cls in TRAINED if "order" in cls.__dataclass_fields__]
every_ordered_flow = pytest.mark.parametrize("cls", ORDERED, ids=lambda cls: cls.__name__)


def rows(n=60, d=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3


def influence(stack, d):
    """Which feature moves which latent, (d, d) booleans, for a stack with random weights."""
    torch.manual_seed(0)
    for p in stack.parameters():
        torch.nn.init.normal_(p)
    x = torch.randn(d)
    jacobian = torch.autograd.functional.jacobian(lambda row: stack(row.unsqueeze(0))[0][0], x)
    return jacobian != 0


def test_the_flows_that_have_an_order():
    names = {"MADEDensity", "MAFDensity", "IAFDensity", "NSFDensity", "NAFDensity", "UMNNDensity"}
    assert names <= {cls.__name__ for cls in ORDERED}


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
def test_a_latent_depends_on_the_columns_up_to_its_own(order):
    stack = autoregressive_stack(4, Affine(), n_layers=1, order=order)
    found = influence(stack, 4)
    for place, column in enumerate(order):
        assert set(found[column].nonzero().flatten().tolist()) == set(order[: place + 1])


def test_the_first_half_of_the_order_steers_a_coupling():
    stack = coupling_stack(4, Affine(), n_layers=1, order=[2, 0, 3, 1])
    found = influence(stack, 4)
    seen = [set(row.nonzero().flatten().tolist()) for row in found]
    assert seen == [{0}, {0, 1, 2}, {2}, {0, 2, 3}]


@pytest.mark.parametrize("mixing", ["plu", "orthogonal", "pca", "permutation", "reverse", "none"])
@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_stacks_start_at_the_identity(mixing, n_layers):
    x = torch.randn(5, 4)
    for stack in (autoregressive_stack, coupling_stack):
        for order in (None, [2, 0, 3, 1]):
            flow = stack(4, Affine(), n_layers=n_layers, mixing=mixing, order=order)
            torch.testing.assert_close(flow(x)[0], x, rtol=0, atol=1e-5)


@every_ordered_flow
@pytest.mark.parametrize(
    ("order", "resolved"),
    [
        ("natural", (0, 1, 2, 3)),
        ("reversed", (3, 2, 1, 0)),
        ((2, 0, 3, 1), (2, 0, 3, 1)),
        (np.array([2, 0, 3, 1]), (2, 0, 3, 1)),
        ([3, 1, 2, 0], (3, 1, 2, 0)),
    ],
    ids=str,
)
def test_orders(cls, order, resolved):
    model = quick(cls, order=order, n_members=2).fit(rows())
    assert model.order_ == resolved
    Z = model.transform(rows())
    np.testing.assert_allclose(model.inverse_transform(Z), rows(), atol=1e-3)


@every_ordered_flow
def test_a_random_order_is_drawn_from_random_state(cls):
    orders = [quick(cls, order="random", random_state=s).fit(rows(d=6)).order_ for s in (0, 0, 1)]
    assert sorted(orders[0]) == list(range(6))
    assert orders[0] == orders[1]
    assert len({*orders, tuple(range(6))}) == 3


def test_orders_give_different_densities():
    scores = [
        quick(skflow.MADEDensity, order=o, max_epochs=20).fit(rows()).score_samples(rows())
        for o in ("natural", "reversed")
    ]
    assert np.abs(scores[0] - scores[1]).max() > 1e-3


def test_a_warm_start_keeps_the_order():
    model = quick(skflow.MADEDensity, order="random", random_state=None, warm_start=True)
    order = model.fit(rows(d=9)).order_
    assert model.fit(rows(d=9)).order_ == order


@pytest.mark.parametrize(
    "order", [[0, 1, 2], [0, 1, 2, 4], [0, 0, 1, 2], [0.0, 1, 2, 3], [[0, 1, 2, 3]], []]
)
def test_a_sequence_that_is_no_order(order):
    with pytest.raises(ValueError, match="index of each column of X once, the integers 0 to 3"):
        quick(skflow.MAFDensity, order=order).fit(rows())


@pytest.mark.parametrize("order", ["sorted", 3, None])
def test_what_is_no_sequence(order):
    with pytest.raises(InvalidParameterError, match="The 'order' parameter of MAFDensity must be"):
        quick(skflow.MAFDensity, order=order).fit(rows())
