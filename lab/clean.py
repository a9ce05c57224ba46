#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take this clone's lab away: machines, disks, pool, libvirtd and its lines in qemu.conf, .lab/, Molecule's notes.

Needs neither Ansible nor Vagrant, says what it does, and touches nothing that this clone did not make.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent / "module_utils"))
from procfleet_lab import Lab, LabError, domains, libvirt_answers, remove_domain, virsh  # noqa: E402

QEMU_CONF = Path("/etc/libvirt/qemu.conf")
BLOCK = re.compile(rb"^# BEGIN procfleet lab\n.*?^# END procfleet lab\n", re.DOTALL | re.MULTILINE)


def say(what: str) -> None:
    print(f"lab: {what}", flush=True)


def clean_libvirt(lab: Lab, pool: Path) -> None:
    for name in domains(lab.id + "-"):
        remove_domain(name)
        say(f"machine {name} taken away")
    if lab.id in virsh("pool-list", "--all", "--name").split():
        if lab.id in virsh("pool-list", "--name").split():
            virsh("pool-destroy", lab.id)
        virsh("pool-undefine", lab.id)
        say(f"storage pool {lab.id} taken away")
    # Root's, where a system libvirt runs; otherwise it lies under .lab/.
    if pool.name == lab.id and pool.exists():
        shutil.rmtree(pool)
    logs = Path("/var/log/libvirt/qemu") if os.getuid() == 0 else Path.home() / ".cache/libvirt/qemu/log"
    for log in logs.glob(f"{lab.id}-*"):
        log.unlink()


def end(pid: int) -> None:
    """Ask a process to end, and see that it does."""
    os.kill(pid, signal.SIGTERM)
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)


def stop_own_libvirtd(lab: Lab) -> bool:
    """End the libvirtd that this lab started; return whether it goes on, for machines of another clone under it."""
    pid = lab.own_libvirtd()
    if pid is None:
        return False
    others = domains("", running=True)
    if others:
        say(f"libvirtd (process {pid}) goes on: {', '.join(others)} still run under it")
        return True
    end(pid)
    say(f"libvirtd (process {pid}) ended")
    text = QEMU_CONF.read_bytes()
    if BLOCK.search(text):
        new = QEMU_CONF.with_suffix(".procfleet-new")
        shutil.copy2(QEMU_CONF, new)
        new.write_bytes(BLOCK.sub(b"", text))
        new.rename(QEMU_CONF)
        say(f"the lab's lines in {QEMU_CONF} taken out")
    return False


def take_away(lab: Lab, goes_on: bool) -> None:
    """Remove the lab's folder; a libvirtd that goes on keeps its log, without which it starts nothing any more."""
    if not goes_on:
        shutil.rmtree(lab.state)
        say(f"{lab.state} taken away")
        return
    for path in lab.state.iterdir():
        if path not in (lab.logs, lab.libvirtd_pid):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    say(f"{lab.state} taken away, but for what that libvirtd needs: clean again when they have gone")


def forget_scenarios(root: Path) -> None:
    """Make Molecule forget which machines it made for this clone; another one of the same folder's name keeps its own.

    Molecule notes them outside the clone, beside links to the inventory that it last used.
    """
    home = Path(os.environ.get("ANSIBLE_HOME", "~/.ansible")).expanduser()
    for state in home.glob("tmp/molecule.*"):
        if any(link.is_symlink() and root in link.resolve().parents for link in state.glob("inventory/*")):
            shutil.rmtree(state)
            say(f"{state} taken away")


def main() -> int:
    lab = Lab(Path(__file__).resolve().parents[1])
    goes_on = False
    try:
        if shutil.which("virsh") and lab.state.exists() and (os.getuid() != 0 or libvirt_answers()):
            clean_libvirt(lab, lab.pool)
            goes_on = stop_own_libvirtd(lab)
        elif lab.state.exists() and os.getuid() == 0 and QEMU_CONF.exists() and BLOCK.search(QEMU_CONF.read_bytes()):
            raise LabError(
                "The libvirtd that this lab started, and that knows its machines, has died. "
                "Start it with `make lab`, then run `make clean` again; nothing was taken away."
            )
    except (LabError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    if lab.state.exists():
        take_away(lab, goes_on)
    forget_scenarios(lab.root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
