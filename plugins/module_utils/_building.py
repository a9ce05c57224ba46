# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a bare host to builds in one call: the packages that lack, then one make."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.procfleet.procfs.plugins.module_utils import _build
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import headers_path
from ansible_collections.procfleet.procfs.plugins.module_utils._lock import host_lock
from ansible_collections.procfleet.procfs.plugins.module_utils._names import check_release, normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._order import dependents
from ansible_collections.procfleet.procfs.plugins.module_utils._packages import bring

LOCK_SECONDS = 60
_MODULE = {
    "name": {"type": "str", "required": True},
    "folder": {"type": "path", "required": True},
    "fingerprint": {"type": "str"},
    "depends": {"type": "list", "elements": "str", "default": []},
}
# What `kmod_build` takes, and `kmod` as its `build`.
OPTIONS: dict[str, dict[str, Any]] = {
    "modules": {"type": "list", "elements": "dict", "required": True, "options": _MODULE},
    "archive": {"type": "str", "no_log": True},
    "packages": {"type": "list", "elements": "str", "default": []},
    "manager": {"type": "str", "default": ""},
    "release": {"type": "str"},
    "headers": {"type": "path"},
    "flags": {"type": "list", "elements": "str", "default": []},
    "jobs": {"type": "int", "default": 0},
    "timeout": {"type": "int", "default": 1800},
    "fetch": {"type": "bool", "default": False},
}


def make_builds(params: dict[str, Any], check: bool) -> dict[str, Any]:
    """Install the packages and build what is missing; return the result of `kmod_build`, in check mode as predicted.

    :param params: by OPTIONS.
    :raises KmodError: when nothing can be built; `details` then has {changed, added} of the packages.
    """
    new: dict[str, Any] = {"changed": False, "added": []}
    try:
        request = request_of(params)
        new = _installed(params, request.release, check)
        if check:
            result = _build.predict(request)
        else:
            with host_lock(LOCK_SECONDS):
                result = _build.build_missing(request)
    except KmodError as error:
        error.details.update(new)
        raise
    result.update(added=new["added"], changed=result["changed"] or new["changed"])
    if params["fetch"]:
        result["images"] = _build.images(result["modules"])
    return result


def request_of(params: dict[str, Any]) -> _build.Request:
    """Return the request that the parameters ask for."""
    if not params["modules"]:
        raise KmodError("The list of modules is empty", "", "Name at least one")
    release = check_release(params["release"] or os.uname().release)
    modules = {
        normalise(one["name"]): {
            "fingerprint": one["fingerprint"],
            "depends": [normalise(name) for name in one["depends"]],
        }
        for one in params["modules"]
    }
    headers = params["headers"] or headers_path(release)
    return _build.Request(
        modules, params["archive"] or "", release, headers, params["flags"], params["jobs"], params["timeout"]
    )


def _installed(params: dict[str, Any], release: str, check: bool) -> dict[str, Any]:
    """Install the packages, if any are asked for; return {changed, added}, in check mode as a prediction."""
    if check or not params["packages"]:
        return {"changed": bool(params["packages"]), "added": []}
    there = "" if params["headers"] else release  # headers elsewhere are not those of the packages
    done = bring(params["manager"], params["packages"], True, there, params["timeout"])
    return {"changed": done["changed"], "added": done["added"]}


def build_first(given: dict[str, Any], archive: str | None, check: bool) -> dict[str, Any]:
    """Build before something else is done; return the result of `kmod_build`, `failed` with `msg` where it failed.

    :param given: its options, not checked yet.
    :raises KmodError: when they make no sense; then nothing was done.
    """
    asked = ArgumentSpecValidator(OPTIONS).validate({**given, "archive": archive})
    if asked.error_messages:
        raise KmodError("What is to be built makes no sense", "; ".join(asked.error_messages), "See kmod_build")
    request_of(asked.validated_parameters)
    try:
        return make_builds(asked.validated_parameters, check)
    except KmodError as error:
        return {"modules": {}, "failed_modules": {}, **error.details, "failed": True, "msg": error.message}


def with_builds(
    modules: list[dict[str, Any]], wanted: list[dict[str, Any]], built: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the modules without those whose build was wanted and is not there, and without what depends on them."""
    lacking = {normalise(one["name"]) for one in wanted} - set(built["modules"])
    depends = {normalise(one["name"]): [normalise(name) for name in one["depends"]] for one in modules}
    lost = dependents(lacking, depends)
    return [one for one in modules if normalise(one["name"]) not in lost]
