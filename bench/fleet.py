#!/usr/bin/env python3
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a fleet costs the controller at 10, 100 and 1,000 hosts: `bench/fleet.py [hosts ...]`.

Planning (contracts read and compared, for each host), settling who builds and in which waves, one gate over all hosts,
the record and its renderings. No machine is needed: the steps' results are generated. Each size has a process of its
own, so that its peak of memory is its own; the first row is what Python and our code take without any host. Exits with
1 when a tenfold fleet takes more than 20 times as long, or as much memory on top of that row: less than twice is
caches, garbage collection and neighbours; what is quadratic takes 100 times as long.
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

from ansible_collections.procfleet.procfs.plugins.plugin_utils._builders import settle
from ansible_collections.procfleet.procfs.plugins.plugin_utils._gate import begin, decide
from ansible_collections.procfleet.procfs.plugins.plugin_utils._junit import junit
from ansible_collections.procfleet.procfs.plugins.plugin_utils._page import page
from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import host_part
from ansible_collections.procfleet.procfs.plugins.plugin_utils._plan import Options, plan
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import record
from ansible_collections.procfleet.procfs.plugins.plugin_utils._select import select
from ansible_collections.procfleet.procfs.plugins.plugin_utils._table import table
from ansible_collections.procfleet.procfs.plugins.plugin_utils._waves import Inventory, waves
from ansible_collections.procfleet.procfs.tests.fleet import MODULES, RELEASES, RUN, troubled
from ansible_collections.procfleet.procfs.tests.states import ABSENT

ROOT = Path(__file__).resolve().parent.parent
PATHS = [str(ROOT / "files/kmod"), str(ROOT / "tests/fixtures/kmod")]
OURS = sorted(path.parent.name for folder in PATHS for path in Path(folder).glob("*/kmod.yml"))

SIZES = (10, 100, 1000)
ROUNDS = 3
SLACK = 2
COLUMNS = (
    "hosts",
    "plan ms",
    "settle ms",
    "waves ms",
    "gate ms",
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
        return [0] + [0.0] * (len(COLUMNS) - 2) + [peak()]
    names = [f"web{index:04}" for index in range(size)]
    planning = rollout(names)
    results = {name: troubled(index, MODULES) for index, name in enumerate(names)}
    spent, whole = timed(lambda: record((host_part(*pair) for pair in results.items()), RUN))
    makers: tuple[Callable[[dict[str, Any]], str], ...] = (json.dumps, junit, page, table)
    made = [timed(lambda make=make: make(whole)) for make in makers]
    sizes = [len(text.encode()) / 1024 for _seconds, text in made[:3]]
    return [size, *planning, spent * 1000, *(seconds * 1000 for seconds, _text in made), *sizes, peak()]


def rollout(names: list[str]) -> list[float]:
    """Return the milliseconds of planning for every host, of settling builders and waves, and of one gate."""
    looked = {name: look(RELEASES[index % 2]) for index, name in enumerate(names)}
    options = Options("loaded", True, True, [], ["linux-headers-{release}", "make"])
    planning, plans = timed(lambda: {name: plan(select(PATHS, []), seen, options) for name, seen in looked.items()})
    hosts = {name: {"plan": plans[name], "seen": looked[name]} for name in names}
    settling, _jobs = timed(lambda: settle(hosts, lambda _name, _print: False, []))
    waving, found = timed(lambda: waves(names, set(names), [1, "25%", "100%"], Inventory(lambda _pattern: [], set())))
    begun = begin("bench", [("all", names)], RUN.started)
    steps = {name: {**loaded(plans[name]), "plan": plans[name]} for name in names}
    gating, after = timed(lambda: decide(begun, steps, 0, True, RUN.finished))
    if len(found) != 3 or after["waves"][0]["outcome"] != "done":
        raise SystemExit("the bench itself is wrong: there are not three waves, or the gate did not pass")
    return [seconds * 1000 for seconds in (planning, settling, waving, gating)]


def look(release: str) -> dict[str, Any]:
    """Return what kmod_info sees on a host that has none of our modules."""
    kernel = {"release": release, "arch": "x86_64", "modules_supported": True, "sig_enforce": False, "lockdown": None}
    kernel["compiler"] = {"name": "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"}
    return {
        "kernel": kernel,
        "os": {"id": "debian", "version": "12", "family": "debian"},
        "headers": {"present": False, "make": None, "compiler": None},
        "kconfig": {},
        "modules": {name: ABSENT for name in OURS},
    }


def loaded(planned: dict[str, Any]) -> dict[str, Any]:
    """Return what kmod returned on a host where all of a plan went well."""
    pairs = [(name, one["path"]) for name, entries in planned["entries"].items() for one in entries]
    asserted = {"entries": [{"module": name, "path": path, "holds": True} for name, path in pairs]}
    modules = {name: {"changed": True, "reasons": []} for name in planned["depends"]}
    done = {"modules": modules, "failed_modules": {}, "asserted": asserted, "taint": {"flags": "OE"}}
    return {"loaded": done, "asserted": {"skipped": True}}


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
