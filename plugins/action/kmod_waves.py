# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settle on the controller in which waves the rollout goes through the play's hosts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, ClassVar

from ansible.plugins.lookup.inventory_hostnames import LookupModule
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction, registered
from ansible_collections.procfleet.procfs.plugins.plugin_utils._gate import begin
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import utc_now
from ansible_collections.procfleet.procfs.plugins.plugin_utils._waves import Inventory, tolerated, waves

# `debug` is `linear` with a prompt.
_IN_STEP = ("linear", "debug")


class ActionModule(ControllerAction):
    """Returns the rollout, of which nothing is done yet. See plugins/modules/kmod_waves.py."""

    ARGUMENTS: ClassVar = {
        "waves": {"type": "list", "elements": "raw", "required": True},
        "tolerance": {"type": "raw", "default": 0},
        "plan": {"type": "str", "default": "__kmod_plan"},
    }

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Look at every host's plan; a prediction is made for all at once."""
        if self._task.get_play().strategy.rpartition(".")[2] not in _IN_STEP:
            raise KmodError(
                f"The play's strategy is {self._task.get_play().strategy}",
                "waves need hosts that keep in step",
                "Use `strategy: linear`, which is Ansible's own",
            )
        if self._task.get_play().serial:
            raise KmodError(
                "The play has `serial`", "waves are of all its hosts", "Take it out: kmod_waves does its work"
            )
        tolerated(arguments["tolerance"], 0)
        steps = registered(task_vars["hostvars"], task_vars["ansible_play_hosts_all"], {"plan": arguments["plan"]})
        plans = {host: results["plan"] for host, results in steps}
        fit = {host for host, plan in plans.items() if plan.get("fingerprints")}
        hosts = [host for host in task_vars["ansible_play_batch"] if host in fit]
        changing = {host for host in hosts if plans[host]["modules"] or (plans[host].get("dkms") or {}).get("modules")}
        inventory = Inventory(self._matcher(task_vars), set(plans) - set(hosts))
        found = waves(hosts, changing, arguments["waves"], inventory)  # in check mode for its errors alone
        if self._task.check_mode:
            found = waves(hosts, changing, ["100%"], inventory)
        now = utc_now()
        return {"changed": False, **begin(f"{now}-{secrets.token_hex(4)}", found, now)}

    def _matcher(self, task_vars: dict[str, Any]) -> Callable[[str], list[str]]:
        lookup = LookupModule(loader=self._loader)
        return lambda pattern: list(lookup.run([pattern], variables=task_vars))
