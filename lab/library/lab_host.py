#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask this machine, in one call and changing nothing, what the lab still needs of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.procfleet_lab import Lab, libvirt_answers


def missing(packages: list[str]) -> list[str]:
    query = ["dpkg-query", "-W", "-f", "${db:Status-Abbrev}|${Package}\n", *packages]
    lines = subprocess.run(query, capture_output=True, text=True, timeout=60, check=False).stdout.splitlines()
    installed = {line.split("|")[1] for line in lines if line.startswith("ii")}
    return [name for name in packages if name not in installed]


def libvirt_kind(lab: Lab) -> str:
    """Say which libvirt serves this user.

    session: an ordinary user's own, started at the first call. own: started by this lab.
    system: run by this machine, left as it is. none: root's does not run.
    """
    if os.getuid() != 0:
        return "session"
    if lab.own_libvirtd():
        return "own"
    return "system" if libvirt_answers() else "none"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "packages": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    lab = Lab(module.params["root"])
    module.exit_json(
        changed=False,
        missing=missing(module.params["packages"]),
        libvirt=libvirt_kind(lab),
        systemd=Path("/run/systemd/system").is_dir(),
        state=str(lab.state),
        pidfile=str(lab.libvirtd_pid),
        log=str(lab.logs / "libvirtd.log"),
    )


if __name__ == "__main__":
    main()
