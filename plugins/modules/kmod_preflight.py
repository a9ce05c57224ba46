#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation alone: the work is done on the controller, in plugins/action/kmod_preflight.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_preflight
short_description: Say whether a host may boot a kernel, as far as its modules go
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Works on the controller alone, from what was found on the host. It fails where a module would not be there after the
    boot, or not the wanted build of it, and names every obstacle.
  - What it looks at is the installed build, what modprobe would take, the vermagic of the kernel's own modules, whether
    the module is set for boot, and other copies in the kernel's folder and in its initrd.
  - What other tasks returned is given by value, or by the name of the variable that holds it, which costs less.
options:
  seen:
    description: What M(procfleet.procfs.kmod_info) found with C(copies), for the kernel that is to be booted.
    type: raw
    required: true
  plan:
    description: What M(procfleet.procfs.kmod_plan) has planned for it.
    type: raw
    required: true
  prepared:
    description: What M(procfleet.procfs.kmod) returned for the state V(prepared); empty where it had nothing to do.
    type: raw
    default: {}
  persist:
    description: Whether the modules are to be loaded at boot.
    type: bool
    default: true
  now:
    description: Whether the kernel is about to be booted; then whatever is not prepared is an obstacle.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Say whether the kernel may be booted
  procfleet.procfs.kmod_preflight:
    seen: seen
    plan: plan
"""

RETURN = r"""
msg:
  description: The kernel, and a line for each module with its build.
  returned: always
  type: str
"""
