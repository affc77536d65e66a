"""Shared by the benchmarks: the machine's name, alternating clocks, asked beside measured.

Only what needs torch imports it: peers may run in an environment that lacks it.
"""

import csv
import gc
import os
import platform
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from threadpoolctl import threadpool_limits

LIBRARIES = "skflow", "torch", "scikit-learn", "zuko", "nflows", "normflows"
UNASKED = "pyvinecopulib", "KDEpy", "ngboost"  # compared where they are installed


def processor():
    """The processor's own name, which names a machine better than its operating system does."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def machine():
    """One line: processor, threads in use, versions of what is compared."""
    parts = [processor()]
    if find_spec("torch"):
        import torch

        parts.append(f"{torch.get_num_threads()} torch thread(s)")
    parts.append(f"Python {platform.python_version()}")
    for name in (*LIBRARIES, *UNASKED):
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(parts)


def use_threads(n_threads):
    """Limit BLAS, OpenMP and torch, where it is, for the rest of the process."""
    threadpool_limits(n_threads)
    if find_spec("torch"):
        import torch

        torch.set_num_threads(n_threads)


def warm_up():
    """Take one Adam step: torch loads seconds' worth of modules at its first optimiser."""
    import torch

    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([weight])
    weight.square().sum().backward()
    optimizer.step()


def seconds(function):
    """Wall-clock time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternate(functions, repeats):
    """Seconds of each function in each round, as lists by name.

    The functions take turns and every round starts with another one, so that a machine that slows
    down for a while slows all of them. One uncounted call each comes first.
    """
    for function in functions.values():
        function()
    names = list(functions)
    times = {name: [] for name in names}
    for i in range(repeats):
        gc.collect()
        for name in names[i % len(names) :] + names[: i % len(names)]:
            times[name].append(seconds(functions[name]))
    return times


def median_ratio(numerators, denominators):
    """Median over the rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def verdict(question, asked, measured, holds):
    """Print what is asked beside what was measured; returns whether it holds."""
    print(f"{question}: asked {asked}, measured {measured}: {'holds' if holds else 'MISSED'}")
    return bool(holds)


def find_data(*names):
    """The first of these files in the folder SKFLOW_DATA; None if the variable is not set."""
    root = os.environ.get("SKFLOW_DATA")
    if not root:
        return None
    for path in (Path(root) / name for name in names):
        if path.exists():
            return path
    raise SystemExit(f"SKFLOW_DATA={root} holds none of {', '.join(names)}")


def markdown(header, rows):
    """A GitHub table; numbers should come formatted."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


class Journal:
    """Rows of a CSV file, each of which is written as soon as it is known.

    Two rows with the same values under ``key`` are of the same measurement. What the file holds
    already is kept if the run resumes, and deleted if not.
    """

    def __init__(self, path, key, resume):
        self.path, self.key = path, key
        path.parent.mkdir(parents=True, exist_ok=True)
        if not resume:
            path.unlink(missing_ok=True)
        self.rows = read_rows(path) if path.exists() else []

    def __contains__(self, values):
        return any(tuple(row[name] for name in self.key) == tuple(values) for row in self.rows)

    def add(self, row):
        is_new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)
        self.rows.append(row)


def read_rows(path):
    """Rows of a CSV file as dictionaries, numbers as numbers."""
    with path.open(newline="") as file:
        return [{k: _number(v) for k, v in row.items()} for row in csv.DictReader(file)]


def _number(text):
    try:
        return float(text)
    except ValueError:
        return text


def mean_and_error(values, digits=2):
    """Mean of values and the standard error of it, as text."""
    values = [value for value in values if value == value]
    if not values:
        return "failed"
    text = f"{statistics.fmean(values):.{digits}f}"
    if len(values) == 1:
        return text
    return f"{text} ± {statistics.stdev(values) / len(values) ** 0.5:.{digits}f}"
