"""Methods before which parameters are checked."""

from collections.abc import Callable
from typing import TypeVar

from sklearn.base import _fit_context

from skflow._types import Function

__all__ = ["checks_parameters"]

Method = TypeVar("Method", bound=Function)


def checks_parameters(*, prefer_skip_nested_validation: bool) -> Callable[[Method], Method]:
    """Check parameters before a method, as scikit-learn does, and leave it its types."""
    return _fit_context(prefer_skip_nested_validation=prefer_skip_nested_validation)
