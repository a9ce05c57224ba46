#!/usr/bin/env python3
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the record and its renderings cost at 10, 100 and 1,000 hosts x 5 modules: `bench/record.py [hosts ...]`.

No machine is needed: the steps' results are generated. Each size has a process of its own, so that its peak of memory
is its own; the first row is what Python and our code take without any host. Exits with 1 when a tenfold fleet takes
more than 20 times as long, or as much memory on top of that row: less than twice is caches, garbage collection and
neighbours; what is quadratic takes 100 times as long.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "collections"))

from ansible_collections.procfleet.procfs.plugins.plugin_utils._junit import junit
from ansible_collections.procfleet.procfs.plugins.plugin_utils._page import page
from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import host_part
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import record
from ansible_collections.procfleet.procfs.plugins.plugin_utils._table import table
from ansible_collections.procfleet.procfs.tests.fleet import MODULES, RUN, troubled

SIZES = (10, 100, 1000)
ROUNDS = 3
SLACK = 2
COLUMNS = (
    "hosts",
    "record ms",
    "json ms",
    "junit ms",
    "page ms",
    "table ms",
    "json KB",
    "junit KB",
    "page KB",
    "peak MB",
)


def main() -> int:
    """Print the table; return the exit status."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
        return 0
    sizes = [0, *(int(size) for size in sys.argv[1:] or SIZES)]
    rows = [in_its_own_process(size) for size in sizes]
    print("".join(f"{column:>11}" for column in COLUMNS))
    for row in rows:
        print("".join(f"{value:>11,.1f}" if isinstance(value, float) else f"{value:>11,}" for value in row))
    worse = [text for pair in pairwise(rows[1:]) for text in growth(rows[0], *pair)]
    print("\n".join(worse) or "growth is linear or better")
    return 1 if worse else 0


def in_its_own_process(size: int) -> list[float]:
    """Return one row, measured where nothing else was done before."""
    command = [sys.executable, __file__, "--one", str(size)]
    row: list[float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return row


def measure(size: int) -> list[float]:
    """Return [hosts, milliseconds ..., kilobytes ..., megabytes at the peak]; times are the best of some rounds."""
    if not size:
        return [0] + [0.0] * 8 + [peak()]
    results = {f"web{index:04}": troubled(index, MODULES) for index in range(size)}
    spent, whole = timed(lambda: record((host_part(*pair) for pair in results.items()), RUN))
    makers: tuple[Callable[[dict[str, Any]], str], ...] = (json.dumps, junit, page, table)
    made = [timed(lambda make=make: make(whole)) for make in makers]
    sizes = [len(text.encode()) / 1024 for _seconds, text in made[:3]]
    return [size, spent * 1000, *(seconds * 1000 for seconds, _text in made), *sizes, peak()]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of the fastest round, and what it made."""
    best = float("inf")
    for _round in range(ROUNDS):
        started = time.perf_counter()
        made = work()
        best = min(best, time.perf_counter() - started)
    return best, made


def peak() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def growth(empty: list[float], small: list[float], large: list[float]) -> list[str]:
    """Return which figures grow faster than the number of hosts, in words."""
    limit = SLACK * large[0] / small[0]
    found = []
    for column, base, few, many in zip(COLUMNS, empty, small, large, strict=True):
        if column != "hosts" and many - base > limit * max(few - base, 1.0):
            found.append(f"{column} grows faster than hosts: {few:.1f} to {many:.1f}")
    return found


if __name__ == "__main__":
    sys.exit(main())
