"""The best weights are kept member by member, and patience is counted."""

import pytest
import torch

from skflow.training._stopping import BestWeights


def losses(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_keeps_the_weights_of_the_lowest_loss_of_each_member():
    flat = torch.zeros(2, 3)
    best = BestWeights(flat)
    for epoch, loss in enumerate([(3.0, 3.0), (1.0, 4.0), (2.0, 2.0)]):
        flat.fill_(epoch)
        best.update(losses(*loss))
    best.restore()
    assert flat[:, 0].tolist() == [1, 2]
    assert best.loss.tolist() == [1, 2]


def test_restores_the_members_asked_for():
    flat = torch.zeros(2, 3)
    best = BestWeights(flat)
    best.update(losses(1.0, 1.0))
    flat.fill_(7)
    best.restore(torch.tensor([False, True]))
    assert flat[:, 0].tolist() == [7, 0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_never_the_best(bad):
    flat = torch.zeros(1, 2)
    best = BestWeights(flat)
    best.update(losses(5.0))
    flat.fill_(1)
    best.update(losses(bad))
    best.restore()
    assert not flat.any()
    assert best.loss.tolist() == [5]


def test_start_is_kept_if_nothing_was_ever_finite():
    flat = torch.ones(1, 2)
    best = BestWeights(flat)
    flat.fill_(9)
    best.update(losses(float("nan")))
    best.restore()
    assert flat.tolist() == [[1, 1]]


def test_patience_waits_for_the_last_member():
    best = BestWeights(torch.zeros(2, 1), patience=2)
    exhausted = []
    for loss in [(3.0, 3.0), (3.0, 2.0), (3.0, 2.0), (3.0, 2.0)]:
        best.update(losses(*loss))
        exhausted.append(best.exhausted)
    assert exhausted == [False, False, False, True]


def test_progress_within_the_tolerance_is_none_but_is_kept():
    flat = torch.zeros(1, 1)
    best = BestWeights(flat, patience=2, tol=0.1)
    for epoch, loss in enumerate([1.0, 0.95, 0.94]):
        flat.fill_(epoch)
        best.update(losses(loss))
    assert best.exhausted
    best.restore()
    assert flat.item() == 2


def test_small_steps_add_up_to_progress():
    best = BestWeights(torch.zeros(1, 1), patience=2, tol=0.1)
    for loss in [1.0, 0.95, 0.89, 0.85, 0.78]:
        best.update(losses(loss))
        assert not best.exhausted


def test_no_patience_never_stops():
    best = BestWeights(torch.zeros(1, 1))
    for _ in range(100):
        best.update(losses(1.0))
    assert not best.exhausted


class TestChosenByOthers:
    def best(self, *epochs, **settings):
        flat = torch.zeros(len(epochs[0]), 1)
        best = BestWeights(flat, by_others=True, **settings)
        for epoch, loss in enumerate(epochs):
            flat.fill_(epoch)
            best.update(losses(*loss))
        best.restore()
        return best, flat[:, 0].tolist()

    def test_a_members_own_loss_only_judges(self):
        best, kept = self.best((5.0, 5.0, 5.0), (1.0, 4.0, 4.0), (9.0, 3.0, 3.0))
        assert kept == [2, 1, 1]
        assert best.loss.tolist() == [9, 4, 4]

    def test_a_far_row_of_one_does_not_choose_for_the_others(self):
        _, kept = self.best((9.0, 5.0, 5.0), (9.0, 4.0, 4.0), (1e6, 1.0, 1.0))
        assert kept == [2, 1, 1]
        _, kept = self.best((9.0, 5.0, 5.0), (1e4, 4.0, 4.0), (1e6, 1.0, 1.0))
        assert kept == [2, 0, 0]

    def test_hardly_better_is_not_better(self):
        assert self.best((5.0, 5.0), (4.0, 4.0), (3.99, 3.99))[1] == [1, 1]

    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    def test_weights_without_a_density_of_its_own_rows_are_not_kept(self, bad):
        assert self.best((5.0, 5.0), (bad, 3.0))[1] == [0, 0]

    def test_a_single_member_is_chosen_by_its_own(self):
        assert self.best((5.0,), (4.995,), (4.999,))[1] == [1]

    def test_patience_waits_for_what_chooses(self):
        best, _ = self.best((5.0, 5.0), (4.0, 5.0), (3.0, 5.0), patience=2)
        assert best.waited.tolist() == [2, 0]
