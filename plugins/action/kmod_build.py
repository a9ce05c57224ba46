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
from ansible_collections.procfleet.procfs.plugins.module_utils._names import normalise
from ansible_collections.procfleet.procfs.plugins.plugin_utils._archive import pack
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore
from ansible_collections.procfleet.procfs.plugins.plugin_utils._packages import explain


class ActionModule(ActionBase):
    """Adds the archive, and a fingerprint where none was given, to what the module takes."""

    _supports_check_mode = True
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Pack on the controller, then run the module of the same name."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        store = arguments.pop("store", None)
        if not _well_formed(arguments.get("modules")):
            return self._build(arguments, task_vars)  # which refuses it
        if store and not all(one.get("fingerprint") for one in arguments["modules"]):
            raise AnsibleActionFail("The store needs a `fingerprint` of each module: sources alone do not name a build")
        try:
            arguments["archive"] = pack({one["name"]: Path(str(one["folder"])) for one in arguments["modules"]})
        except (KmodError, OSError) as error:
            raise AnsibleActionFail(f"The sources cannot be packed: {error}") from None
        identity = hashlib.sha256(arguments["archive"].encode()).hexdigest()
        arguments["modules"] = [{"fingerprint": identity, **one} for one in arguments["modules"]]
        if not store or self._task.check_mode:
            return self._build(arguments, task_vars)
        result = self._build({**arguments, "fetch": True}, task_vars)
        try:
            asked = {normalise(one["name"]): one["fingerprint"] for one in arguments["modules"]}
            keep(ImageStore(store), result, asked, (task_vars or {}).get("inventory_hostname", "the builder"))
        except KmodError as error:
            raise AnsibleActionFail(error.message) from None
        return result

    def _build(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name="procfleet.procfs.kmod_build", module_args=arguments, task_vars=task_vars
        )
        host = str((task_vars or {}).get("inventory_hostname", "the host"))
        explain(result, host, arguments.get("packages") or [], str(arguments.get("manager")))
        return result


def _well_formed(modules: Any) -> bool:
    return isinstance(modules, list) and all(
        isinstance(one, dict) and {"name", "folder"} <= set(one) for one in modules
    )


def keep(store: ImageStore, result: dict[str, Any], asked: dict[str, str], host: str) -> None:
    """Put what was built into the store, and why something was not; take the images out of the result.

    What a builder says is not believed: it is asked for some builds, and nothing else is kept.
    :param asked: name -> fingerprint.
    """
    images = _mapping(result.pop("images", None))
    built, bad = _mapping(result.get("modules")), _mapping(result.get("failed_modules"))
    for name, fingerprint in asked.items():
        if name in images:
            record = _mapping(built.get(name))
            if record.get("fingerprint") != fingerprint:
                raise KmodError(f"{host} sent another build of {name} than it was asked for", "", "Run again")
            store.put(name, fingerprint, images[name], record.get("sha256", ""))
        elif name in bad and isinstance(bad[name], list):
            log = f"The compiler's full log is {result.get('log')} there"
            store.note_failure(name, fingerprint, host, [*map(str, bad[name]), log])
        elif result.get("failed"):
            store.note_failure(name, fingerprint, host, [str(result.get("msg", "no message"))])


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
