# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Say on the controller whether a host may boot the kernel that was looked at."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction
from ansible_collections.procfleet.procfs.plugins.plugin_utils._upgrade import obstacles, runs, summary


class ActionModule(ControllerAction):
    """Returns {msg}, or fails with all obstacles. See plugins/modules/kmod_preflight.py."""

    ARGUMENTS: ClassVar = {
        "seen": {"type": "raw", "required": True},
        "plan": {"type": "raw", "required": True},
        "prepared": {"type": "raw", "default": {}},
        "persist": {"type": "bool", "default": True},
        "now": {"type": "bool", "default": False},
    }
    RESULTS: ClassVar = ("seen", "plan", "prepared")

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Look at what was found; in check mode, where nothing was prepared, only predict."""
        host, plan, seen = task_vars.get("inventory_hostname", "this host"), arguments["plan"], arguments["seen"]
        release = seen["kernel"]["release"]
        if self._task.check_mode and not arguments["now"] and not runs(seen):
            if plan.get("headers"):
                return {"changed": True, "msg": f"the headers of {release} would be installed; they tell what is next"}
            if plan.get("refused"):
                raise KmodError(
                    "\n".join([f"Kernel {release} must not be booted on {host}:", *plan["refused"].values()])
                )
            if plan["reasons"]:
                return {"changed": True, "msg": f"kernel {release} would be prepared for", "diff": plan["prediction"]}
        found = obstacles(plan, seen, *(arguments[key] for key in ("prepared", "persist", "now")))
        if found:
            raise KmodError("\n".join([f"Kernel {release} must not be booted on {host}:", *found]))
        return {"changed": False, "msg": "\n".join(summary(plan, seen)), "_ansible_verbose_always": True}
