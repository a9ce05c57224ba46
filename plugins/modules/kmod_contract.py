#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation alone: the work is done on the controller, in plugins/action/kmod_contract.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_contract
short_description: Read and check the contracts of the chosen modules
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Works on the controller alone, before anything is sent; a contract that is wrong is refused with file and line.
  - As a task of the role C(procfleet.procfs.kmod) it first checks the role's variables.
options:
  paths:
    description: Directories that hold modules, one folder each.
    type: list
    elements: path
    required: true
  modules:
    description:
      - Which modules; each a name, or a mapping of C(name) and C(parameters). An empty list is all.
      - What a chosen module depends on comes along when it lies in the same paths.
    type: list
    elements: raw
    default: []
  state:
    description: The goal; RV(expected) is returned for V(loaded), V(unloaded) and V(absent).
    type: str
    default: ""
  target:
    description: Whether the modules are for this host, and not only built there.
    type: bool
    default: true
  flags:
    description: Further words for make.
    type: list
    elements: str
    default: []
  retries:
    description: How often entries are to be tried again; with any, nothing is left to the look.
    type: int
    default: 0
  certificate:
    description: File of the certificate whose key signs the builds; empty where they are not signed.
    type: path
    default: ""
"""

EXAMPLES = r"""
- name: Read two contracts
  procfleet.procfs.kmod_contract:
    paths: [files/kmod]
    modules: [proc_demo, {name: simpledriver, parameters: {mode: "0644"}}]
"""

RETURN = r"""
names:
  description: The modules, in load order.
  returned: always
  type: list
  elements: str
kconfig:
  description: The options of the kernel's configuration that they need.
  returned: always
  type: list
  elements: str
expected:
  description: >-
    What M(procfleet.procfs.kmod_info) may assert on the way, as JSON, which takes less of the controller's memory for
    each host than what it stands for; V({}) for any other goal.
  returned: always
  type: str
signer:
  description: >-
    The certificate as C({id, subject, issuer, serial, key_id}), numbers in hexadecimal; C(id) is its SHA-256,
    C(key_id) is empty where it has no subject key id. An empty mapping without one.
  returned: always
  type: dict
  sample:
    id: 0c9f…
    subject: CN=Example modules
    issuer: CN=Example modules
    serial: 5b1e…
    key_id: 8d0c…
own:
  description: >-
    What the host's own variables say, C({state, rollback, sign_key, sign_cert, sign_file}), for steps that look at all
    hosts at once; empty where this is no task of the role.
  returned: always
  type: dict
started:
  description: When the host's run began, UTC.
  returned: always
  type: str
"""
