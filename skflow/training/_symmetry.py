"""Rows that hold particles, which are alike whatever their order and the axes."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral

from skflow._persistence import stored
from skflow.bases import Harmonic
from skflow.bijections import Chain, MeanFree
from skflow.training._flow_matching import FlowMatching

__all__ = ["Symmetry"]

KEYS = ("particles", "dim", "springs")


@stored
@dataclass(frozen=True)
class Symmetry:
    """How many particles a row holds, in how many dimensions.

    Attributes
    ----------
    particles, dim : int
    springs : tuple of pairs of int or None
        Those of the base; None between all particles.
    """

    particles: int
    dim: int
    springs: tuple | None = None

    @classmethod
    def read(cls, value):
        """Check what a user gave as ``symmetry``, a dict.

        Raises
        ------
        ValueError
            If it is none, or has other entries or other numbers than it should.
        """
        if not isinstance(value, Mapping) or not {"particles", "dim"} <= set(value) <= set(KEYS):
            raise ValueError(
                'symmetry must be a dict such as {"particles": 4, "dim": 2}, with "springs", a '
                f"list of pairs of particles, if there are bonds; got {value!r}."
            )
        counts = [_count(value, name, least) for name, least in (("particles", 2), ("dim", 1))]
        return cls(*counts, _springs(value.get("springs"), counts[0]))

    @property
    def n_features(self):
        """Columns of a row: the coordinates of the first particle, of the second, and so on."""
        return self.particles * self.dim

    def check_columns(self, n_features, what="X"):
        """Raise a ValueError where so many columns are not the coordinates of all particles."""
        if n_features != self.n_features:
            raise ValueError(
                f"symmetry tells of {self.particles} particles in {self.dim} dimensions, whose "
                f"coordinates are {self.n_features} columns, particle after particle; {what} has "
                f"{n_features}."
            )

    def preprocessing(self, rows, weight=None):
        """Return the map of rows (*members, n, d) to particles around zero, of variance 1."""
        return Chain([MeanFree.from_data(self.particles, self.dim, rows, weight)])

    def base(self):
        """Return the base: noise with the same symmetry."""
        return Harmonic(self.particles, self.dim, self.springs)

    def objective(self):
        """Return what a flow learns from rows by."""
        return FlowMatching((self.particles, self.dim), swaps=self.springs is None)


def _count(value, name, least):
    number = value[name]
    if not isinstance(number, Integral) or isinstance(number, bool) or number < least:
        raise ValueError(f"symmetry[{name!r}] must be an integer from {least} on, got {number!r}.")
    return int(number)


def _springs(pairs, n):
    if pairs is None:
        return None
    try:
        springs = tuple(tuple(int(i) for i in pair) for pair in pairs)
        right = all(len({*pair}) == 2 == len(pair) for pair in springs)
        right &= all(0 <= i < n for pair in springs for i in pair)
    except (TypeError, ValueError):
        right = False
    if not (right and springs):
        raise ValueError(
            f"symmetry['springs'] must be a list of pairs of two particles, by numbers from 0 to "
            f"{n - 1}, got {pairs!r}."
        )
    if not _holds_together(springs, n):
        raise ValueError(
            f"symmetry['springs'] {springs!r} leave some of {n} particles loose: add springs "
            "until every particle is tied to every other, if by way of others."
        )
    return springs


def _holds_together(springs, n):
    reached, before = {0}, 0
    while len(reached) > before:
        before = len(reached)
        reached |= {i for pair in springs if reached & {*pair} for i in pair}
    return len(reached) == n
