# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pack the sources of all modules and build them on the host, in one transfer and one call."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore
from ansible_collections.procfleet.procfs.plugins.plugin_utils._sources import (
    note_all,
    packed,
    received,
    spared,
    well_formed,
)


class ActionModule(ActionBase):
    """Adds the archive, and a fingerprint where none was given, to what the module takes."""

    _supports_check_mode = True
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Pack on the controller, then run the module of the same name; who waits for it learns of a failure."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        folder = arguments.pop("store", None)
        well = well_formed(arguments.get("modules"))  # what is not, the module refuses
        store = ImageStore(folder) if folder and well and not self._task.check_mode else None
        host = str((task_vars or {}).get("inventory_hostname", "the builder"))
        try:
            if well:
                arguments = packed(arguments, bool(folder), fetch=store is not None)
            result: dict[str, Any] = self._execute_module(
                module_name="procfleet.procfs.kmod_build", module_args=arguments, task_vars=task_vars
            )
            received(result, arguments, store, host)
        except KmodError as error:
            note_all(store, arguments, host, error.message)
            raise AnsibleActionFail(error.message) from None
        except AnsibleConnectionFailure as error:
            note_all(store, arguments, host, f"it does not answer: {error.message}")
            raise
        if store and result.get("failed") and boolean(arguments.get("partial", False), strict=False):
            return spared(result, arguments)
        return result
