"""The scores of training rows by the members that did not see them."""

import numpy as np
import pytest

from skflow import MAFDensity, NSFDensity
from tests.instances import TRAINED, quick


def rows(n=60, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3


def maf(**settings):
    return quick(MAFDensity, **{"n_members": 3, **settings})


def by_member(model, X):
    return np.array([member.score_samples(X) for member in model._members()])


@pytest.mark.parametrize("cls", TRAINED, ids=lambda cls: cls.__name__)
def test_each_row_is_scored_by_one_member(cls):
    model = quick(cls, n_members=3, validation_fraction=1 / 3).fit(rows())
    scores = by_member(model, rows())
    assert model.held_out_scores_.shape == (60,)
    owner = np.abs(scores - model.held_out_scores_).argmin(axis=0)
    np.testing.assert_array_equal(np.choose(owner, scores), model.held_out_scores_)
    np.testing.assert_array_equal(np.bincount(owner), [20, 20, 20])


def test_a_fold_that_is_given_is_kept():
    fold = np.resize([0, 1, -1, 2], 60)
    model = maf()
    model._fit(rows(), None, fold)
    scores = by_member(model, rows())
    np.testing.assert_array_equal(np.isnan(model.held_out_scores_), fold < 0)
    for k in range(3):
        np.testing.assert_array_equal(model.held_out_scores_[fold == k], scores[k, fold == k])


def test_the_member_did_not_see_the_row():
    # a change of rows in fold 1 leaves member 1 as it was but for the preprocessing they share
    settings = {"preprocessing": "none", "dropout": 0, "input_noise": 0}
    X, fold = rows() - 3, np.resize([0, 1, 2], 60)
    moved = X + np.where(fold == 1, 0.5, 0.0)[:, None]
    members = []
    for table in (X, moved):
        model = maf(**settings, n_iter_no_change=None, batch_size=10**3)
        model._fit(table, None, fold)
        members.append(by_member(model, X))
    change = np.abs(members[1] - members[0]).max(axis=1)
    assert change[1] < change[[0, 2]].min() / 3


def test_part_held_out():
    model = maf(validation_fraction=0.1).fit(rows())
    assert np.isfinite(model.held_out_scores_).sum() == 18


def test_nothing_held_out():
    assert np.isnan(maf(n_members=1, validation_fraction=0).fit(rows()).held_out_scores_).all()


def test_weight_zero_is_no_held_out_row():
    weight = np.where(np.arange(60) < 6, 0.0, 1.0)
    model = maf(validation_fraction=1 / 3).fit(rows(), sample_weight=weight)
    assert np.isnan(model.held_out_scores_[:6]).all()
    assert np.isfinite(model.held_out_scores_[6:]).all()


def test_equal_rows_have_one_score():
    X = np.repeat(rows(30), 2, axis=0)
    held = maf(validation_fraction=1 / 3).fit(X).held_out_scores_
    np.testing.assert_array_equal(held[::2], held[1::2])


def test_none_after_a_warm_start():
    model = maf(warm_start=True).fit(rows())
    assert np.isfinite(model.held_out_scores_).any()
    assert np.isnan(model.fit(rows()).held_out_scores_).all()


def test_mean_is_the_validation_score():
    model = maf(validation_fraction=1 / 3, n_iter_no_change=None).fit(rows())
    assert np.nanmean(model.held_out_scores_) == pytest.approx(model.validation_score_, abs=1e-3)


def test_equal_rows_of_different_folds_are_held_out_by_each():
    X = np.random.default_rng(0).normal(size=(40, 2))
    X[1] = X[0]
    fold = np.array([0, 1] + [2] * 38)
    model = MAFDensity(random_state=0, n_layers=1, max_epochs=2)._fit(X, fold=fold)
    for k, member in enumerate(model._members()):
        expected = member.score_samples(X[fold == k])
        np.testing.assert_allclose(model.held_out_scores_[fold == k], expected, rtol=1e-4)


def test_on_thirty_rows_they_are_no_better_than_scores_of_new_rows():
    # chosen by its own six rows, a member
    # is 0.14 nats ahead here
    excess = []
    for seed in range(8):
        z = np.random.default_rng(seed).normal(size=(3_030, 2))
        log_density = -0.5 * np.square(z).sum(axis=1)
        model = NSFDensity(base="normal", n_layers=2, random_state=seed).fit(z[:30])
        of_new = np.mean([member.score_samples(z[30:]).mean() for member in model._members()])
        luck = log_density[:30].mean() - log_density[30:].mean()
        excess.append(model.held_out_scores_.mean() - of_new - luck)
    assert np.mean(excess) < 0.08


def test_a_fold_without_rows_is_refused():
    X = np.random.default_rng(0).normal(size=(40, 2))
    fold = np.array([1] * 2 + [2] * 38)
    with pytest.raises(ValueError, match="fold 0 holds no distinct row"):
        MAFDensity(random_state=0)._fit(X, fold=fold)
