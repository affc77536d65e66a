"""Estimators with the manners of other packages, which are imported when they are asked for.

Those that begin with Skpro are for skpro [1]_, and need it: ``pip install "skflow[skpro]"``.

References
----------
.. [1] Gressmann, Király, Mateen & Oberhauser (2018), Probabilistic supervised learning,
   arXiv:1801.00753.
"""

__all__ = ["SkproFlowDistribution", "SkproFlowRegressor"]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import skpro  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'{name} is for use with skpro: pip install "skflow[skpro]" (or skpro).'
        ) from error
    from skflow.adapters import _distribution, _regressor

    home = _distribution if name in _distribution.__all__ else _regressor
    return getattr(home, name)


def __dir__():
    return sorted([*globals(), *__all__])
