# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Assert within the look at a host, before anybody has decided what is to be done there."""

from __future__ import annotations

from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._assert import check_entries
from ansible_collections.procfleet.procfs.plugins.module_utils._entry import normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._manifest import read_manifest


def glance(
    asked: dict[str, list[dict[str, Any]]], modules: dict[str, dict[str, Any]], release: str, check_mode: bool
) -> list[dict[str, Any]] | None:
    """Return the results of all entries in their order, each tried once; None as soon as one does not hold.

    What an entry writes is written only to an image that was proven by just these entries before: another version of
    a module may take it for something else.
    :param asked: module -> its entries.
    :param modules: the modules' states, from `_modules.probe_modules`.
    """
    if any(name not in modules or not isinstance(entries, list) for name, entries in asked.items()):
        raise KmodError("The entries make no sense", "", "Give a list for each module, and name it in `modules`")
    found: list[dict[str, Any]] = []
    for name, entries in asked.items():
        wanted = [normalise(entry) for entry in entries]
        writes = any("write" in entry for entry in wanted) and not check_mode
        if writes and not proven(wanted, modules[name], read_manifest(release, name)):
            return None
        once = [{key: value for key, value in entry.items() if key != "retries"} for entry in wanted]
        found += check_entries(once, check_mode=check_mode) if once else []
        if not all(result["holds"] for result in found):
            return None
    return found


def proven(entries: list[dict[str, Any]], state: dict[str, Any], note: dict[str, Any]) -> bool:
    """Say whether what runs is the installed build, and whether its note names these entries."""
    installed = state["installed"] or {}
    runs = state["state"] == "live" and state["build_id"] == installed.get("build_id") == note.get("build_id")
    return bool(runs and state["build_id"] and state["fingerprint"] and note.get("entries") == entries)
