"""Integrals of functions of several variables, by proposals that learn where they are large."""

from skflow.integration._integrate import integrate
from skflow.integration._result import Integral, UnweightedEvents

__all__ = ["Integral", "UnweightedEvents", "integrate"]
