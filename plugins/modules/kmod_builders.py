#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation alone: the work is done on the controller, in plugins/action/kmod_builders.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_builders
short_description: Settle which host builds what, for all hosts of the play at once
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Groups the hosts by what makes a binary fit (kernel release, architecture, compiler, flags for make), and gives
    each build that the store on the controller lacks to one host of its group, or to a dedicated builder.
  - Tries each key that something is to be signed with once, however many hosts need it. Hosts for which it cannot sign
    are refused.
  - Works on the controller alone, from what earlier tasks registered on every host; run it once. With
    C(serial) it settles for the hosts of the batch.
options:
  store:
    description: The folder on the controller that keeps every build.
    type: path
    required: true
  builders:
    description: >-
      A group of hosts that are there to build. They build for hosts of their own distribution, for every kernel of
      it. Without one, the first host of each group that can build as it is does so, else the first that waits.
    type: str
    default: ""
  loads:
    description: >-
      Whether the modules are loaded next, by M(procfleet.procfs.kmod), so that a build for which one host alone waits
      can be made there in the same call, as RV(own) has it.
    type: bool
    default: false
  plan:
    description: The variable in which each host's plan was registered.
    type: str
    default: __kmod_plan
  seen:
    description: The variable in which the result of M(procfleet.procfs.kmod_info) was registered.
    type: str
    default: __kmod_seen
  contract:
    description: >-
      The variable in which the result of M(procfleet.procfs.kmod_contract) was registered; by its C(own) what is built
      for the host is signed or not.
    type: str
    default: __kmod_wanted
"""

EXAMPLES = r"""
- name: Settle who builds what
  procfleet.procfs.kmod_builders:
    store: ~/.cache/procfleet
  register: building
  run_once: true
"""

RETURN = r"""
jobs:
  description: Host to what it builds, a list of C({release, flags, packages, manager, modules}).
  returned: always
  type: dict
own:
  description: >-
    Host to the one such job that there is, where only that host waits for it; O(procfleet.procfs.kmod#module:build)
    takes it. It is then not in RV(jobs). Empty without O(loads), in check mode, and where builds are signed.
  returned: always
  type: dict
refused:
  description: Host to why nobody can build or sign for it.
  returned: always
  type: dict
damaged:
  description: Builds that lay in the store and are not what was put there; they are built again.
  returned: always
  type: list
  elements: str
"""
