# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order in which modules must be loaded."""

from __future__ import annotations

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError


def load_order(depends: dict[str, list[str]]) -> list[str]:
    """Return the names so that each comes after all that it depends on; else as given.

    :param depends: module -> modules it needs; names that are no key here are somebody else's.
    :raises KmodError: when modules depend on each other in a circle.
    """
    ordered: list[str] = []

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            circle = " -> ".join([*path[path.index(name) :], name])
            raise KmodError("Modules depend on each other in a circle: %s" % circle, "", "Break it in their kmod.yml")
        if name in ordered or name not in depends:
            return
        for needed in depends[name]:
            visit(needed, [*path, name])
        ordered.append(name)

    for name in depends:
        visit(name, [])
    return ordered


def dependents(names: set[str], depends: dict[str, list[str]]) -> set[str]:
    """Return the names and everything that depends on them, however far."""
    found = set(names)
    while True:
        more = {name for name, needed in depends.items() if found & set(needed)} - found
        if not more:
            return found
        found |= more


def needed(names: set[str], depends: dict[str, list[str]]) -> set[str]:
    """Return the names and everything among the keys that they depend on, however far."""
    found = set(names)
    while True:
        more = {one for name in found for one in depends.get(name, []) if one in depends} - found
        if not more:
            return found
        found |= more
