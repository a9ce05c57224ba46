#!/usr/bin/env python3
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run Molecule scenarios: `tests/scenarios.py default own`.

Two at a time (`SCENARIOS_AT_ONCE`): one that waits for its machine leaves the cores to the other. Every line is printed
behind its scenario's name. At the end come what went wrong, the seconds of each, and how many tests ran. A scenario
fails when Molecule does, when one of its verify steps ran no test, or when a test was skipped: what was not tried has
not passed.
`SCENARIO_SECONDS` bounds each (3600).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "collections"))
from ansible_collections.procfleet.procfs.tests.processes import kill_family  # noqa: E402 - by its full name, as tests do

# Above pytest's list of what failed. Molecule folds that list, and puts a line before each.
LIST = "short test summary info"
FOLDED = "│ \t"
LAST_WORDS = 8
SUMMARY = re.compile(r"(?:^|\s|,\s)(\d+) (passed|failed|error|errors|skipped|deselected|xfailed|xpassed)\b")
RUNNING: list[subprocess.Popen[str]] = []
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Outcome(NamedTuple):
    """One scenario's end: its name, what went wrong ("" for nothing), how many tests passed, its seconds, and why."""

    name: str
    trouble: str
    passed: int
    seconds: float
    words: tuple[str, ...] = ()


def main() -> int:
    """Run the scenarios that are named, and print a table."""
    names = sys.argv[1:]
    if not names:
        print("no scenario named: nothing would be tested", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    pool = ThreadPoolExecutor(max_workers=int(os.environ.get("SCENARIOS_AT_ONCE", "2")))
    try:
        outcomes = list(pool.map(run, names))
    finally:  # also when somebody interrupts us
        for process in RUNNING:
            end(process)
        pool.shutdown(cancel_futures=True)
    for one in outcomes:
        print("".join(f"\n{one.name}: {line}" for line in one.words), end="")
    print("\nscenario      seconds  tests  outcome")
    for one in outcomes:
        print(f"{one.name:<12} {one.seconds:>8.0f} {one.passed:>6}  {one.trouble or 'passed'}")
    bad = [one for one in outcomes if one.trouble]
    print(f"{len(outcomes) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad else 0


def run(name: str) -> Outcome:
    """Run one scenario from machine to no machine; whatever happens, its machines are taken away."""
    started = time.monotonic()
    limit = float(os.environ.get("SCENARIO_SECONDS", "3600"))
    status, output = stream(["molecule", "test", "-s", name], limit, name)
    if status:
        stream(["molecule", "destroy", "-s", name], 300, name)
    counts = [summary_counts(line) for line in output.splitlines() if " in " in line and SUMMARY.search(line)]
    passed = sum(count.get("passed", 0) for count in counts)
    trouble = judge(name, status, counts)
    return Outcome(name, trouble, passed, time.monotonic() - started, last_words(output) if trouble else ())


def stream(command: list[str], seconds: float, label: str) -> tuple[int, str]:
    """Run a command, showing what it prints as it comes, behind a label; return its status and output, uncoloured."""
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    RUNNING.append(process)
    timer = threading.Timer(seconds, end, (process,))
    timer.start()
    lines = []
    try:
        for line in process.stdout or ():
            print(f"{label:<10} {line}", end="", flush=True)
            lines.append(COLOUR.sub("", line))
        return process.wait(), "".join(lines)
    finally:
        timer.cancel()


def end(process: subprocess.Popen[str]) -> None:
    """Kill it with all that it has started: Molecule's children hold the pipe, and would be waited for."""
    if process.poll() is None:
        kill_family(process.pid)


def summary_counts(line: str) -> dict[str, int]:
    """Return the counts of pytest's last line, such as `5 passed, 1 skipped in 3.2s`."""
    return {word: int(number) for number, word in SUMMARY.findall(line)}


def last_words(output: str) -> tuple[str, ...]:
    """Return pytest's lists of the tests that failed, folded as they came; or, where there is none, the last lines."""
    lines = [line.strip(FOLDED) for line in output.splitlines() if line.strip(FOLDED)]
    failed: list[str] = []
    listed = False
    for line in lines:
        listed = LIST in line or (listed and not (" in " in line and SUMMARY.search(line)))
        if listed and line.strip("= ") not in ("", LIST):
            failed.append(line)
    return tuple(failed or lines[-LAST_WORDS:])


def judge(name: str, status: int, counts: list[dict[str, int]]) -> str:
    """Return what is wrong with a scenario's run; "" for nothing."""
    scenario = yaml.safe_load((ROOT / "molecule" / name / "molecule.yml").read_text(encoding="utf-8")) or {}
    shared = yaml.safe_load((ROOT / ".config/molecule/config.yml").read_text(encoding="utf-8"))
    sequence = {**shared["scenario"], **(scenario.get("scenario") or {})}["test_sequence"]
    wanted = sum(step.split()[0] == "verify" for step in sequence)
    if status:
        return f"molecule ended with {status}"
    if not wanted:
        return "its sequence has no verify step: nothing would be tested"
    if len(counts) != wanted:
        return f"{len(counts)} of {wanted} verify steps ran tests"
    odd = {word for count in counts for word in count} - {"passed"}
    if odd or not all(count.get("passed") for count in counts):
        return f"not all tests were tried and passed: {counts}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
