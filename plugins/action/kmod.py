# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give the module of the same name the images that the host lacks, from the store on the controller."""

from __future__ import annotations

import base64
from collections.abc import Container
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._kmod import explain_failures
from ansible_collections.procfleet.procfs.plugins.module_utils._names import normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._order import dependents, needed
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore, fit
from ansible_collections.procfleet.procfs.plugins.plugin_utils._sources import (
    fingerprints,
    packed,
    received,
    well_formed,
)


class ActionModule(ActionBase):
    """Takes `store` and `kernel` on top of what the module takes; an item with `ship` is looked up there."""

    _supports_check_mode = True
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check what would be sent, leave out what may not be, and run the module with the rest."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        store, kernel = arguments.pop("store", None), arguments.pop("kernel", None)
        if arguments.get("build") and not store:
            raise AnsibleActionFail("`build` needs a `store` on the controller, which keeps what was built")
        try:
            if store and _well_formed(arguments.get("modules")):
                return self._supplied(arguments, ImageStore(store), kernel or {}, task_vars or {})
        except KmodError as error:
            raise AnsibleActionFail(error.message) from None
        return self._managed(arguments, task_vars)

    def _supplied(
        self, arguments: dict[str, Any], store: ImageStore, kernel: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        """Run the module with the images that the host lacks, or with the sources of what it builds itself."""
        build = _with_sources(arguments.get("build"), fetch=not self._task.check_mode)
        here = fingerprints(build) if build else {}
        depends = _depends(arguments["modules"])
        arguments["modules"], failed = attach(arguments["modules"], store, kernel, here)
        if build:
            arguments.update(archive=build.pop("archive"), build=build)
        if failed and not arguments["modules"]:
            result: dict[str, Any] = {"changed": False, "modules": {}}
        else:
            result = self._managed(arguments, task_vars)
        built = result.get("built")
        if isinstance(built, dict) and not self._task.check_mode:
            received(built, build, store, str(task_vars.get("inventory_hostname", "the host")))
            failed.update(_unbuilt(built, here, depends, store))
        if failed:
            result["failed_modules"] = {**failed, **result.get("failed_modules", {})}
            if not boolean(arguments.get("partial", False), strict=False):
                result.update(failed=True, msg=explain_failures(result))
        return result

    def _managed(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name="procfleet.procfs.kmod", module_args=arguments, task_vars=task_vars
        )
        return result


def _well_formed(modules: Any) -> bool:
    """Say whether it is a list of items with names; what is not is the module's to refuse."""
    return isinstance(modules, list) and all(isinstance(one, dict) and one.get("name") for one in modules)


def _with_sources(build: Any, fetch: bool) -> dict[str, Any]:
    """Return what is to be built with its sources; {} where nothing is."""
    if not build:
        return {}
    if not isinstance(build, dict) or not well_formed(build.get("modules")):
        raise KmodError("`build` makes no sense", "", "Give it as kmod_builders returns it in `own`")
    return packed(build, True, fetch)


def _depends(modules: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {normalise(one["name"]): [normalise(name) for name in one.get("depends") or []] for one in modules}


def attach(
    modules: list[dict[str, Any]], store: ImageStore, kernel: dict[str, Any], here: Container[str] = ()
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the items that can be sent, with their images, and why the others cannot.

    :param here: what the host builds itself, so that it needs no image.
    """
    ready, failed = {}, {}
    depends = _depends(modules)
    for name, module in zip(depends, modules, strict=False):
        ship = module.get("ship") and name not in here
        try:
            image = {"image": _image(name, module, store, kernel)} if ship else {}
            ready[name] = {**{key: value for key, value in module.items() if key != "ship"}, **image}
        except KmodError as error:
            failed[name] = {"msg": error.message, "sent": False}
    failed.update(_left_out(set(failed), depends))
    return [item for name, item in ready.items() if name not in failed], failed


def _left_out(bad: set[str], depends: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """Return why what depends on the bad ones is left out."""
    failed = {}
    for name in dependents(bad, depends) - bad:
        missing = ", ".join(sorted(needed({name}, depends) & bad))
        failed[name] = {"msg": f"{name} was left out: it depends on {missing}", "sent": False}
    return failed


def _unbuilt(
    built: dict[str, Any], here: dict[str, str], depends: dict[str, list[str]], store: ImageStore
) -> dict[str, dict[str, Any]]:
    """Return why what the host did not build, though it was to, was left out there; where nothing could be, once."""
    bad = {name for name in here if name in depends and store.get(name, here[name]) is None}
    if built.get("failed"):
        why = {name: f"{name} was left out: it was not built" for name in bad}
    else:
        why = {name: KmodError(store.failure(name, here[name])).message for name in bad}
    failed = {name: {"msg": message, "sent": False} for name, message in why.items()}
    return {**failed, **_left_out(bad, depends)}


def _image(name: str, module: dict[str, Any], store: ImageStore, kernel: dict[str, Any]) -> str:
    if not module.get("fingerprint") or not kernel:
        raise KmodError(f"{name} cannot be taken from the store", "`ship` needs its `fingerprint`, and `kernel`")
    found = store.get(name, module["fingerprint"])
    if found is None:
        raise KmodError(store.failure(name, module["fingerprint"]))
    image, record = found
    fit(name, record, kernel)
    return base64.b64encode(image).decode("ascii")
