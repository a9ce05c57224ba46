#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_info
short_description: Tell what kernel runs, what can be built for it, and how each module stands
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - One call returns all that is needed to decide what has to be done on a host; facts need not be gathered.
  - It reads C(/proc), C(/sys), C(/lib/modules), C(/var/lib/procfleet) and the kernel's keyrings, and changes nothing;
    with O(expected), entries are written to as their contract says.
  - It runs no command unless O(copies) is given.
options:
  modules:
    description: Names of modules to look at. V(-) and V(_) are the same.
    type: list
    elements: str
    default: []
  kconfig:
    description: Options of the kernel's configuration to look up, such as V(CONFIG_PROC_FS).
    type: list
    elements: str
    default: []
  release:
    description:
      - Look at another kernel than the running one - a release, or V(next) for the newest that is installed, which may
        be the running one. In a kernel that does not run, no module is loaded.
    type: str
    default: ""
  copies:
    description: Look for copies of the modules as well, in the kernel's folder and in its initrd; it takes seconds.
    type: bool
    default: false
  expected:
    description:
      - What M(procfleet.procfs.kmod_contract) returned, to be asserted on the way. Present entries are looked at only
        where every module's wanted build runs. What they write is written once all else holds, and in check mode not.
    type: dict
    default: {}
requirements:
  - Linux
attributes:
  check_mode:
    description: Nothing is ever changed, and nothing is written to an entry.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: Look at the host and two modules
  procfleet.procfs.kmod_info:
    modules: [proc_demo, simpledriver]
  register: seen

- name: Show which image runs
  ansible.builtin.debug:
    msg: "{{ seen.modules.proc_demo.build_id }}"
"""

RETURN = r"""
kernel:
  description: >-
    The kernel that was asked for, and RV(kernel.running), the release of the one that runs.
    RV(kernel.compiler) is C({name, command, major}); RV(kernel.taint) is C({value, flags}) with
    the letters of the kernel's documentation; RV(kernel.lockdown) is V(none), V(integrity), V(confidentiality), or
    null where the kernel has no lockdown; RV(kernel.secure_boot) is null without EFI. RV(kernel.keyrings) are those
    of the kernel's keyrings in which it looks for who signed a module, as far as they are there, and
    RV(kernel.trusted) are the certificates in them as C({name, id, keyring}); C(id) is the subject key id, or the
    serial number of a certificate without one; C(keyring) is empty where the host cannot tell. Of a kernel that does
    not run, what only a running one has is that of the running one; RV(kernel.vermagic) is what its own modules bear;
    C(compiler.name) is empty where neither the kernel nor its headers are installed.
  returned: always
  type: dict
  sample:
    release: 6.1.0-40-cloud-amd64
    running: 6.1.0-40-cloud-amd64
    version: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.153-1 (2025-09-20)"
    arch: x86_64
    compiler: {name: gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, command: gcc-12, major: 12}
    modules_supported: true
    taint: {value: 0, flags: ""}
    lockdown: none
    secure_boot: null
    sig_enforce: false
    keyrings: [.builtin_trusted_keys, .secondary_trusted_keys, .platform]
    trusted: [{name: Example modules, id: 8d0c…, keyring: .platform}]
    boot_id: 2f1c9a52-0d3b-4a44-9d3c-7a5f3c7f0c55
os:
  description: The distribution; RV(os.family) is V(debian), V(redhat), V(suse), V(arch), V(alpine) or empty.
  returned: always
  type: dict
  sample: {id: debian, version: "12", family: debian}
kernels:
  description: The releases of all installed kernels, the newest first.
  returned: always
  type: list
  elements: str
headers:
  description: That kernel's headers; full paths of make and of the kernel's compiler, null if not there.
  returned: always
  type: dict
  sample: {path: /lib/modules/6.1.0-40-cloud-amd64/build, present: true, make: /usr/bin/make, compiler: /usr/bin/gcc-12}
kconfig:
  description: The value of each asked option, null where it is not set; empty where the host keeps no configuration.
  returned: always
  type: dict
  sample: {CONFIG_PROC_FS: "y"}
