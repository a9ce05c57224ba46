# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one record of a run: terminal, JSON, JUnit and page all render this. docs/record.md describes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

VERSION = 1

# The state of a module on a host, and of a host (the worst of its modules): worst first. Defined here alone.
STATES = {
    "failed": "a build or load failed, or what /proc says does not hold",
    "unreachable": "the host did not answer; what is shown was seen before",
    "unknown": "not looked at: the run did not get so far on this host",
    "absent": "wanted in the kernel, and not there",
    "drift": "there, but not as wanted; the reasons say how",
    "ok": "as wanted, and what /proc says holds",
}


class Run(NamedTuple):
    """What is true of the whole run; times are UTC, `2026-11-22T10:00:00Z`; `waves` as docs/record.md has them.

    `stopped` says why the rollout was stopped; "" where it was not.
    """

    playbook: str
    started: str
    finished: str
    check: bool = False
    waves: tuple[dict[str, Any], ...] = ()
    stopped: str = ""


def utc_now() -> str:
    """Return the time as records have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def record(parts: Iterable[dict[str, Any]], run: Run) -> dict[str, Any]:
    """Return the record of a run from its hosts' parts, as `_part.host_part` makes them.

    :raises KmodError: when there is no host: nothing was shown to be well.
    """
    hosts = list(parts)
    if not hosts:
        raise KmodError("There is no host to report on", "the pattern matched none", "Look at kmod_hosts and --limit")
    spent = {host["name"]: host["seconds"] for host in hosts}
    modules = (module["state"] for host in hosts for module in host["modules"].values())
    return {
        "version": VERSION,
        "playbook": run.playbook,
        "started": run.started,
        "finished": run.finished,
        "check": run.check,
        "counts": {"hosts": counts(host["state"] for host in hosts), "modules": counts(modules)},
        "hosts": hosts,
        "waves": [{**wave, "spent": _spent(wave["hosts"], spent)} for wave in run.waves],
        "stopped": run.stopped,
    }


def _spent(names: list[str], spent: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the seconds of each step on the host of a wave that took longest: they work at the same time."""
    steps: dict[str, float] = {}
    for name in names:
        for step, seconds in spent.get(name, {}).items():
            steps[step] = max(seconds, steps.get(step, 0.0))
    return steps


def counts(states: Iterable[str]) -> dict[str, int]:
    """Return how often each state is there, worst first; those that are not there are left out."""
    found = Counter(states)
    return {state: found[state] for state in STATES if found[state]}


def worst(states: Iterable[str]) -> str:
    """Return the worst of some states; of none, `unknown`."""
    found = set(states)
    return next((state for state in STATES if state in found), "unknown")
