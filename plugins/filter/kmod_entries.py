# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which entries are left to assert once some modules have failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import entries_left

DOCUMENTATION = r"""
name: kmod_entries
short_description: The entries of a plan's modules that did not fail
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - A module that was not built or not loaded is not asserted, nor is what depends on it; the others are.
options:
  _input:
    description: The plan, as M(procfleet.procfs.kmod_plan) returns it.
    type: dict
    required: true
  loaded:
    description: The result of M(procfleet.procfs.kmod); empty when nothing was loaded.
    type: dict
    default: {}
"""

EXAMPLES = r"""
entries: "{{ plan | procfleet.procfs.kmod_entries(loaded) }}"
"""

RETURN = r"""
_value:
  description: The entries that are left, in load order.
  type: list
  elements: dict
"""


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"kmod_entries": lambda plan, loaded=None: entries_left(plan, loaded or {})}
