#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod
short_description: Install, load, reload, unload and remove kernel modules, proven by build-id
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Brings a list of modules to one state in one call, in the order of their dependencies.
  - A loaded module is loaded anew when the image that the kernel runs is not the wanted one (by build-id), or when
    its parameters differ from the wanted ones.
  - With entries to assert, a module that was loaded anew and does not show them counts as failed.
  - Modules that depend on each other stand or fall together. When one fails, all of them are put back as they were, and
    that is asserted as well. Modules that have nothing to do with it go on.
  - A module with a process inside is not unloaded, for that would hang; the process is named instead.
options:
  modules:
    description: The modules.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The module's name. V(-) and V(_) are the same.
        type: str
        required: true
      path:
        description: The built image on the host. By default the one that is installed.
        type: path
      fingerprint:
        description: The identity of the build. By default the SHA-256 of the image.
        type: str
      ship:
        description: Take the image from O(store), for the host has it not.
        type: bool
        default: false
      image:
        description: The image, in base64; set by the action plugin, not by users.
        type: str
      parameters:
        description: Parameter to value, as the kernel takes them; those that are not named are left alone.
        type: dict
        default: {}
      depends:
        description: Modules that must be loaded first; of this list, or the kernel's own.
        type: list
        elements: str
        default: []
      log:
        description: Texts that must stand in the kernel's log after each step, C({load, unload}).
        type: dict
        default: {}
      entries:
        description: What must hold while it is loaded; each as for M(procfleet.procfs.proc_assert).
        type: list
        elements: dict
        default: []
      gone:
        description: What must be gone while it is not loaded; each as for M(procfleet.procfs.proc_assert).
        type: list
        elements: dict
        default: []
  state:
    description:
      - V(loaded) is in the kernel, this image, with these parameters.
      - V(unloaded) is out of it, also after a reboot, and no device that it is for brings it back; the files stay.
      - V(absent) is V(unloaded), and the files are removed.
      - V(former) is what the host itself noted before the last change of build or parameters - another build, or
        V(unloaded), or V(absent). It is asserted by what it was proven by then. There is one step back, not two.
      - V(prepared) is installed for the kernel O(release), known to its modprobe, and set for boot; nothing is loaded.
    type: str
    choices: [loaded, unloaded, absent, former, prepared]
    default: loaded
  release:
    description: >-
      The kernel that this is for; by default the running one. Only V(prepared) can be for one that does not run, for
      all else it is refused.
    type: str
  rollout:
    description:
      - A name for the run that this call belongs to; noted on the host with each build or parameter that it changes.
      - With O(state=former), what another run has brought is left alone.
    type: str
  rollback:
    description: Put a module back that does not show its entries; V(false) leaves it loaded, to be looked at.
    type: bool
    default: true
  retries:
    description: How often an entry that does not hold is looked at again, where it does not say itself.
    type: int
    default: 0
  delay:
    description: Seconds between two such looks.
    type: float
    default: 1
  log_since:
    description: A position in the kernel's log, RV(log_position) of an earlier call, from which faults are looked for.
    type: int
  install:
    description: >-
      Install the image under C(/lib/modules/<release>/updates/procfleet/) and run depmod. V(false) loads it from
      where it lies, and leaves installed files and the next boot alone; V(absent) then removes only builds that are
      not installed.
    type: bool
    default: true
  persist:
    description:
      - Load the modules with their parameters at boot as well; V(false) takes that back.
      - A module fails of which other files in C(modprobe.d), or the kernel's command line, tell the boot otherwise.
    type: bool
    default: true
  timeout:
    description: Seconds that one load or unload may take, and that readers inside a module are waited for.
    type: int
    default: 30
  unneeded:
    description: Modules of the kernel's own, loaded for these, to unload as well where nothing uses them any more.
    type: list
    elements: str
    default: []
  build:
    description: >-
      What M(procfleet.procfs.kmod_build) is asked for first, in the same call: its options but C(store) and
      C(partial). Needs O(store). A module whose build is missing then is left out, with those that depend on it; the
      others go on.
    type: dict
    default: {}
  archive:
    description: The sources for O(build), packed; set by the action plugin, not by users.
    type: str
  partial:
    description: >-
      Succeed when some modules or entries fail, and leave it to the caller to look at RV(failed_modules) and
      RV(asserted).
    type: bool
    default: false
  store:
    description: A folder on the controller that keeps what was built.
    type: path
  kernel:
    description: The host's kernel, as M(procfleet.procfs.kmod_info) returns it; what is sent must fit it.
    type: dict
requirements:
  - kmod (insmod, rmmod, depmod) on the host
attributes:
  check_mode:
    description: Predicts every change and makes none; asserts the entries of modules that need none, without writing.
    support: full
  diff_mode:
    description: Shows state, build-id, parameters, file and boot of each module, before and after.
    support: full
"""

EXAMPLES = r"""
- name: Load two modules, and again at each boot
  procfleet.procfs.kmod:
    modules:
      - name: proc_demo
        path: "{{ built.modules.proc_demo.path }}"
      - name: simpledriver
        path: "{{ built.modules.simpledriver.path }}"
        parameters: {mode: "0644"}

- name: Take them out again and remove them
  procfleet.procfs.kmod:
    modules: [{name: proc_demo}, {name: simpledriver}]
    state: absent
