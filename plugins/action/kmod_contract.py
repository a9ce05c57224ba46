# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read and check the contracts of the chosen modules, on the controller, before anything is sent."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction
from ansible_collections.procfleet.procfs.plugins.plugin_utils._certificate import read_certificate
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import utc_now
from ansible_collections.procfleet.procfs.plugins.plugin_utils._select import select


class ActionModule(ControllerAction):
    """Returns {names, kconfig, signer, started}, for `kmod_info` and the plan. See plugins/modules/kmod_contract.py."""

    ARGUMENTS: ClassVar = {
        "paths": {"type": "list", "elements": "path", "required": True},
        "modules": {"type": "list", "elements": "raw", "default": []},
        "certificate": {"type": "path", "default": ""},
    }

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Read every contract, and try the host's parameters against it."""
        started = utc_now()
        chosen = select(arguments["paths"], arguments["modules"])
        for contract, overrides in chosen:
            contract.entries(overrides)
        return {
            "names": [contract.name for contract, _overrides in chosen],
            "kconfig": sorted({option for contract, _overrides in chosen for option in contract.kconfig}),
            "signer": read_certificate(arguments["certificate"]) if arguments["certificate"] else {},
            "started": started,
        }
