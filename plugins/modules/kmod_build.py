#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_build
short_description: Build kernel modules from source, all in one make
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Packs the sources of all modules on the controller, sends them in one transfer, and builds them in one C(make); the
    packages that this needs are installed first, in the same call.
  - A module is published under C(/var/lib/procfleet/builds/) only when its build is whole, at an address that its
    fingerprint gives; a build that lies there already is not made again.
  - A module that does not compile does not stop the others; it and what depends on it are reported.
options:
  modules:
    description: The modules to build.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The module's name; also the name of the folder that holds its C(Kbuild).
        type: str
        required: true
      folder:
        description: The folder on the controller that holds its sources.
        type: path
        required: true
      fingerprint:
        description: >-
          The identity of the build, as the role's plan computes it. By default the SHA-256 of the sources.
        type: str
      depends:
        description: Modules of this list whose symbols it uses.
        type: list
        elements: str
        default: []
  archive:
    description: The sources, packed; set by the action plugin, not by users.
    type: str
  packages:
    description: Packages with headers, make and compiler that are installed first, as M(procfleet.procfs.kmod_packages)
      does it.
    type: list
    elements: str
    default: []
  manager:
    description: The package manager that has them.
    type: str
    default: ""
  release:
    description: The kernel to build for; by default the one that runs.
    type: str
  headers:
    description: The headers to build with; by default C(/lib/modules/<release>/build).
    type: path
  flags:
    description: Further words for make, such as C(KCFLAGS=-DDEBUG).
    type: list
    elements: str
    default: []
  jobs:
    description: How many compilers run at once; V(0) is one for each processor.
    type: int
    default: 0
  timeout:
    description: Seconds that one make, or one command of the package manager, may take.
    type: int
    default: 1800
  partial:
    description: >-
      Succeed when some modules do not build, and leave it to the caller to look at RV(failed_modules).
    type: bool
    default: false
  store:
    description: A folder on the controller that keeps what was built, for hosts that do not build.
    type: path
  fetch:
    description: Return the images; set by the action plugin, not by users.
    type: bool
    default: false
requirements:
  - make, the kernel's compiler and binutils on the host, or O(packages) that bring them
attributes:
  check_mode:
    description: Says which modules would be built; installs and builds nothing, and takes packages for a change.
    support: full
  diff_mode:
    description: Shows which builds appear.
    support: full
"""

EXAMPLES = r"""
- name: Build two modules for the running kernel
  procfleet.procfs.kmod_build:
    modules:
      - name: proc_demo
        folder: files/kmod/proc_demo
      - name: simpledriver
        folder: files/kmod/simpledriver
  register: built
"""

RETURN = r"""
modules:
  description: >-
    Each whole build, made now or before: C({path, sha256, size, build_id, vermagic, release, version, fingerprint,
    depends, parameters, signed}); C(size) in bytes.
  returned: always
  type: dict
failed_modules:
  description: Each module that does not build, with its first errors as file, line and message.
  returned: always
  type: dict
  sample: {broken: ["broken/broken.c:31: error text"]}
errors:
  description: All errors, as C({module, file, line, kind, message}).
  returned: always
  type: list
  elements: dict
compiler_warnings:
  description: All warnings of the compiler and of modpost, in the same shape.
  returned: always
  type: list
  elements: dict
log:
  description: The full log's path on the host; null when nothing was built.
  returned: always
  type: str
added:
  description: Packages that are new, with their versions.
  returned: always
  type: list
  elements: str
release:
  description: The kernel whose packages could not be installed.
  returned: failure
  type: str
offers:
  description: What the host's package source offers, where it has not the packages of that kernel.
  returned: failure
  type: list
  elements: str
runs:
  description: How many times make ran.
  returned: always
  type: int
seconds:
  description: How long the build took, in seconds.
  returned: always
  type: float
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.procfleet.procfs.plugins.module_utils import _build
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import headers_path
from ansible_collections.procfleet.procfs.plugins.module_utils._lock import host_lock
from ansible_collections.procfleet.procfs.plugins.module_utils._names import check_release, normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._packages import bring

MODULE_OPTIONS = {
    "name": {"type": "str", "required": True},
    "folder": {"type": "path", "required": True},
    "fingerprint": {"type": "str"},
    "depends": {"type": "list", "elements": "str", "default": []},
}


def request_of(params: dict[str, Any]) -> _build.Request:
    """Return the request that the module's parameters ask for."""
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


def main() -> None:
    """Build what is missing, return all."""
    module = AnsibleModule(
        argument_spec={
            "modules": {"type": "list", "elements": "dict", "required": True, "options": MODULE_OPTIONS},
            "archive": {"type": "str", "no_log": True},
            "packages": {"type": "list", "elements": "str", "default": []},
            "manager": {"type": "str", "default": ""},
            "release": {"type": "str"},
            "headers": {"type": "path"},
            "flags": {"type": "list", "elements": "str", "default": []},
            "jobs": {"type": "int", "default": 0},
            "timeout": {"type": "int", "default": 1800},
            "partial": {"type": "bool", "default": False},
            "store": {"type": "path"},
            "fetch": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    new: dict[str, Any] = {"changed": False, "added": []}
    try:
        request = request_of(module.params)
        new = _installed(module.params, request.release, module.check_mode)
        if module.check_mode:
            result = _build.predict(request)
        else:
            with host_lock(60):
                result = _build.build_missing(request)
    except KmodError as error:
        module.fail_json(**{"msg": error.message, **new, **error.details})
    result.update(added=new["added"], changed=result["changed"] or new["changed"])
    if result["failed_modules"] and not module.params["partial"]:
        module.fail_json(msg=_build.explain_failures(result), **result)
    if module.params["fetch"]:
        result["images"] = _build.images(result["modules"])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
