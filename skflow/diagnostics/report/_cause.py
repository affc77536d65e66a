"""What a diagnosis names, and what it says is to be done."""

from dataclasses import dataclass

__all__ = ["BEYOND_CHANCE", "Cause", "Remedy", "Trial"]

# p-value, of the tests of a family together, below which a finding may become a cause
BEYOND_CHANCE = 1e-3
# nats that a remedy must bring to be called one
WORTH = 0.02


@dataclass(frozen=True)
class Trial:
    """A remedy that was tried: a short refit with it, beside one without.

    Attributes
    ----------
    what : str
        What was changed.
    gain, error : float
        Mean gain of held-out rows in nats, and its standard error; NaN where it could not be
        tried.
    n_rows : int
        That both were fitted to.
    failure : str
        Why it could not be tried; empty if it could.
    """

    what: str
    gain: float
    error: float
    n_rows: int
    failure: str = ""

    @property
    def helped(self):
        """Whether it is ahead by more than two standard errors and 0.02 nats."""
        return self.gain > max(2 * self.error, WORTH)

    @property
    def harmed(self):
        """Whether it is behind by more than two standard errors, or could not be tried."""
        return bool(self.failure) or self.gain < -2 * self.error

    def __str__(self):
        if self.failure:
            return f"{self.what} could not be tried: {self.failure}"
        verb = (
            "helped"
            if self.helped
            else "made it worse"
            if self.harmed
            else "made no clear difference"
        )
        by = f"held-out {self.gain:+.2g} +- {2 * self.error:.1g} nats"
        return f"{self.what} {verb}: {by} when tried"


@dataclass(frozen=True)
class Remedy:
    """Something to do.

    Attributes
    ----------
    text : str
    changes : dict or None
        Parameters to set; None if it is nothing that can be set.
    other : estimator or None
        An unfitted estimator to take in place of this one.
    firm : bool
        Whether the evidence asks for it by itself, so that it stays unless it does harm.
    """

    text: str
    changes: dict | None = None
    other: object = None
    firm: bool = False

    @property
    def triable(self):
        """Whether a refit can tell what it is worth."""
        return self.changes is not None or self.other is not None


@dataclass(frozen=True)
class Cause:
    """A likely cause.

    Attributes
    ----------
    name : str
        "ties", "unconverged", "sampler", "overfit", "tails", "far draws", "far modes", "underfit",
        "support" or "integral".
    evidence : str
        What was measured.
    remedy : str
        What to do: what helped when it was tried, then what was not tried, but not what did not
        help.
    trials : tuple of Trial
        What was tried.
    """

    name: str
    evidence: str
    remedy: str = ""
    trials: tuple = ()

    @property
    def what_failed(self):
        """What was tried in vain, in words; empty if nothing was."""
        return "; ".join(str(trial) for trial in self.trials if not trial.helped)
