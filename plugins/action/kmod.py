# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give the module of the same name the images that the host lacks, from the store on the controller."""

from __future__ import annotations

import base64
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._kmod import explain_failures
from ansible_collections.procfleet.procfs.plugins.module_utils._names import normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._order import dependents, needed
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore, fit


class ActionModule(ActionBase):
    """Takes `store` and `kernel` on top of what the module takes; an item with `ship` is looked up there."""

    _supports_check_mode = True
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check what would be sent, leave out what may not be, and run the module with the rest."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        store, kernel = arguments.pop("store", None), arguments.pop("kernel", None)
        failed: dict[str, Any] = {}
        if store and _well_formed(arguments.get("modules")):
            try:
                arguments["modules"], failed = attach(arguments["modules"], ImageStore(store), kernel or {})
            except KmodError as error:
                raise AnsibleActionFail(error.message) from None
        if failed and not arguments["modules"]:
            result: dict[str, Any] = {"changed": False, "modules": {}}
        else:
            result = self._execute_module(
                module_name="procfleet.procfs.kmod", module_args=arguments, task_vars=task_vars
            )
        if failed:
            result["failed_modules"] = {**failed, **result.get("failed_modules", {})}
            if not boolean(arguments.get("partial", False), strict=False):
                result.update(failed=True, msg=explain_failures(result))
        return result


def _well_formed(modules: Any) -> bool:
    """Say whether it is a list of items with names; what is not is the module's to refuse."""
    return isinstance(modules, list) and all(isinstance(one, dict) and one.get("name") for one in modules)


def attach(
    modules: list[dict[str, Any]], store: ImageStore, kernel: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the items that can be sent, with their images, and why the others cannot."""
    ready, failed = {}, {}
    depends = {normalise(one["name"]): [normalise(name) for name in one.get("depends") or []] for one in modules}
    for name, module in zip(depends, modules, strict=False):
        try:
            image = {"image": _image(name, module, store, kernel)} if module.get("ship") else {}
            ready[name] = {**{key: value for key, value in module.items() if key != "ship"}, **image}
        except KmodError as error:
            failed[name] = {"msg": error.message, "sent": False}
    bad = set(failed)
    for name in ready.keys() & dependents(bad, depends):
        del ready[name]
        missing = ", ".join(sorted(needed({name}, depends) & bad))
        failed[name] = {"msg": f"{name} was left out: it depends on {missing}", "sent": False}
    return list(ready.values()), failed


def _image(name: str, module: dict[str, Any], store: ImageStore, kernel: dict[str, Any]) -> str:
    if not module.get("fingerprint") or not kernel:
        raise KmodError(f"{name} cannot be taken from the store", "`ship` needs its `fingerprint`, and `kernel`")
    found = store.get(name, module["fingerprint"])
    if found is None:
        raise KmodError(store.failure(name, module["fingerprint"]))
    image, record = found
    fit(name, record, kernel)
    return base64.b64encode(image).decode("ascii")
