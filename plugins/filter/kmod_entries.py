# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The entries of a plan, for one call of proc_assert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

DOCUMENTATION = r"""
name: kmod_entries
short_description: The entries of a plan's modules in one list
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - A plan has them by module; M(procfleet.procfs.proc_assert) takes all of them in one call.
options:
  _input:
    description: The plan, as M(procfleet.procfs.kmod_plan) returns it.
    type: dict
    required: true
"""

EXAMPLES = r"""
entries: "{{ plan | procfleet.procfs.kmod_entries }}"
"""

RETURN = r"""
_value:
  description: The entries, in load order.
  type: list
  elements: dict
"""


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"kmod_entries": lambda plan: [entry for name in plan["depends"] for entry in plan["entries"][name]]}
