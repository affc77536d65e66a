"""Verdicts on figures, and how results read."""

import re
from dataclasses import replace

import numpy as np
import pytest

from skflow.evidence import LogEvidence
from skflow.evidence._agreement import Agreement
from skflow.evidence._halves import Half
from skflow.evidence._verdict import combine, faults_of_draws, faults_of_evidence, widened
from skflow.sampling import Bridged

NOTHING = np.empty(0), np.empty(0)
BRIDGED = Bridged(3.0, 0.01, of_draws=0.008, of_proposals=0.006)
HALF = Half(BRIDGED, 3.01, 0.02, n_effective=900.0, overlap=0.9, beyond=NOTHING)
ALIKE = Agreement(1.0, 0.4, 0.05, column=0, moved=0.02, n_effective=1_500.0)

FAULTY_DRAWS = {
    "a column": ({"p_value": 1e-5, "distance": 0.3}, r"the distribution of column 0 \('a'\)"),
    "a cell": ({"p_value": 1e-5, "distance": 0.3, "column": None}, "how many draws lie in a"),
    "chains": ({"rhat": 1.2}, "R-hat is 1.20, above 1.1"),
    "few": ({"n_effective": 60.0}, "worth 60 independent ones only"),
}
HARMLESS = {
    "a small difference": {"p_value": 1e-9, "distance": 0.05},
    "a chance difference": {"p_value": 0.01, "distance": 0.3},
    "no R-hat": {"rhat": np.nan},
}
FAULTY_HALVES = {
    "overlap": ({"overlap": 0.01}, {"overlap": 0.9}, "share 9 effective draws only"),
    "halves": (
        {"bridge": replace(BRIDGED, log_evidence=3.14), "harmonic": 3.1},
        {},
        "halves of the draws disagree.* standard errors apart",
    ),
    "harmonic": ({"harmonic": 3.4}, {"harmonic": 3.4}, "the harmonic mean disagrees"),
    "beyond": ({"beyond": (np.full(2, 0.3), NOTHING[0])}, {}, "30% of what the draws give"),
    "error": (
        {"bridge": replace(BRIDGED, of_draws=0.6)},
        {"bridge": replace(BRIDGED, of_draws=0.8)},
        "0.70 nats, is too large to be believed",
    ),
}


def test_nothing_is_wrong():
    combined = combine([HALF, replace(HALF, bridge=replace(BRIDGED, log_evidence=3.04))])
    assert combined.estimate == pytest.approx(3.02)
    assert combined.error == pytest.approx(0.02)
    assert faults_of_draws(ALIKE, None) == []
    assert faults_of_evidence(combined, widened(combined, ALIKE)) == []


@pytest.mark.parametrize("name", FAULTY_DRAWS)
def test_faults_of_draws(name):
    change, match = FAULTY_DRAWS[name]
    (reason,) = faults_of_draws(replace(ALIKE, **change), ["a"])
    assert re.search(match, reason)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_fault(name):
    assert faults_of_draws(replace(ALIKE, **HARMLESS[name]), None) == []


@pytest.mark.parametrize("name", FAULTY_HALVES)
def test_faults_of_evidence(name):
    first, second, match = FAULTY_HALVES[name]
    combined = combine([replace(HALF, **first), replace(HALF, **second)])
    (reason,) = faults_of_evidence(combined, widened(combined, ALIKE))
    assert re.search(match, reason)


def test_only_proposals_are_averaged():
    """What draws bring into the error is the same in both halves."""
    error = combine([HALF, HALF]).error
    assert error == pytest.approx((0.008**2 + 0.006**2 / 2) ** 0.5)


def test_one_point_beyond_may_be_chance():
    combined = combine([replace(HALF, beyond=(np.full(1, 0.6), NOTHING[0])), HALF])
    assert combined.beyond == pytest.approx(0.3)
    assert faults_of_evidence(combined, widened(combined, ALIKE)) == []


def test_the_error_says_what_may_be_missing():
    combined = combine([HALF, HALF])
    apart = replace(ALIKE, p_value=1e-9, distance=0.5, moved=0.2)
    assert widened(combined, apart) == pytest.approx(-np.log(0.8))
    assert np.isfinite(widened(combined, replace(apart, moved=1.0)))
    other = combine([replace(HALF, harmonic=3.3)] * 2)
    assert widened(other, ALIKE) == pytest.approx(0.3)
    beyond = combine([replace(HALF, beyond=(np.full(3, 0.2), NOTHING[0])), HALF])
    assert widened(beyond, ALIKE) == pytest.approx(np.log(1.3))


def test_how_results_read():
    good = LogEvidence(
        log_evidence=-3.25,
        standard_error=0.01,
        verdict="good",
        reasons=[],
        halves=(-3.26, -3.24),
        harmonic=-3.2,
        harmonic_error=0.02,
        rhat=1.001,
        n_draws=4_000,
        n_effective=812.3,
        overlap=0.97,
        densities=["MixtureFlowDensity", "NSFDensity"],
        n_evaluations=8_011,
        n_nonfinite=0,
    )
    assert repr(good) == "LogEvidence(-3.2500 +- 0.0100 nats, 'good')"
    assert "worth 812, R-hat 1.001" in str(good)
    assert "MixtureFlowDensity + NSFDensity" in str(good)
    assert str(good).endswith("Good: nothing speaks against it.")
    bad = replace(good, verdict="bad", reasons=["halves differ.", "few."], rhat=np.nan)
    assert str(bad).endswith("Bad:\n- halves differ.\n- few.")
    assert "R-hat" not in str(bad)
