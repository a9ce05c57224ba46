#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation alone: the work is done on the controller, in plugins/action/kmod_sign.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_sign
short_description: Sign builds on the controller, with the kernel's own sign-file
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Signs builds in the store. It reaches no host; neither builders nor targets see the key.
  - The passphrase of the key, or the PIN of its token, is taken from the environment, E(KBUILD_SIGN_PIN).
  - Refuses a key that others can read or that cannot be opened, and a certificate that is not of the key or not valid
    now.
options:
  modules:
    description: RV(procfleet.procfs.kmod_plan#module:sign).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The module's name.
        type: str
        required: true
      build:
        description: The fingerprint of the unsigned build.
        type: str
      fingerprint:
        description: The fingerprint of the signed one.
        type: str
  key:
    description: File of the private key in PEM, or a PKCS#11 URI without a PIN.
    type: str
    default: ""
  certificate:
    description: File of its certificate, in DER or PEM.
    type: path
    default: ""
  sign_file:
    description: The kernel's C(sign-file) on the controller; empty looks where kernel headers put it.
    type: path
    default: ""
  store:
    description: The folder on the controller that keeps every build.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Sign what is to be sent
  procfleet.procfs.kmod_sign:
    modules: "{{ plan.sign }}"
    key: ~/keys/modules.key
    certificate: ~/keys/modules.pem
    store: ~/.cache/procfleet
"""

RETURN = r"""
signed:
  description: The names of the modules that were signed now; others had been before, or could not be built.
  returned: always
  type: list
  elements: str
"""
