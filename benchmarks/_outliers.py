"""Tables with known anomalies, those of ADBench (Han et al. 2022).

With the environment variable ``SKFLOW_DATA`` they come from ``NAME.npz`` in that folder or its
subfolder ``anomaly``, with keys ``X`` and ``y`` (1 for an anomaly); without it they are fetched
from the repository of ADBench.
"""

import argparse
from io import BytesIO
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from _common import find_data

ADBENCH = "https://raw.githubusercontent.com/Minqi824/ADBench/main/adbench/datasets/Classical"
NAMES = (
    "14_glass",
    "18_Ionosphere",
    "19_landsat",
    "1_ALOI",
    "23_mammography",
    "25_musk",
    "27_PageBlocks",
    "31_satimage-2",
    "33_skin",
    "35_SpamBase",
    "39_vertebral",
    "41_Waveform",
    "43_WDBC",
    "45_wine",
    "7_Cardiotocography",
)


def labelled(name):
    """Numbers X (n, d) and whether each row is an anomaly, (n,)."""
    source = find_data(f"anomaly/{name}.npz", f"{name}.npz")
    if source is None:
        with urlopen(f"{ADBENCH}/{name}.npz") as answer:
            source = BytesIO(answer.read())
    with np.load(source, allow_pickle=True) as file:
        return file["X"].astype(float), file["y"].ravel() == 1


def arguments(doc, tables, seeds):
    """A parser of what the benchmarks of outliers take."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--tables", nargs="*", default=tables, choices=tables)
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--resume", action="store_true", help="keep what the CSV file holds")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    return parser


def by_table(rows):
    """Rows of a journal by the name of their table, as pairs."""
    tables = {}
    for row in rows:
        tables.setdefault(row["table"], []).append(row)
    return tables.items()
