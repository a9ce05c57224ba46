# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read and check the contracts of the chosen modules, on the controller, before anything is sent."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction
from ansible_collections.procfleet.procfs.plugins.plugin_utils._certificate import read_certificate
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import utc_now
from ansible_collections.procfleet.procfs.plugins.plugin_utils._select import select
from ansible_collections.procfleet.procfs.plugins.plugin_utils._variables import ROLE, SPEC, checked

# What steps that look at all hosts at once ask of each host's variables.
_OWN = ("state", "rollback", "sign_key", "sign_cert", "sign_file")
# The states in which what a module shows is to be gone.
_GONE = ("unloaded", "absent")


class ActionModule(ControllerAction):
    """Returns {names, kconfig, expected, signer, own, started}. See plugins/modules/kmod_contract.py."""

    ARGUMENTS: ClassVar = {
        "paths": {"type": "list", "elements": "path", "required": True},
        "modules": {"type": "list", "elements": "raw", "default": []},
        "certificate": {"type": "path", "default": ""},
        "state": {"type": "str", "default": ""},
        "target": {"type": "bool", "default": True},
        "flags": {"type": "list", "elements": "str", "default": []},
        "retries": {"type": "int", "default": 0},
    }

    _variables: dict[str, Any] | None = None

    def begin(self, task_vars: dict[str, Any]) -> None:
        """Check the role's variables before the arguments that are made of them, for an error has the user's names."""
        if task_vars.get("ansible_role_name") == ROLE:
            given = self._templar.template({name: task_vars[name] for name in SPEC if name in task_vars})
            self._variables = checked(task_vars.get("inventory_hostname", "This host"), given)

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Read every contract, and try the host's parameters against it."""
        started = utc_now()
        chosen = select(arguments["paths"], arguments["modules"])
        signer = read_certificate(arguments["certificate"]) if arguments["certificate"] else {}
        loaded = arguments["state"] not in _GONE
        modules = [{**one.identified(), "entries": one.expected(overrides, loaded)} for one, overrides in chosen]
        expected = {"modules": modules, "flags": arguments["flags"], "certificate": signer.get("id", "")}
        # Where retries are asked for, what an entry writes would be written again by each call: it is left to one.
        asked = arguments["target"] and arguments["state"] in ("loaded", *_GONE) and not arguments["retries"]
        return {
            "names": [contract.name for contract, _overrides in chosen],
            "kconfig": sorted({option for contract, _overrides in chosen for option in contract.kconfig}),
            "expected": json.dumps(expected) if asked else "{}",
            "signer": signer,
            "own": {name: self._variables[f"kmod_{name}"] for name in _OWN} if self._variables else {},
            "started": started,
        }
