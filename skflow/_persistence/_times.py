"""Moments and spans of time, which name columns and levels, as whole numbers and back."""

import sys
from datetime import UTC, date, datetime, timedelta

import numpy as np

from skflow._persistence._layout import insist

__all__ = ["read_time", "time_words"]

EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
UNITS = ("s", "ms", "us", "ns")  # of pandas
NUMPY = {"numpy.datetime64": np.datetime64, "numpy.timedelta64": np.timedelta64}
UNITS_OF_NUMPY = ("generic", "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")


def time_words(value):
    """Words and whole numbers of a time; None if it is none, or of a zone other than UTC.

    Zones are left out because their rules are not in the file, and change.
    """
    kind = type(value)
    if kind in NUMPY.values():
        unit, count = np.datetime_data(value.dtype)
        return (
            [f"numpy.{kind.__name__}", value.astype(np.int64).item(), unit] if count == 1 else None
        )
    if kind is date:
        return ["date", value.toordinal()]
    if kind is timedelta:
        return ["timedelta", value // MICROSECOND]
    if kind is datetime and value.tzinfo in (None, UTC):
        utc = value.tzinfo is not None
        return ["datetime", (value.replace(tzinfo=None) - EPOCH) // MICROSECOND, utc]
    pd = sys.modules.get("pandas")  # whoever has its times has imported it
    if pd is None or value is pd.NaT:
        return None
    if kind is pd.Timedelta:
        return ["pandas.Timedelta", value.asm8.astype(np.int64).item(), value.unit]
    if kind is pd.Timestamp and (value.tz is None or str(value.tz) == "UTC"):
        return [
            "pandas.Timestamp",
            value.asm8.astype(np.int64).item(),
            value.unit,
            value.tz is not None,
        ]
    return None


def read_time(words):
    """Make the time that :func:`time_words` described."""
    kind, number, *rest = words
    whole = type(number) is int and -(2**63) <= number < 2**63
    insist(whole, "a time is no whole number")
    if kind in NUMPY:
        (unit,) = rest
        insist(unit in UNITS_OF_NUMPY, "a time has no known unit")
        return NUMPY[kind](number, unit)
    if kind == "date":
        return date.fromordinal(number)
    if kind == "timedelta":
        return number * MICROSECOND
    if kind == "datetime":
        (utc,) = rest
        return (EPOCH + number * MICROSECOND).replace(tzinfo=UTC if utc is True else None)
    insist(kind in ("pandas.Timestamp", "pandas.Timedelta"), "a time is of no known kind")
    insist(rest[0] in UNITS, "a time has no known unit")
    import pandas as pd

    if kind == "pandas.Timedelta":
        return pd.Timedelta(np.timedelta64(number, rest[0])).as_unit(rest[0])
    moment = pd.Timestamp(np.datetime64(number, rest[0])).as_unit(rest[0])
    return moment.tz_localize("UTC") if rest[1] is True else moment
