# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide on the controller whether a wave has passed: once, for all its hosts."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction, registered
from ansible_collections.procfleet.procfs.plugins.plugin_utils._gate import decide
from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import STEPS
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import utc_now
from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import sane
from ansible_collections.procfleet.procfs.plugins.plugin_utils._waves import tolerated


class ActionModule(ControllerAction):
    """Returns the rollout with the gate's verdict. See plugins/modules/kmod_gate.py."""

    ARGUMENTS: ClassVar = {
        "rollout": {"type": "dict", "required": True},
        "registered": {"type": "dict", "required": True},
        "tolerance": {"type": "raw", "default": 0},
        "rollback": {"type": "bool", "default": True},
    }

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Look at what the steps of the wave's hosts have registered; in check mode nothing was done, and all pass."""
        rollout = arguments["rollout"]
        if rollout["open"] is None:
            raise KmodError("No wave is open", "the rollout was stopped, or is over", "Begin one with kmod_waves")
        hosts = rollout["waves"][rollout["open"]]["hosts"]
        variables = {step: arguments["registered"].get(step) for step in STEPS}
        results = {
            host: {**steps, **{step: sane(steps[step]) for step in ("loaded", "watched")}}
            for host, steps in registered(task_vars["hostvars"], hosts, variables)
        }
        allowed = len(hosts) if self._task.check_mode else tolerated(arguments["tolerance"], len(hosts))
        rollback = arguments["rollback"] and not self._task.check_mode
        return {"changed": False, **decide(rollout, results, allowed, rollback, utc_now())}
