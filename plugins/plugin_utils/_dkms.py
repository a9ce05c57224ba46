# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is to be registered with a host's DKMS, and what to be taken from it: a pure function of what was seen."""

from __future__ import annotations

from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._dkms import note_of, reasons
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._order import needed
from ansible_collections.procfleet.procfs.plugins.plugin_utils._contract import Contract
from ansible_collections.procfleet.procfs.plugins.plugin_utils._packages import filled_in

TAKEN_BACK = "registered with DKMS, and not to be"
NOTHING: dict[str, Any] = {"state": "registered", "modules": [], "packages": [], "reasons": {}}


def check(seen: dict[str, Any], packages: list[str]) -> None:
    """Refuse a host of whose DKMS nothing is known, before anything is done."""
    if not packages:
        raise KmodError(
            f"How {seen['os']['id'] or 'this distribution'} brings DKMS is not known here",
            "kmod_dkms is true, and only Debian's family was tried",
            "Set kmod_dkms to false for this host, or name its packages in kmod_dkms_packages",
        )


def without(seen: dict[str, Any]) -> dict[str, Any]:
    """Return what was seen as if what DKMS has installed were not there: it will not be, and ours takes its place."""
    bare = {"installed": None, "fingerprint": None}
    modules = {
        name: {**one, **bare} if (one["installed"] or {}).get("by") == "dkms" else one
        for name, one in seen["modules"].items()
    }
    return {**seen, "modules": modules}


def registrations(
    contracts: list[Contract], seen: dict[str, Any], flags: list[str], packages: list[str], installing: set[str]
) -> dict[str, Any]:
    """Return {state, modules, packages, reasons}: what `kmod_dkms` is asked for, so that all contracts are registered.

    :param installing: the modules for which our own build will be installed for the running kernel.
    """
    by_name = {contract.name: contract for contract in contracts}
    depends = {name: [one for one in contract.depends if one in by_name] for name, contract in by_name.items()}
    items, why = [], {}
    for name, contract in by_name.items():
        state = seen["modules"][name]
        if state["state"] == "builtin":
            continue
        closure = sorted(needed({name}, depends))
        sources = {one: by_name[one].sources for one in closure}
        note = note_of(name, contract.version, sources, {one: depends[one] for one in closure}, flags)
        lines = reasons(state["dkms"], note["version"])
        if name in installing and seen["kernel"]["release"] in (state["dkms"] or {}).get("kernels", []):
            lines = lines or ["DKMS's build gives way to ours"]
        if lines:
            why[name] = lines
            folders = {one: str(by_name[one].folder) for one in closure}
            items.append({"name": name, "note": note, "folders": folders})
    return {
        "state": "registered",
        "modules": items,
        "packages": _missing(filled_in(packages, seen), seen["dkms"]) if items else [],
        "reasons": why,
    }


def _missing(packages: list[str], there: dict[str, Any]) -> list[str]:
    known = {*there["headers"], *(["dkms"] if there["command"] else [])}
    return [package for package in packages if package not in known]


def withdrawals(contracts: list[Contract], seen: dict[str, Any]) -> dict[str, Any]:
    """Return the same for contracts of which nothing is to be registered."""
    names = [contract.name for contract in contracts if seen["modules"][contract.name]["dkms"]]
    items = [{"name": name} for name in names]
    return {"state": "absent", "modules": items, "packages": [], "reasons": {name: [TAKEN_BACK] for name in names}}
