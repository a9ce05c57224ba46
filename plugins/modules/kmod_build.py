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
      Succeed when some modules do not build, and leave it to the caller to look at RV(failed_modules). With O(store)
      also when nothing can be built at all, as RV(unbuilt) says then.
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
unbuilt:
  description: Why nothing could be built at all, where O(partial) and O(store) make that no failure of the task.
  returned: when nothing could be built
  type: str
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.procfleet.procfs.plugins.module_utils._build import explain_failures
from ansible_collections.procfleet.procfs.plugins.module_utils._building import OPTIONS, make_builds
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError


def main() -> None:
    """Build what is missing, return all."""
    here = {"partial": {"type": "bool", "default": False}, "store": {"type": "path"}}
    module = AnsibleModule(argument_spec={**OPTIONS, **here}, supports_check_mode=True)
    try:
        result = make_builds(module.params, module.check_mode)
    except KmodError as error:
        module.fail_json(msg=error.message, **error.details)
    if result["failed_modules"] and not module.params["partial"]:
        module.fail_json(msg=explain_failures(result), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
