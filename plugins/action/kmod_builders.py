# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settle on the controller which host builds what, and what can be signed, for all hosts of the play at once."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction
from ansible_collections.procfleet.procfs.plugins.plugin_utils._builders import own, settle
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore
from ansible_collections.procfleet.procfs.plugins.plugin_utils._trial import unable


class ActionModule(ControllerAction):
    """Returns {jobs, own, refused, damaged}. See plugins/modules/kmod_builders.py."""

    ARGUMENTS: ClassVar = {
        "store": {"type": "path", "required": True},
        "builders": {"type": "str", "default": ""},
        "loads": {"type": "bool", "default": False},
        "plan": {"type": "str", "default": "__kmod_plan"},
        "seen": {"type": "str", "default": "__kmod_seen"},
        "contract": {"type": "str", "default": "__kmod_wanted"},
    }

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Look at every host's plan, and at what the store holds."""
        store = ImageStore(arguments["store"])
        hosts = _looked_at(task_vars, arguments)
        if not hosts:
            raise KmodError("No host of the play was looked at", "", "Look at the errors above")
        unsigned = unable(hosts, store)
        hosts = {host: one for host, one in hosts.items() if host not in unsigned}  # they go no further
        dedicated = _members(arguments["builders"], task_vars)
        wanted = {(item["name"], item["fingerprint"]) for one in hosts.values() for item in one["plan"]["build"]}
        damaged = sorted(name for name, fingerprint in wanted if store.damaged(name, fingerprint))
        jobs, refused = settle(hosts, lambda *build: store.get(*build) is not None, dedicated)
        if not self._task.check_mode:
            for item in [item for of_host in jobs.values() for job in of_host for item in job["modules"]]:
                store.forget_failure(item["name"], item["fingerprint"])
        alone = own(hosts, jobs) if arguments["loads"] and not self._task.check_mode else {}
        return {
            "changed": False,
            "jobs": {} if alone else jobs,
            "own": alone,
            "refused": {**unsigned, **refused},
            "damaged": damaged,
            "warnings": [
                f"The build of {name} in the store is not what was put there; it is replaced" for name in damaged
            ],
        }


def _members(group: str, task_vars: dict[str, Any]) -> list[str]:
    """Return the hosts of the builders' group; a group that is not there would put compilers where none belong."""
    members = list(task_vars["groups"].get(group, [])) if group else []
    if group and not members:
        raise KmodError(
            f"kmod_builders names {group}", "the inventory has no host in a group of that name", "Correct the name"
        )
    return members


def _looked_at(task_vars: dict[str, Any], arguments: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return host -> {plan, seen, own} for the hosts that can do something now: with `serial`, those of this batch.

    They are read as they are, for templating all variables of all hosts would take minutes in a large fleet.
    """
    hosts = {}
    for host in task_vars["ansible_play_batch"]:
        variables = task_vars["hostvars"].raw_get(host)
        plan, seen = variables.get(arguments["plan"]) or {}, variables.get(arguments["seen"])
        if seen and "build" in plan:  # a plan that failed has none
            own_variables = (variables.get(arguments["contract"]) or {}).get("own") or {}
            hosts[host] = {"plan": plan, "seen": seen, "own": own_variables}
    return hosts
