# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Close a host's run: show what /proc says, and fail with all that went wrong."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction
from ansible_collections.procfleet.procfs.plugins.plugin_utils._cycle import STEPS as CYCLE
from ansible_collections.procfleet.procfs.plugins.plugin_utils._cycle import mishaps
from ansible_collections.procfleet.procfs.plugins.plugin_utils._gate import fate, touched, untouched
from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import (
    NONSENSE,
    failures,
    lost,
    parted,
    prediction,
    senseless,
    summary,
)

_STEPS = ("rebooted", "loaded", "asserted", "registered", "watched", "returned", "reverted")


class ActionModule(ControllerAction):
    """Returns {msg}: one line a module and what its entries say. See plugins/modules/kmod_report.py."""

    ARGUMENTS: ClassVar = {
        "seen": {"type": "raw", "required": True},
        "plan": {"type": "raw", "required": True},
        "jobs": {"type": "list", "elements": "dict", "default": []},
        "built": {"type": "raw", "default": {}},
        "rebooted": {"type": "raw", "default": {}},
        "loaded": {"type": "raw", "default": {}},
        "asserted": {"type": "raw", "default": {}},
        "registered": {"type": "raw", "default": {}},
        "watched": {"type": "raw", "default": {}},
        "returned": {"type": "raw", "default": {}},
        "reverted": {"type": "raw", "default": {}},
        "rollout": {"type": "raw", "default": {}},
        "cycle": {"type": "dict", "options": {step: {"type": "str"} for step in CYCLE}},
        "verify": {"type": "bool", "default": False},
    }
    RESULTS: ClassVar = ("seen", "plan", "built", *_STEPS, "rollout")

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Gather from the steps' results what people want to read."""
        host = task_vars.get("inventory_hostname", "this host")
        try:
            return self._report(arguments, host, task_vars)
        except NONSENSE as error:
            raise KmodError(f"On {host}:\n{senseless(error)['msg']}") from error

    def _report(self, arguments: dict[str, Any], host: str, task_vars: dict[str, Any]) -> dict[str, Any]:
        rollout = arguments["rollout"]
        results = parted({**arguments, **touched(rollout, host, {step: arguments[step] for step in _STEPS})})
        cycle = {step: task_vars.get(name or "") or {} for step, name in (arguments["cycle"] or {}).items()}
        refused = (arguments["plan"].get("refused") or {}) if self._task.check_mode else {}
        said = [*failures(results), *mishaps(cycle), *refused.values()]
        trouble = (said or rollout.get("trouble", {}).get(host, [])) + fate(rollout, host, results)
        if trouble:
            gone = any(map(lost, (*(results[step] for step in _STEPS), *cycle.values())))
            rest = [] if gone else ["What is not named here is in the wanted state"]
            raise KmodError("\n".join([f"On {host}:", *trouble, *rest]))
        idle = untouched(rollout, host)
        shown = "\n".join([*summary(results), *([idle] if idle else [])])
        result = {"changed": False, "msg": shown, "_ansible_verbose_always": True}  # shown as debug shows
        if self._task.check_mode and (arguments["plan"]["reasons"] or arguments["jobs"]):
            result.update(changed=True, diff=prediction(arguments["plan"], arguments["jobs"]))
        return result
