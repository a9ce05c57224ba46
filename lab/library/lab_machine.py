#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look whether one machine of the lab runs, and if not, whether it can: tools there, port free, disk free."""

from __future__ import annotations

import shutil
import socket

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.procfleet_lab import Lab, LabError, domains, need_space, port_owner

TOOLS = ("vagrant", "virsh", "qemu-img", "mmdebstrap")
DISK_MB = 2048  # what a machine writes when headers and a compiler are installed in it


def running(lab: Lab, inventory: str, name: str) -> bool:
    absent = [tool for tool in TOOLS if not shutil.which(tool)]
    if absent:
        raise LabError(f"{', '.join(absent)} not installed on this machine: run `make lab` first.")
    if not lab.key.exists():
        raise LabError(f"{lab.key} is missing: run `make lab` first.")
    return lab.prefix(inventory) + name in domains(lab.prefix(inventory), running=True)


def need_port(inventory: str, name: str, port: int) -> None:
    if not 1024 <= port <= 65535:
        raise LabError(f"{name} has ansible_port {port} in {inventory}: give it one from 1024 to 65535.")
    with socket.socket() as probe:
        # A connection that was just closed does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LabError(
                f"Port {port} of 127.0.0.1, by which {name} would be reached, cannot be used ({error.strerror}); "
                f"it is held by {port_owner(port)}. "
                f"End that, or give {name} another ansible_port in {inventory}."
            ) from None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "inventory": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    lab = Lab(given["root"])
    try:
        runs = running(lab, given["inventory"], given["name"])
        if not runs:
            need_port(given["inventory"], given["name"], given["port"])
            need_space(lab.pool, DISK_MB, f"the machine {given['name']}")
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, running=runs)


if __name__ == "__main__":
    main()
