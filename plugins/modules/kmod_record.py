#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation alone: the work is done on the controller, in plugins/action/kmod_record.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_record
short_description: Write one record of a run for all its hosts, and show it as a table
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Gathers on the controller what the hosts' tasks have registered. Hosts that failed or could not be reached are
    in the record as well, with that state. It reaches no host and changes nothing on any.
  - The record and its states are described in C(docs/record.md) of the collection.
options:
  hosts:
    description: All hosts of the run, C(ansible_play_hosts_all); none is an error.
    type: list
    elements: str
    required: true
  registered:
    description: The variable that each step has registered; one that a host does not have was not made there.
    type: dict
    required: true
    suboptions:
      contract:
        description: The variable with what M(procfleet.procfs.kmod_contract) returned.
        type: str
      seen:
        description: The variable with what M(procfleet.procfs.kmod_info) returned.
        type: str
      plan:
        description: The variable with what M(procfleet.procfs.kmod_plan) returned.
        type: str
      signed:
        description: The variable with what M(procfleet.procfs.kmod_sign) returned.
        type: str
      built:
        description: The variable with what M(procfleet.procfs.kmod_build) returned.
        type: str
      rebooted:
        description: The variable with what M(ansible.builtin.reboot) returned.
        type: str
      loaded:
        description: The variable with what M(procfleet.procfs.kmod) returned.
        type: str
      asserted:
        description: The variable with what M(procfleet.procfs.proc_assert) returned.
        type: str
      registered:
        description: The variable with what M(procfleet.procfs.kmod_dkms) returned.
        type: str
      watched:
        description: The variable with what M(procfleet.procfs.kmod) returned in check mode after the soak.
        type: str
      returned:
        description: The variable with what M(procfleet.procfs.kmod) returned as it went back.
        type: str
      reverted:
        description: The variable with what M(procfleet.procfs.kmod_dkms) returned as it went back.
        type: str
  dir:
    description:
      - Folder on the controller for C(record.json), C(junit.xml) and C(index.html); empty writes none.
      - Nothing is written in check mode. Each file is replaced whole.
    type: str
    default: ""
  rollout:
    description: The rollout, as M(procfleet.procfs.kmod_gate) returned it last; none where nothing was rolled out.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show how the fleet stands
  procfleet.procfs.kmod_record:
    hosts: "{{ ansible_play_hosts_all }}"
    registered: {seen: seen, plan: plan}
    dir: reports
  run_once: true
"""

RETURN = r"""
msg:
  description: The table.
  returned: success
  type: str
files:
  description: The files that were written.
  returned: success
  type: list
  elements: str
"""
