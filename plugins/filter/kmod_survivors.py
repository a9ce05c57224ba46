# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which modules and entries are left for the next step once an earlier one has failed some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import survivors

DOCUMENTATION = r"""
name: kmod_survivors
short_description: The modules of a plan that no step has failed so far
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - A module that does not build is not loaded, and one that does not load is not asserted; the others go on.
options:
  _input:
    description: The plan, as P(procfleet.procfs.kmod_plan#module) returns it.
    type: dict
    required: true
  built:
    description: The result of M(procfleet.procfs.kmod_build); empty when nothing was built.
    type: dict
    default: {}
  loaded:
    description: The result of M(procfleet.procfs.kmod); empty when nothing was loaded.
    type: dict
    default: {}
  want:
    description: What to return of each; the items of the C(modules) list, or the C(entries) of all in one list.
    type: str
    choices: [modules, entries]
    default: modules
"""

EXAMPLES = r"""
modules: "{{ plan | procfleet.procfs.kmod_survivors(built) }}"
entries: "{{ plan | procfleet.procfs.kmod_survivors(built, loaded, want='entries') }}"
"""

RETURN = r"""
_value:
  description: The items that are left, in load order.
  type: list
  elements: dict
"""


def kmod_survivors(
    plan: dict[str, Any],
    built: dict[str, Any] | None = None,
    loaded: dict[str, Any] | None = None,
    want: str = "modules",
) -> list[dict[str, Any]]:
    """Return the plan's items of the modules that are left."""
    names = survivors(plan, built or {}, loaded or {})
    if want == "entries":
        return [entry for name in names for entry in plan["entries"].get(name, [])]
    return [module for module in plan["modules"] if module["name"] in names]


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"kmod_survivors": kmod_survivors}
