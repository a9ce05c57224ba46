# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Assert within the look at a host: only where what runs is what is wanted, so that nothing else is touched by it."""

from __future__ import annotations

from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._assert import check_entries
from ansible_collections.procfleet.procfs.plugins.module_utils._entry import normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._fingerprint import identities

_KEYS = {"modules", "flags", "certificate"}


def glance(
    expected: dict[str, Any], kernel: dict[str, Any], states: dict[str, dict[str, Any]], check_mode: bool
) -> list[dict[str, Any]] | None:
    """Return the results of all entries in their order; None where one does not hold, or should not be tried yet.

    The old build of a module is neither read nor written to: it may be what the deploy is to mend. Nothing is written
    before all that can be seen without writing holds, nor where writing might have to be tried again.
    :param expected: {modules: [{name, sources, depends, entries}] in load order, flags, certificate}.
    :param states: the modules' states, from `_modules.probe_modules`.
    """
    asked = _checked(expected, states)
    wanted = identities(expected["modules"], kernel, expected["flags"], expected["certificate"])
    for name, entries in asked.items():
        if any(entry["state"] == "present" for entry in entries) and not runs(states[name], wanted[name].installed):
            return None
    found: dict[str, list[dict[str, Any]]] = {}
    for name, entries in asked.items():
        found[name] = check_entries(_once(entries), check_mode=True) if entries else []
        if not all(result["holds"] for result in found[name]):
            return None
    writing = [name for name, entries in asked.items() if any("write" in entry for entry in entries)]
    for name in [] if check_mode else writing:
        if any(entry.get("retries") for entry in asked[name]):
            return None
        found[name] = check_entries(asked[name])
        if not all(result["holds"] for result in found[name]):
            return None
    return [result for results in found.values() for result in results]


def runs(state: dict[str, Any], identity: str) -> bool:
    """Say whether the wanted build is installed, and its image is the one that runs."""
    image = (state["installed"] or {}).get("build_id")
    return bool(state["state"] == "live" and image and state["build_id"] == image and state["fingerprint"] == identity)


def _once(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in entry.items() if key != "retries"} for entry in entries]


def _checked(expected: dict[str, Any], states: dict[str, dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    try:
        if set(expected) == _KEYS and all(one["name"] in states for one in expected["modules"]):
            return {one["name"]: [normalise(entry) for entry in one["entries"]] for one in expected["modules"]}
    except (KeyError, TypeError):
        pass
    raise KmodError("What is expected makes no sense", "", "Give it as kmod_contract returns it")
