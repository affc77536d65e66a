"""What got a new name: the old one works for two minor versions, and says what to write instead.

The policy is a page of the documentation, ``docs/stability.rst``.
"""

from functools import wraps

from skflow._notices import warn

__all__ = ["renamed_function", "renamed_parameter"]

MESSAGE = (
    "{old} is called {new} since skflow {since}; the old name is gone in {removed}. Write {new}."
)


def renamed_function(old, function, *, since, removed):
    """Return the function as it was called, which warns.

    Parameters
    ----------
    old : str
        The name that it had.
    function : callable
        With its new name.
    since, removed : str
        Versions, such as "0.3" and "0.5".
    """
    message = _message(old, function.__name__, since, removed)

    @wraps(function)
    def called_as_before(*args, **kwargs):
        warn(message, FutureWarning)
        return function(*args, **kwargs)

    called_as_before.__name__ = old
    return called_as_before


def renamed_parameter(old, new, *, since, removed):
    """Have a function or a method take a keyword by the name that it had, with a warning.

    Parameters
    ----------
    old, new : str
    since, removed : str
        As :func:`renamed_function` has them.

    Returns
    -------
    decorator : callable
        What it makes raises a TypeError if both names are passed.
    """

    def decorate(function):
        message = _message(f"the parameter {old} of {function.__name__}", new, since, removed)

        @wraps(function)
        def with_both_names(*args, **kwargs):
            if old in kwargs:
                if new in kwargs:
                    raise TypeError(
                        f"{function.__name__} got {new} and {old}, its old name: pass {new} alone."
                    )
                warn(message, FutureWarning)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return with_both_names

    return decorate


def _message(old, new, since, removed):
    return MESSAGE.format(old=old, new=new, since=since, removed=removed)