modules:
  description: >-
    Each asked module. C(state) is V(live), V(coming), V(going), V(builtin) or V(absent); C(size) is in bytes;
    C(build_id) is that of the loaded image; C(installed) is C({path, sha256, build_id, vermagic, by}) of the file that
    procfleet installed, or null; where there is none, of the one that DKMS has built from sources that procfleet has
    registered, and C(by) is V(dkms) then; C(sha256) is that of the unpacked image; C(fingerprint) is that of the
    installed build, null if the file is not the one that was installed; C(dkms) is C({version, others, kernels,
    doubled}) of what is registered with DKMS, or null: the version that is there whole, or null, what else is there,
    the kernels in which DKMS has installed the module, and those of them in which procfleet has as well;
    C(resolves_to) is the file that modprobe would take; C(persist) is C({load, options}), what
    happens at boot by procfleet's own files; C(modprobe) are the commands by which others change that, in modprobe's
    configuration or on the kernel's command line; C(builds) are the builds that lie on this host; C(elsewhere) are
    other kernels for which files of the module lie here; C(manifest) is procfleet's own note; C(copies) are
    C({path, initrd, build_id}), with O(copies).
  returned: always
  type: dict
  sample:
    proc_demo:
      state: live
      size: 16384
      refcnt: 0
      holders: []
      taint: OE
      parameters: {}
      version: "1.0"
      build_id: 5f1d…
      installed: {path: /lib/modules/6.1.0-40-cloud-amd64/updates/procfleet/proc_demo.ko, by: procfleet}
      fingerprint: 77c0…
      resolves_to: /lib/modules/6.1.0-40-cloud-amd64/updates/procfleet/proc_demo.ko
      persist: {load: true, options: null}
      modprobe: []
      builds: [77c0…]
      elsewhere: []
      manifest: {fingerprint: 77c0…}
      dkms: {version: 1.0-0f1e2d3c4b5a, others: [], kernels: [], doubled: []}
asserted:
  description: >-
    What M(procfleet.procfs.proc_assert) would return for all of O(expected), if every entry holds; else null, for then
    only it can tell why.
  returned: always
  type: dict
dkms:
  description: Where the command is, null if it is not there; and the packages of kernel headers, in Debian's family.
  returned: always
  type: dict
  sample: {command: /usr/sbin/dkms, headers: [linux-headers-6.1.0-40-cloud-amd64, linux-headers-cloud-amd64]}
seconds:
  description: How long it took on the host, without what was asserted.
  returned: always
  type: float
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.procfleet.procfs.plugins.module_utils import _kernel
from ansible_collections.procfleet.procfs.plugins.module_utils._dkms_trees import probe_host
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._glance import glance
from ansible_collections.procfleet.procfs.plugins.module_utils._keyrings import probe_keyrings
from ansible_collections.procfleet.procfs.plugins.module_utils._modules import probe_modules
from ansible_collections.procfleet.procfs.plugins.module_utils._names import normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._show import report
from ansible_collections.procfleet.procfs.plugins.module_utils._upcoming import chosen, installed_kernels, upcoming

SPEC = {
    "modules": {"type": "list", "elements": "str", "default": []},
    "kconfig": {"type": "list", "elements": "str", "default": []},
    "release": {"type": "str", "default": ""},
    "copies": {"type": "bool", "default": False},
    "expected": {"type": "dict", "default": {}},
}


def main() -> None:
    """Probe and return."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        seen = look(module.params)
        expected = module.params["expected"]
        held = glance(expected, seen["kernel"], seen["modules"], module.check_mode) if expected else None
        module.exit_json(changed=False, asserted=report(held) if held else None, **seen)
    except KmodError as error:
        module.fail_json(msg=error.message, **error.details)


def look(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the documentation names, but for `asserted`."""
    started = time.monotonic()
    names = [normalise(name) for name in asked["modules"]]
    kernels, kernel = installed_kernels(), dict(_kernel.probe_kernel(), **probe_keyrings())
    release = chosen(asked["release"], kernel["running"], kernels)
    if release != kernel["running"]:
        kernel = upcoming(kernel, release)
    modules = probe_modules(names, release, release == kernel["running"])
    if asked["copies"]:
        # Here, because a deploy asks for none.
        from ansible_collections.procfleet.procfs.plugins.module_utils._copies import copies

        for name, found in copies(names, release).items():
            modules[name]["copies"] = found
    return {
        "kernel": kernel,
        "kernels": kernels,
        "os": _kernel.probe_os(),
        "headers": _kernel.probe_headers(kernel["release"], kernel["compiler"]["command"]),
        "kconfig": _kernel.probe_kconfig(kernel["release"], asked["kconfig"]),
        "modules": modules,
        "dkms": probe_host(),
        "seconds": round(time.monotonic() - started, 2),
    }


if __name__ == "__main__":
    main()