"""

RETURN = r"""
modules:
  description: >-
    Each module as it is now: C({changed, reasons, log, state, build_id, parameters}). C(reasons) says why it was
    changed; C(log) are the lines that the kernel wrote meanwhile.
  returned: when the request could be understood
  type: dict
failed_modules:
  description: >-
    Each module that could not be brought to its state: C({msg, restored}); C(restored) says whether the host is as
    it was before. C(sent) is false for one that was not sent to the host at all.
  returned: when the request could be understood
  type: dict
built:
  description: What M(procfleet.procfs.kmod_build) returned; C(failed) and C(msg) where nothing could be built.
  returned: with O(build)
  type: dict
brought:
  description: Modules of the kernel's own that were loaded for these.
  returned: when the request could be understood
  type: list
  elements: str
asserted:
  description: What came of the entries, as M(procfleet.procfs.proc_assert) returns it; each names its C(module) too.
  returned: when the request could be understood
  type: dict
log_position:
  description: The number of the newest record in the kernel's log afterwards; -1 where there is none.
  returned: when the request could be understood
  type: int
release:
  description: The kernel that it was done for.
  returned: when the request could be understood
  type: str
boot_id:
  description: The identity of the boot in which all this is true.
  returned: when the request could be understood
  type: str
faults:
  description: Lines with which the kernel began to tell of a warning or a fault, after O(log_since).
  returned: when the request could be understood
  type: list
  elements: str
taint:
  description: The kernel's taint afterwards, C({value, flags}).
  returned: when the request could be understood
  type: dict
seconds:
  description: How long it took on the host, without O(build).
  returned: when the request could be understood
  type: float
"""

import os
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._kmod import Options, explain_failures, manage
from ansible_collections.procfleet.procfs.plugins.module_utils._names import check_release, normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._show import report
from ansible_collections.procfleet.procfs.plugins.module_utils._transaction import Rules

MODULE_OPTIONS = {
    "name": {"type": "str", "required": True},
    "path": {"type": "path"},
    "fingerprint": {"type": "str"},
    "ship": {"type": "bool", "default": False},
    "image": {"type": "str", "no_log": True},
    "parameters": {"type": "dict", "default": {}},
    "depends": {"type": "list", "elements": "str", "default": []},
    "log": {"type": "dict", "default": {}},
    "entries": {"type": "list", "elements": "dict", "default": []},
    "gone": {"type": "list", "elements": "dict", "default": []},
}
OPTIONS = {
    "modules": {"type": "list", "elements": "dict", "required": True, "options": MODULE_OPTIONS},
    "state": {"type": "str", "choices": ["loaded", "unloaded", "absent", "former", "prepared"], "default": "loaded"},
    "release": {"type": "str"},
    "rollout": {"type": "str"},
    "rollback": {"type": "bool", "default": True},
    "log_since": {"type": "int"},
    "retries": {"type": "int", "default": 0},
    "delay": {"type": "float", "default": 1},
    "install": {"type": "bool", "default": True},
    "persist": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 30},
    "unneeded": {"type": "list", "elements": "str", "default": []},
    "build": {"type": "dict", "default": {}},
    "archive": {"type": "str", "no_log": True},
    "partial": {"type": "bool", "default": False},
    "store": {"type": "path"},
    "kernel": {"type": "dict"},
}


def _options(params: dict[str, Any], check: bool) -> Options:
    limits = {key: params[key] for key in ("retries", "delay")}
    release = check_release(params["release"] or os.uname().release)
    if release != os.uname().release and params["state"] != "prepared":
        raise KmodError(
            "This host runs %s, and not %s" % (os.uname().release, release),
            "the boot loader chose another kernel, or somebody else did",
            "Look at its console, and at what the boot loader starts by default",
        )
    rules = Rules(release, params["timeout"], limits, params["rollback"])
    wanted = {key: params[key] for key in ("state", "install", "persist", "rollout", "log_since")}
    unneeded = tuple(normalise(name) for name in params["unneeded"])
    return Options(rules, **wanted, check=check, unneeded=unneeded)


def _managed(params: dict[str, Any], check: bool, built: dict[str, Any]) -> dict[str, Any]:
    """Build what is to be built, then bring to their state what is there.

    :param built: gets what came of the building, also where the rest fails.
    """
    options, modules = _options(params, check), params["modules"]
    if params["build"]:
        # Most calls build nothing, and what this takes is compiled on the host.
        from ansible_collections.procfleet.procfs.plugins.module_utils._building import build_first, with_builds

        built.update(build_first(params["build"], params["archive"], check))
        modules = with_builds(modules, params["build"]["modules"], built)
        if not modules:
            return {"changed": False, "modules": {}, "failed_modules": {}, "asserted": report([])}
    started = time.monotonic()
    return dict(manage(modules, options), seconds=round(time.monotonic() - started, 2))


def main() -> None:
    """Bring the modules to their state."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    params = module.params
    built: dict[str, Any] = {}
    try:
        result = _managed(params, module.check_mode, built)
    except KmodError as error:
        module.fail_json(**{"msg": error.message, **_with(built, {}), **error.details})
    result = _with(built, result)
    if (result["failed_modules"] or result["asserted"]["failed_entries"]) and not params["partial"]:
        module.fail_json(msg=explain_failures(result), **result)
    module.exit_json(**result)


def _with(built: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """Return the result with what was built before."""
    if not built:
        return result
    return dict(result, built=built, changed=bool(result.get("changed") or built.get("changed")))


if __name__ == "__main__":
    main()
