#!/usr/bin/env python3
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Print what kmod_info would return, on a machine that has no Ansible: `look.py '{"modules": ["proc_demo"]}'`.

For a test that only wants to see how a machine stands. Most of a call by Ansible is Ansible's own part, on the machine
as well as on the controller, and each playbook that a test runs makes such a call anyway.
"""

from __future__ import annotations

import json
import sys
import types

# Beside this file are plugins/modules/kmod_info.py and plugins/module_utils/; only kmod_info's main() needs this.
basic = types.ModuleType("ansible.module_utils.basic")
basic.AnsibleModule = None
sys.modules[basic.__name__] = basic

from ansible_collections.procfleet.procfs.plugins.modules import kmod_info  # noqa: E402 - see above

UNASKED = {"kconfig": [], "release": "", "copies": False}

if __name__ == "__main__":
    print(json.dumps(kmod_info.look({**UNASKED, **json.loads(sys.argv[1])})))
