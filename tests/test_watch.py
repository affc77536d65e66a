"""What is told, to whom, and by whom."""

import re

import pytest

from skflow._side_by_side import side_by_side
from skflow._watch import current_watch, named_training, seen_through, tell, watched


def test_nobody_hears_without_a_watch(capsys):
    tell("something")
    assert capsys.readouterr().out == ""
    assert current_watch() is None


def test_a_line_has_a_name_and_the_seconds(capsys):
    with watched("A", 1):
        tell("something")
    assert re.fullmatch(r"A, 0\.\d s: something\n", capsys.readouterr().out)


@pytest.mark.parametrize("inner", [0, False])
def test_within_another_the_inner_one_decides(capsys, inner):
    with watched("A", 2), watched("B", inner):
        tell("something")
    assert capsys.readouterr().out == ""


def test_after_the_block_the_outer_one_hears_again(capsys):
    with watched("A", 1):
        with watched("B", 1):
            tell("first")
        tell("second")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("B, ")
    assert second.startswith("A, ")


def test_threads_tell_whoever_watches(capsys):
    with watched("A", 1):
        side_by_side(lambda k: tell(f"part {k}"), range(3), n_jobs=3)
    lines = capsys.readouterr().out.splitlines()
    assert {line.split(": ")[1] for line in lines} == {"part 0", "part 1", "part 2"}


def test_a_training_has_a_name_in_its_block_alone():
    with watched("A", 0):
        with named_training("member 2", 1):
            assert (current_watch().label, current_watch().number) == ("member 2", 1)
        assert (current_watch().label, current_watch().number) == ("training", None)


def test_views_are_seen_through_from_the_inside_out():
    with (
        watched("A", 0),
        seen_through(lambda seen: ["outer", *seen]),
        seen_through(lambda flow, history, member: [flow, history, member]),
        named_training("member 2", 1),
    ):
        assert current_watch().seen("flow", "history") == ["outer", "flow", "history", 1]


def test_views_of_an_outer_estimator_end_at_an_inner_one():
    with watched("A", 0), seen_through(list), watched("B", 0):
        assert current_watch().views == ()
