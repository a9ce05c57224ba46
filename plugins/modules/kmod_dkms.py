#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_dkms
short_description: Register the sources of kernel modules with DKMS, or take them from it
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Packs the sources on the controller, sends them in one transfer, writes DKMS's configuration for them, and registers
    them with C(dkms add). From then on the host builds them by itself for kernels that it installs.
  - Kernels for which procfleet has installed its own build are left to it.
  - Sources that are registered already are not registered again. Where others were, DKMS builds the new ones at once
    for the kernels that it had built the others for, and for the newest installed kernel.
options:
  modules:
    description: The modules to register, or to take from DKMS.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The module's name.
        type: str
        required: true
      note:
        description: >-
          What is registered, as the role's plan says it; C(version) in it is the version in DKMS. For V(registered).
        type: dict
        default: {}
      folders:
        description: >-
          The folders on the controller with the sources of the module, and of those of ours that it depends on, by
          name. For V(registered).
        type: dict
        default: {}
  state:
    description:
      - Whether the modules are to be registered.
      - V(former) is what was registered before O(rollout); what that has not changed is left as it is.
    type: str
    choices: [registered, absent, former]
    default: registered
  rollout:
    description: The run that registers, or that is taken back.
    type: str
    default: ""
  archives:
    description: The sources, packed, by module; set by the action plugin, not by users.
    type: dict
    default: {}
  timeout:
    description: Seconds that one command of DKMS may take; it may build.
    type: int
    default: 1800
requirements:
  - DKMS 3.0 or later on the host, where something is to be done
attributes:
  check_mode:
    description: Says what would be registered or taken back, and does nothing.
    support: full
  diff_mode:
    description: Shows the registered versions.
    support: full
"""

EXAMPLES = r"""
- name: Register what the plan says
  procfleet.procfs.kmod_dkms:
    modules: "{{ plan.dkms.modules }}"
    state: "{{ plan.dkms.state }}"

- name: Take a module from DKMS
  procfleet.procfs.kmod_dkms:
    modules: [{name: proc_demo}]
    state: absent
"""

RETURN = r"""
modules:
  description: >-
    Each module, C({changed, version, built}); C(version) is the one in DKMS, null where nothing is registered;
    C(built) are the kernels that DKMS has built it for now.
  returned: always
  type: dict
  sample: {proc_demo: {changed: true, version: 1.0-0f1e2d3c4b5a, built: []}}
failed_modules:
  description: Each module that could not be registered or taken back, C({msg}).
  returned: always
  type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.procfleet.procfs.plugins.module_utils import _dkms, _dkms_apply
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._lock import host_lock
from ansible_collections.procfleet.procfs.plugins.module_utils._names import normalise

MODULE_OPTIONS = {
    "name": {"type": "str", "required": True},
    "note": {"type": "dict", "default": {}},
    "folders": {"type": "dict", "default": {}},
}


def request_of(params: dict[str, Any]) -> _dkms_apply.Request:
    """Return the request that the module's parameters ask for."""
    if not params["modules"]:
        raise KmodError("The list of modules is empty", "", "Name at least one")
    notes = {normalise(one["name"]): one["note"] for one in params["modules"]}
    for name, note in notes.items():
        if params["state"] == "registered" and not _dkms.makes_sense(note, name):
            raise KmodError("The note of %s makes no sense" % name, "", "Give it as kmod_plan returns it")
    return _dkms_apply.Request(notes, params["archives"], params["timeout"], params["rollout"])


def main() -> None:
    """Register or withdraw."""
    module = AnsibleModule(
        argument_spec={
            "modules": {"type": "list", "elements": "dict", "required": True, "options": MODULE_OPTIONS},
            "state": {"type": "str", "choices": ["registered", "absent", "former"], "default": "registered"},
            "rollout": {"type": "str", "default": ""},
            "archives": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 1800},
        },
        supports_check_mode=True,
    )
    try:
        request = request_of(module.params)
        if module.check_mode:
            result = _dkms_apply.manage(request, module.params["state"], check=True)
        else:
            with host_lock(60):
                result = _dkms_apply.manage(request, module.params["state"])
    except KmodError as error:
        module.fail_json(msg=error.message, **error.details)
    if result["failed_modules"]:
        module.fail_json(msg=_dkms_apply.explain_failures(result), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
