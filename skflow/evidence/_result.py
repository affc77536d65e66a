"""What is returned: an estimate, its error, and how far to trust both."""

from dataclasses import dataclass

__all__ = ["LogEvidence"]


@dataclass(frozen=True, repr=False)
class LogEvidence:
    """What :func:`skflow.log_evidence` returns; printing it shows the checks.

    Attributes
    ----------
    log_evidence : float
        Logarithm of the normalising constant of the density, in nats.
    standard_error : float
        In nats.
    verdict : {"good", "bad"}
    reasons : list of str
        Why it is bad, of which it was warned; empty if good.
    halves : tuple of two floats
        Log evidence by bridge sampling with either half of the draws.
    harmonic, harmonic_error : float
        Log evidence by a learnt harmonic mean, a check, and its standard error.
    rhat : float
        The largest R-hat of any parameter and of any region; nan for weighted draws.
    n_draws : int
        That were looked at.
    n_effective : float
        Draws that these are worth: the least of any parameter.
    overlap : float
        Of the density and the proposals, 1 where these are the same, 0 where they share nothing.
    densities : list of str
        Classes of the densities that the proposals were drawn from.
    n_evaluations, n_nonfinite : int
        Points that ``log_density`` was asked for, and those where it was not a finite number.
    """

    log_evidence: float
    standard_error: float
    verdict: str
    reasons: list
    halves: tuple
    harmonic: float
    harmonic_error: float
    rhat: float
    n_draws: int
    n_effective: float
    overlap: float
    densities: list
    n_evaluations: int
    n_nonfinite: int

    def __str__(self):
        first, second = self.halves
        rhat = "" if self.rhat != self.rhat else f", R-hat {self.rhat:.3f}"
        lines = [
            f"log evidence {self._figure()}",
            f"  halves         {first:.4f} and {second:.4f}",
            f"  harmonic mean  {self.harmonic:.4f} +- {self.harmonic_error:.4f}",
            f"  draws          {self.n_draws}, worth {self.n_effective:.0f}{rhat}",
            f"  proposals      {' + '.join(self.densities)}, overlap {self.overlap:.2f}",
            f"  calls          {self.n_evaluations}",
        ]
        if not self.reasons:
            return "\n".join([*lines, "Good: nothing speaks against it."])
        return "\n".join([*lines, "Bad:", *(f"- {reason}" for reason in self.reasons)])

    def __repr__(self):
        return f"LogEvidence({self._figure()}, {self.verdict!r})"

    def _figure(self):
        return f"{self.log_evidence:.4f} +- {self.standard_error:.4f} nats"
