# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which waves a rollout goes through the fleet: pure functions of the hosts and of what `kmod_waves` says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

# The wave of the hosts that run already what is wanted: they are only looked at, before anything is changed.
UNCHANGED = "unchanged"
_NUMBER = re.compile(r"(\d+)(%?)\Z")


class Inventory(NamedTuple):
    """Where a host pattern looks: what matches in the whole inventory, and who of the play cannot be deployed to."""

    match: Callable[[str], list[str]]
    unfit: set[str]


def waves(hosts: list[str], changing: set[str], sizes: list[Any], inventory: Inventory) -> list[tuple[str, list[str]]]:
    """Return the waves, (name, hosts), in their order; those that would be empty are left out.

    A host's wave depends on all hosts, not on who is to be changed: after an interruption it is the same.
    :param hosts: who is to have the modules and could be looked at, in the play's order.
    :param changing: those of them on which something is to be done.
    :param sizes: `kmod_waves`.
    :raises KmodError: when an item is none, or when a pattern's hosts cannot go first.
    """
    parts = split(hosts, sizes, inventory)
    idle = [host for host in hosts if host not in changing]
    found = [(UNCHANGED, idle)] if idle else []
    for number, part in enumerate(parts, 1):
        name = "all" if len(parts) == 1 else "canary" if number == 1 else f"wave {number}"
        active = [host for host in part if host in changing]
        found += [(name, active)] if active else []
    return found


def split(hosts: list[str], sizes: list[Any], inventory: Inventory) -> list[list[str]]:
    """Return the hosts in parts of the given sizes; the last size is repeated until none is left.

    A size is a number, a percentage of all hosts (one host at least), or a host pattern.
    """
    checked = [parse(size) for size in sizes]
    if not checked:
        raise KmodError("kmod_waves is empty", "", 'Give sizes, such as [1, "25%", "100%"]')
    left, parts = list(hosts), []
    for size in checked:
        part = _named(size, hosts, inventory) if isinstance(size, str) else left[: _count(size, len(hosts))]
        parts.append([host for host in part if host in left])
        left = [host for host in left if host not in part]
    last = checked[-1]
    step = len(left) if isinstance(last, str) else _count(last, len(hosts))
    parts += [left[at : at + step] for at in range(0, len(left), step or 1)]
    return [part for part in parts if part]


def parse(size: Any) -> tuple[int, bool] | str:
    """Return (number, is it a percentage), or the host pattern."""
    found = _NUMBER.match(str(size).strip())
    if isinstance(size, bool) or not isinstance(size, (int, str)) or not str(size).strip():
        raise KmodError(
            f"kmod_waves holds {size!r}", "an item is a number, a percentage or a host pattern", "Correct it"
        )
    if not found:
        return str(size).strip()
    number, percent = int(found[1]), bool(found[2])
    if number < 1 or (percent and number > 100):
        raise KmodError(f"kmod_waves holds {size!r}", "a wave has one host at least, and 100% at most", "Correct it")
    return number, percent


def _count(size: tuple[int, bool], total: int) -> int:
    number, percent = size
    return max(1, number * total // 100) if percent else number


def _named(pattern: str, hosts: list[str], inventory: Inventory) -> list[str]:
    """Return the hosts that a pattern names; none where the play was limited to others."""
    matched = inventory.match(pattern)
    if not matched:
        raise KmodError(
            f"kmod_waves holds {pattern!r}",
            "it is neither a number nor a percentage, and as a host pattern it matches no host of the inventory",
            "Correct it",
        )
    present = [host for host in matched if host in hosts]
    unfit = [host for host in matched if host in inventory.unfit]
    if unfit and not present:
        raise KmodError(
            f"The wave {pattern!r} has no host that could be deployed to",
            f"{', '.join(unfit[:5])} did not answer, failed before the waves, or only builds for others",
            "Mend it, or name another host in kmod_waves; nothing was changed on any host",
        )
    return present


def tolerated(tolerance: Any, hosts: int) -> int:
    """Return how many hosts of a wave may fail before the rollout stops: `kmod_tolerance`, a number or a percentage."""
    found = None if isinstance(tolerance, bool) else _NUMBER.match(str(tolerance).strip())
    if not found or (found[2] and int(found[1]) > 100):
        raise KmodError(f"kmod_tolerance is {tolerance!r}", "it is a number of hosts or a percentage", "Correct it")
    return int(found[1]) * hosts // 100 if found[2] else int(found[1])
