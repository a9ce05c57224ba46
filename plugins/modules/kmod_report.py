#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation alone: the work is done on the controller, in plugins/action/kmod_report.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_report
short_description: Show what /proc says, and fail with all that went wrong
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Closes a host's run on the controller, from the results of its steps.
  - In check mode it is the prediction; it says what would change, with a diff.
  - What other tasks returned is given by value, or by the name of the variable that holds it, which costs less.
options:
  seen:
    description: The result of M(procfleet.procfs.kmod_info).
    type: raw
    required: true
  plan:
    description: The result of M(procfleet.procfs.kmod_plan).
    type: raw
    required: true
  jobs:
    description: What the host is to build, from M(procfleet.procfs.kmod_builders); counts in check mode.
    type: list
    elements: dict
    default: []
  built:
    description: What M(procfleet.procfs.kmod_build) returned in a loop over those.
    type: raw
    default: {}
  rebooted:
    description: What M(ansible.builtin.reboot) returned.
    type: raw
    default: {}
  loaded:
    description: The result of M(procfleet.procfs.kmod); empty when nothing was loaded.
    type: raw
    default: {}
  asserted:
    description: The result of M(procfleet.procfs.proc_assert); empty when nothing was asserted.
    type: raw
    default: {}
  registered:
    description: The result of M(procfleet.procfs.kmod_dkms), or empty.
    type: raw
    default: {}
  watched:
    description: The result of M(procfleet.procfs.kmod) in check mode, after a soak.
    type: raw
    default: {}
  returned:
    description: The result of M(procfleet.procfs.kmod) with V(former), where the host went back.
    type: raw
    default: {}
  reverted:
    description: The result of M(procfleet.procfs.kmod_dkms) with V(former), where the host went back.
    type: raw
    default: {}
  rollout:
    description: >-
      The rollout, as M(procfleet.procfs.kmod_gate) returned it last. It names all hosts: given by value, it would cost
      the square of their number.
    type: raw
    default: {}
  cycle:
    description: The variable that each step of a cycle has registered, besides the one that loads; any may have none.
    type: dict
    suboptions:
      emptied:
        description: The variable with what M(procfleet.procfs.kmod) returned as it unloaded what was loaded.
        type: str
      unloaded:
        description: The variable with what M(procfleet.procfs.kmod) returned as it unloaded what the cycle had loaded.
        type: str
      cleared:
        description: The variable with what M(procfleet.procfs.kmod) returned as it unloaded what a failure left.
        type: str
      restored:
        description: The variable with what M(procfleet.procfs.kmod) returned as it loaded what was loaded before.
        type: str
      noted:
        description: The variable with what M(ansible.builtin.package_facts) returned.
        type: str
      removed:
        description: The variable with what M(procfleet.procfs.kmod_packages) returned.
        type: str
  verify:
    description: Fail as well for modules that are not as the plan wants them.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Report
  procfleet.procfs.kmod_report:
    seen: seen
    plan: plan
"""

RETURN = r"""
msg:
  description: The kernel, each module with what was done and why, and what the entries say.
  returned: success
  type: str
"""
