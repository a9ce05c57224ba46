# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read and check the contracts of the chosen modules, on the controller, before anything is sent."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction
from ansible_collections.procfleet.procfs.plugins.plugin_utils._certificate import read_certificate
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import utc_now
from ansible_collections.procfleet.procfs.plugins.plugin_utils._select import select

# The states in which what a module shows is to be gone.
_GONE = ("unloaded", "absent")


class ActionModule(ControllerAction):
    """Returns {names, kconfig, entries, signer, started}. See plugins/modules/kmod_contract.py."""

    ARGUMENTS: ClassVar = {
        "paths": {"type": "list", "elements": "path", "required": True},
        "modules": {"type": "list", "elements": "raw", "default": []},
        "certificate": {"type": "path", "default": ""},
        "state": {"type": "str", "default": ""},
        "target": {"type": "bool", "default": True},
    }

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Read every contract, and try the host's parameters against it."""
        started = utc_now()
        chosen = select(arguments["paths"], arguments["modules"])
        loaded = arguments["state"] not in _GONE
        expected = {contract.name: contract.expected(overrides, loaded) for contract, overrides in chosen}
        return {
            "entries": expected if arguments["target"] and arguments["state"] in ("loaded", *_GONE) else {},
            "names": [contract.name for contract, _overrides in chosen],
            "kconfig": sorted({option for contract, _overrides in chosen for option in contract.kconfig}),
            "signer": read_certificate(arguments["certificate"]) if arguments["certificate"] else {},
            "started": started,
        }
