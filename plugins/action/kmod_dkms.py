# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pack the sources that are to be registered with DKMS, and send them in one transfer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._archive import pack


class ActionModule(ActionBase):
    """Adds the archives to what the module takes; in check mode nothing is sent."""

    _supports_check_mode = True
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Pack on the controller, then run the module of the same name."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if arguments.get("state", "registered") == "registered" and not self._task.check_mode:
            try:
                arguments["archives"] = {
                    one["name"]: pack({name: Path(str(folder)) for name, folder in one["folders"].items()})
                    for one in arguments.get("modules") or []
                    if isinstance(one, dict) and isinstance(one.get("folders"), dict) and "name" in one
                }
            except (KmodError, OSError) as error:
                raise AnsibleActionFail(f"The sources cannot be packed: {error}") from None
        result: dict[str, Any] = self._execute_module(
            module_name="procfleet.procfs.kmod_dkms", module_args=arguments, task_vars=task_vars
        )
        host = (task_vars or {}).get("inventory_hostname", "the host")
        if result.get("failed"):
            result["msg"] = f"On {host}: {result.get('msg', 'no message')}"
        return result
