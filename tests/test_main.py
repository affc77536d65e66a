"""``python -m skflow``: versions, and a check that can fail."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import skflow
from skflow import __main__ as program

ROOT = Path(__file__).parent.parent


def test_versions_are_printed():
    run = subprocess.run(
        [sys.executable, "-m", "skflow", "--versions"], capture_output=True, text=True, check=True
    )
    assert f"skflow {skflow.__version__}" in run.stdout
    assert "torch 2." in run.stdout


class Wrong:
    """A density with one fault."""

    def __init__(self, flow, shift=0.0, scale=1.0):
        self.flow, self.shift, self.scale = flow, shift, scale

    def score_samples(self, X):
        return self.flow.score_samples(X) + self.shift

    def sample(self, n, random_state=None):
        return self.scale * self.flow.sample(n, random_state=random_state)

    def save(self, path):
        self.flow.save(path)


@pytest.fixture(scope="module")
def fit():
    """Return what the program finds of its own fit, made once for all tests."""
    return program._flow()


def test_all_is_well_here(fit, monkeypatch, capsys):
    monkeypatch.setattr(program, "_flow", lambda: fit)
    assert program.main([]) == 0
    assert capsys.readouterr().out.count(": fine\n") == 4


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        (program._integral, {"shift": 0.1}),
        (program._draws, {"scale": 2.0}),
        (program._file, {"shift": 1e-9}),
    ],
)
def test_each_check_sees_what_it_is_for(fit, check, fault):
    # that it passes without the fault is among what is well above
    assert not check(Wrong(fit[0], **fault))[0]


def test_a_fault_is_the_exit_code(monkeypatch, capsys):
    poor = skflow.MixtureFlowDensity(n_components=1).fit(program._bent(100, 0))
    monkeypatch.setattr(program, "_flow", lambda: (poor, False, "no better"))
    assert program.main([]) == 1
    assert "fit: no better: NOT AS IT SHOULD BE" in capsys.readouterr().out


def test_citation_and_changelog_have_the_version():
    citation, changelog = ((ROOT / name).read_text() for name in ("CITATION.cff", "CHANGELOG.md"))
    cited = dict(re.findall(r"^(version|date-released): (.*)$", citation, re.MULTILINE))
    listed = re.search(r"^## \[([\d.]+)\] - (\S+)$", changelog, re.MULTILINE)
    assert (cited["version"], cited["date-released"]) == listed.groups()
    assert cited["version"] == skflow.__version__
