# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Assert the entries of a plan: with what the look at the host has found, or else with proc_assert."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction


class ActionModule(ControllerAction):
    """Returns what proc_assert returns. See plugins/modules/kmod_assert.py."""

    _requires_connection = True
    ARGUMENTS: ClassVar = {
        "plan": {"type": "raw", "required": True},
        "seen": {"type": "raw", "required": True},
        "building": {"type": "raw", "default": {}},
        "wave": {"type": "int"},
        "retries": {"type": "int", "default": 0},
        "delay": {"type": "float", "default": 1.0},
    }
    RESULTS: ClassVar = ("plan", "seen", "building")

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Ask the host only where the look leaves a question."""
        plan, held = arguments["plan"], arguments["seen"].get("asserted") or {}
        entries = [entry for name in plan["depends"] for entry in plan["entries"][name]]
        predicted = self._task.check_mode and plan["reasons"]
        if not entries or predicted:  # what is only predicted is not there to be asserted
            return {"changed": False, "skipped": True}
        # A build takes minutes, and waves soak: what was seen before them says nothing of now.
        at_once = not any((arguments["building"].get("jobs") or {}).values()) and not arguments["wave"]
        if at_once and [one["path"] for one in held.get("entries", [])] == [entry["path"] for entry in entries]:
            return dict(held)
        asked = {"entries": entries, "partial": True, **{key: arguments[key] for key in ("retries", "delay")}}
        return dict(self._execute_module("procfleet.procfs.proc_assert", asked, task_vars=task_vars))
