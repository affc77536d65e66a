"""Arrays of other libraries, answered by arrays of the same ones: scikit-learn's dispatch."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from skflow._containers import follows, has_float64, in_kind, is_tensor, on_host
from skflow.estimators._output import container_asked

__all__ = ["answer", "answers_in_kind", "checked"]

P = ParamSpec("P")
Answer = TypeVar("Answer")


def answers_in_kind(
    *, wide: bool = False, tensors: bool = False
) -> Callable[[Callable[P, Answer]], Callable[P, Answer]]:
    """Let a method that answers each row of X answer in the kind of X, see :func:`answer`."""

    def of_method(method):
        @wraps(method)
        def asked(self, X, *args, **options):
            return answer(method, self, X, *args, wide=wide, tensors=tensors, **options)

        return asked

    return of_method


def answer(method, estimator, X, *args, wide, tensors, **options):
    """Ask a method of a fitted estimator; the answer is an array of the library that X is of.

    Without dispatch, and for all that is no array, it is an array of numpy.

    Parameters
    ----------
    wide : bool
        Whether answers are rows, which ``set_output`` may ask to be frames.
    tensors : bool
        Whether the method takes torch tensors, on their device, by :func:`checked`. All other
        arrays go to the host and back.
    """
    if not follows(X):
        return method(estimator, X, *args, **options)
    if wide and container_asked(estimator) != "default":
        return method(estimator, on_host(X), *args, **options)
    stays = tensors and is_tensor(X) and has_float64(X)
    return in_kind(X, method(estimator, X if stays else on_host(X), *args, **options))


def checked(X, check):
    """Rows (n, d) as float64: of an array as ``check`` makes them, of a tensor on its device.

    A tensor of finite numbers is looked at where it lies, but for its first row. Of any other
    ``check`` is to say what is wrong.
    """
    if not (is_tensor(X) and follows(X)):
        return check(X)
    X = X.detach()
    if X.ndim == 2 and len(X) and X.is_floating_point() and X.isfinite().all():
        check(on_host(X[:1]))
        return X.double()
    return in_kind(X, check(on_host(X)))
