# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which modules a host is to have: the inventory's choice, completed by what they depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._names import normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._order import load_order
from ansible_collections.procfleet.procfs.plugins.plugin_utils._contract import FILE, Contract


def find_folders(paths: list[str]) -> dict[str, Path]:
    """Return each module's folder by name; a folder is a module's when it holds a contract.

    :raises KmodError: when a path is no directory, holds no module, or two hold the same one.
    """
    found: dict[str, Path] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            raise KmodError(f"{path} is not a directory", "kmod_paths names it", "Correct kmod_paths")
        for contract in sorted(path.glob("*/" + FILE)):
            name = normalise(contract.parent.name)
            if name in found:
                raise KmodError(f"Module {name} stands twice", f"in {found[name]} and {contract.parent}", "Keep one")
            found[name] = contract.parent
    if not found:
        raise KmodError(f"No module found in {', '.join(paths) or 'kmod_paths'}", f"none has a folder with a {FILE}")
    return found


def parse_choice(choice: list[Any]) -> dict[str, dict[str, Any]]:
    """Return `kmod_modules` as name -> parameters. An item is a name, or {name, parameters}."""
    chosen: dict[str, dict[str, Any]] = {}
    for given in choice:
        item = {"name": given} if isinstance(given, str) else given
        if not isinstance(item, dict) or not isinstance(item.get("name"), str) or set(item) - {"name", "parameters"}:
            raise KmodError(f"kmod_modules holds {given!r}", "an item is a name, or a mapping of name and parameters")
        if not isinstance(item.get("parameters") or {}, dict):
            raise KmodError(f"kmod_modules: parameters of {item['name']} must be a mapping")
        name = normalise(item["name"])
        if name in chosen:
            raise KmodError(f"kmod_modules names {name} twice", "", "Keep one")
        chosen[name] = item.get("parameters") or {}
    return chosen


def select(paths: list[str], choice: list[Any]) -> list[tuple[Contract, dict[str, Any]]]:
    """Return the chosen modules with their overrides, in load order; an empty choice is every module.

    Modules that a chosen one depends on, and that lie in the same paths, come along.
    """
    folders = find_folders(paths)
    chosen = parse_choice(choice) or {name: {} for name in folders}
    contracts: dict[str, Contract] = {}
    waiting = list(chosen)
    while waiting:
        name = waiting.pop(0)
        if name not in folders:
            raise KmodError(f"There is no module {name}", f"known are {', '.join(folders)}", "Correct kmod_modules")
        if name not in contracts:
            contracts[name] = Contract(folders[name])
            waiting += [needed for needed in contracts[name].depends if needed in folders]
    order = load_order({name: contract.depends for name, contract in contracts.items()})
    return [(contracts[name], chosen.get(name, {})) for name in order]
