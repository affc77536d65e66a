"""Old names work, say what to write instead, and go when it was said that they would."""

import inspect
import pathlib
import re
import warnings

import pytest

import skflow
from skflow._deprecated import renamed_function, renamed_parameter

ROOT = pathlib.Path(skflow.__file__).parent


class Toy:
    """Something with a method whose keyword was called otherwise."""

    @renamed_parameter("n", "n_samples", since="0.3", removed="0.5")
    def sample(self, n_samples=1, scale=1.0):
        """Draw."""
        return n_samples * scale


def score(x):
    """Score."""
    return 2 * x


rate = renamed_function("rate", score, since="0.3", removed="0.5")


class TestParameter:
    def test_the_old_name_works_and_warns(self):
        text = (
            "^the parameter n of sample is called n_samples since skflow 0.3; the old name is "
            "gone in 0.5. Write n_samples.$"
        )
        with pytest.warns(FutureWarning, match=text):
            assert Toy().sample(n=3, scale=2.0) == 6.0

    def test_the_new_one_says_nothing(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert Toy().sample(3) == Toy().sample(n_samples=3) == 3.0

    def test_both(self):
        with pytest.raises(TypeError, match="pass n_samples alone"):
            Toy().sample(n=3, n_samples=3)

    def test_the_signature_has_the_new_name_alone(self):
        assert list(inspect.signature(Toy.sample).parameters) == ["self", "n_samples", "scale"]
        assert Toy.sample.__doc__ == "Draw."


class TestFunction:
    def test_it_works_and_warns_at_the_caller(self):
        with pytest.warns(FutureWarning, match=r"^rate is called score .* Write score\.$") as told:
            assert rate(2) == 4
        assert told[0].filename == __file__

    def test_its_name(self):
        assert rate.__name__ == "rate"
        assert rate.__doc__ == "Score."


def overdue(source, version):
    """Versions that a source says old names are gone in, and that have come."""
    now = _numbers(version)
    return [v for v in re.findall(r'removed="([\d.]+)"', source) if _numbers(v) <= now]


def _numbers(version):
    return tuple(int(part) for part in version.split(".")[:2])


def test_old_names_go_when_it_was_said():
    sources = (path.read_text() for path in sorted(ROOT.rglob("*.py")))
    assert sum((overdue(source, skflow.__version__) for source in sources), []) == []


@pytest.mark.parametrize(("version", "n"), [("0.4.9", 0), ("0.5.0", 1), ("1.0.0", 1)])
def test_one_that_stayed_is_found(version, n):
    assert len(overdue('@renamed_parameter("a", "b", since="0.3", removed="0.5")', version)) == n
