#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_packages
short_description: Install a kernel's headers and compiler through the distribution's own package manager
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - It runs the manager's command, bounded in time. Recommended packages are left out where the manager can. apt's lists
    of packages are fetched anew when they are older than an hour, and another apt at work is waited for two minutes;
    what apt removes is purged, and what was downloaded goes as well.
  - A failure says what the package source offers instead. In check mode nothing is done, and a change is predicted.
options:
  names:
    description: Packages, as the manager takes them; an empty list changes nothing.
    type: list
    elements: str
    required: true
  manager:
    description: The package manager, V(apt), V(dnf), V(zypper), V(pacman) or V(apk); empty is refused.
    type: str
    required: true
  state:
    description: Whether the packages are to be there.
    type: str
    choices: [present, absent]
    default: present
  release:
    description: The kernel whose headers must be there afterwards.
    type: str
    default: ""
  timeout:
    description: Seconds that one command of the manager may take.
    type: int
    default: 1800
requirements:
  - Linux
attributes:
  check_mode:
    description: Nothing is changed, and a change predicted.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: Install headers, make and compiler
  procfleet.procfs.kmod_packages:
    names: [kernel-default-devel=6.4.0-150600.23.25, gcc, make, libelf-devel]
    manager: zypper
    release: 6.4.0-150600.23.25-default
"""

RETURN = r"""
added:
  description: Packages that are new, with their versions.
  returned: success
  type: list
  elements: str
removed:
  description: Packages that are gone, with their versions.
  returned: success
  type: list
  elements: str
release:
  description: The kernel whose packages could not be installed.
  returned: failure
  type: str
offers:
  description: What the package source has instead of the headers of O(release).
  returned: failure
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._packages import bring


def main() -> None:
    """Run the package manager."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "manager": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "release": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 1800},
        },
        supports_check_mode=True,
    )
    given = module.params
    if not given["names"] or module.check_mode:
        module.exit_json(changed=bool(given["names"]), added=[], removed=[])
    present = given["state"] == "present"
    try:
        result = bring(given["manager"], given["names"], present, given["release"], given["timeout"])
    except KmodError as error:
        module.fail_json(msg=error.message, **error.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
