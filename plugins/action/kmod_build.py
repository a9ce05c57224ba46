# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pack the sources of all modules and build them on the host, in one transfer and one call."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._archive import pack


class ActionModule(ActionBase):
    """Adds the archive, and a fingerprint where none was given, to what the module takes."""

    _supports_check_mode = True
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Pack on the controller, then run the module of the same name."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        modules = arguments.get("modules")
        if isinstance(modules, list) and all(
            isinstance(one, dict) and {"name", "folder"} <= set(one) for one in modules
        ):
            try:
                arguments["archive"] = pack({one["name"]: Path(str(one["folder"])) for one in modules})
            except (KmodError, OSError) as error:
                raise AnsibleActionFail(f"The sources cannot be packed: {error}") from None
            identity = hashlib.sha256(arguments["archive"].encode()).hexdigest()
            arguments["modules"] = [{"fingerprint": identity, **one} for one in modules]
        result: dict[str, Any] = self._execute_module(
            module_name="procfleet.procfs.kmod_build", module_args=arguments, task_vars=task_vars
        )
        return result
