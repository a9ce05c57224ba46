# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide on the controller what has to be done on a host."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction
from ansible_collections.procfleet.procfs.plugins.plugin_utils._packages import family
from ansible_collections.procfleet.procfs.plugins.plugin_utils._plan import Options, plan, plan_cycle
from ansible_collections.procfleet.procfs.plugins.plugin_utils._select import select
from ansible_collections.procfleet.procfs.plugins.plugin_utils._upgrade import plan_preparation, plan_reboot

# Goals that are more than a state -> who plans for them, and the state in which the modules end.
_PLANS = {
    "cycled": (plan_cycle, "loaded"),
    "prepared": (plan_preparation, "prepared"),
    "rebooted": (plan_reboot, "loaded"),
}


class ActionModule(ControllerAction):
    """Returns the plan. See plugins/modules/kmod_plan.py."""

    ARGUMENTS: ClassVar = {
        "paths": {"type": "list", "elements": "path", "required": True},
        "modules": {"type": "list", "elements": "raw", "default": []},
        "seen": {"type": "raw", "required": True},
        "state": {"type": "str", "choices": ["loaded", "unloaded", "absent", *_PLANS], "default": "loaded"},
        "wanted": {"type": "str", "default": "loaded"},
        "persist": {"type": "bool", "default": True},
        "flags": {"type": "list", "elements": "str", "default": []},
        "packages": {"type": "list", "elements": "str", "default": []},
        "target": {"type": "bool", "default": True},
        "signer": {"type": "dict", "default": {}},
        "dkms": {"type": "bool"},
        "dkms_packages": {"type": "list", "elements": "str", "default": []},
    }
    RESULTS: ClassVar = ("seen",)

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Plan; the play's steps follow what is in the lists."""
        seen = arguments["seen"]
        if seen.get("unreachable"):
            raise KmodError(
                f"{task_vars.get('inventory_hostname', 'The host')} cannot be reached, and nothing more is done there",
                str(seen.get("msg", "")),
                "Run again once it answers, or leave it out with --limit",
            )
        here = family(seen)
        packages, dkms_packages = arguments["packages"] or here.packages, arguments["dkms_packages"] or here.dkms
        make, state = _PLANS.get(arguments["state"], (plan, arguments["state"]))
        given = (arguments["persist"], arguments["flags"], list(packages), arguments["signer"] or None)
        options = Options(state, True, *given, arguments["dkms"], tuple(dkms_packages))
        # A kernel is prepared, and booted, for modules that are to be loaded there.
        idle = arguments["state"] in ("prepared", "rebooted") and arguments["wanted"] != "loaded"
        target = arguments["target"] and not idle
        chosen = select(arguments["paths"], arguments["modules"]) if target else []
        return {"changed": False, "manager": here.manager, **make(chosen, seen, options)}
