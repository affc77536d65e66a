"""Fits that are broken off in the midst."""

from skflow.training._loop import _Run


class Power(Exception):
    """What ends a fit in the midst."""


def cutting(monkeypatch):
    """Return what fits until the power goes after so many epochs of all training runs."""
    epoch = _Run.one_epoch

    def fit(model, X, after, error=Power, **options):
        left = [after]

        def counted(run):
            left[0] -= 1
            if left[0] < 0:
                raise error
            return epoch(run)

        monkeypatch.setattr(_Run, "one_epoch", counted)
        try:
            return model.fit(X, **options)
        finally:
            monkeypatch.setattr(_Run, "one_epoch", epoch)

    return fit


def interrupt_validation(monkeypatch, after):
    """Have Ctrl-C come in the validation after so many."""
    calls, plain = [], _Run._validate

    def validate(run):
        calls.append(run)
        if len(calls) > after:
            raise KeyboardInterrupt
        return plain(run)

    monkeypatch.setattr(_Run, "_validate", validate)
