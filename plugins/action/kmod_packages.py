# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install packages; a failure says what there is."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.procfleet.procfs.plugins.plugin_utils._packages import explain


class ActionModule(ActionBase):
    """See plugins/modules/kmod_packages.py."""

    _supports_check_mode = True
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module of the same name, and make the most of a failure."""
        super().run(tmp, task_vars)
        given, variables = dict(self._task.args), task_vars or {}
        result: dict[str, Any] = self._execute_module(
            module_name="procfleet.procfs.kmod_packages", module_args=given, task_vars=variables
        )
        host = str(variables.get("inventory_hostname", "the host"))
        explain(result, host, given.get("names") or [], str(given.get("manager")))
        return result
