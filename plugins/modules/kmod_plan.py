#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation alone: the work is done on the controller, in plugins/action/kmod_plan.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_plan
short_description: Decide on the controller what has to be done on a host
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Compares what is wanted with what M(procfleet.procfs.kmod_info) saw. It reaches no host and changes nothing.
  - What other tasks returned is given by value, or by the name of the variable that holds it, which costs less.
options:
  paths:
    description: As for M(procfleet.procfs.kmod_contract).
    type: list
    elements: path
    required: true
  modules:
    description: As for M(procfleet.procfs.kmod_contract).
    type: list
    elements: raw
    default: []
  seen:
    description: The result of M(procfleet.procfs.kmod_info); a host that it could not reach is refused.
    type: raw
    required: true
  state:
    description: >-
      The state to reach; V(cycled) is loaded and gone again, V(prepared) is installed for a kernel that is to be
      booted, and V(rebooted) is loaded by that boot.
    type: str
    choices: [loaded, unloaded, absent, cycled, prepared, rebooted]
    default: loaded
  wanted:
    description: >-
      The state that the host is to have; with any but V(loaded) nothing is V(prepared) or V(rebooted).
    type: str
    default: loaded
  persist:
    description: Load the modules at boot as well.
    type: bool
    default: true
  flags:
    description: Further words for make.
    type: list
    elements: str
    default: []
  packages:
    description: >-
      Packages with headers, make and compiler. C({release}) and C({arch}) are filled in, and of the release
      C({version}) and C({flavour}), and C({compiler}), the package of the kernel's compiler. By default those of the
      host's family of distributions.
    type: list
    elements: str
    default: []
  target:
    description: Whether the host is to have the modules at all; a host that only builds is not.
    type: bool
    default: true
  signer:
    description: >-
      Who signs the builds, RV(procfleet.procfs.kmod_contract#module:signer); an empty mapping leaves them unsigned.
    type: dict
    default: {}
  dkms:
    description:
      - Whether the sources are to be registered with the host's DKMS; V(false) takes a registration back.
      - By default what is registered is left as it is.
    type: bool
  dkms_packages:
    description: >-
      Packages with DKMS, and with the headers of kernels to come; filled in as O(packages) are. By default those of the
      host's family; where none are known, O(dkms) is refused.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Plan
  procfleet.procfs.kmod_plan:
    paths: [files/kmod]
    seen: seen
  register: plan
"""

RETURN = r"""
manager:
  description: The package manager of the host's family; empty where none is known.
  returned: always
  type: str
packages:
  description: Packages that a builder for this kernel needs; empty where nothing is built.
  returned: always
  type: list
  elements: str
flags:
  description: The further words for make.
  returned: always
  type: list
  elements: str
build:
  description: Builds that the host lacks, C({name, folder, fingerprint, depends}).
  returned: always
  type: list
  elements: dict
sign:
  description: >-
    What M(procfleet.procfs.kmod_sign) is to sign for the host, C({name, build, fingerprint}); C(build) is the
    fingerprint of the unsigned build, C(fingerprint) that of the signed one.
  returned: always
  type: list
  elements: dict
modules:
  description: What M(procfleet.procfs.kmod) is to bring to its state; empty when all is as wanted.
  returned: always
  type: list
  elements: dict
entries:
  description: What M(procfleet.procfs.proc_assert) is to assert, by module.
  returned: always
  type: dict
depends:
  description: The modules in load order, each with what it depends on.
  returned: always
  type: dict
fingerprints:
  description: The wanted build of each module.
  returned: always
  type: dict
reasons:
  description: Why each module that is not as wanted is not.
  returned: always
  type: dict
dkms:
  description: >-
    What M(procfleet.procfs.kmod_dkms) is asked for, its C(modules) and C(state); the C(packages) that it needs and the
    host lacks; and C(reasons), why, by module.
  returned: always
  type: dict
prediction:
  description: All that would change in the modules, as text C({before, after}).
  returned: always
  type: dict
restore:
  description: What M(procfleet.procfs.kmod) is to load again after a cycle.
  returned: with V(cycled)
  type: list
  elements: dict
"""
