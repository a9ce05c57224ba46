#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start all machines of one inventory file, or take them away."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import tarfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.procfleet_lab import Lab, LabError, domains, remove_domain, run, virsh


@contextlib.contextmanager
def one_at_a_time(lab: Lab, timeout: int):
    """Two calls of Vagrant would trip over each other's boxes and pool; the second waits."""
    with (lab.state / "vagrant.lock").open("w") as handle:
        end = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise LabError(f"Another run has used Vagrant in {lab.root} for {timeout} s; try again.") from None
                time.sleep(1)
        yield handle


def ensure_pool(lab: Lab) -> None:
    """A storage pool of this clone's own, so that nothing of it lies among other machines' disks."""
    lab.pool.mkdir(parents=True, exist_ok=True)
    if lab.id not in virsh("pool-list", "--all", "--name").split():
        virsh("pool-define-as", lab.id, "dir", "--target", str(lab.pool))
    if lab.id not in virsh("pool-list", "--name").split():
        virsh("pool-start", lab.id)


def ensure_box_volumes(lab: Lab) -> None:
    """Put the boxes' disks into the pool under the name that Vagrant looks for, whole or not at all.

    Vagrant's own upload, when it is killed, leaves a part that the next call takes for the whole.
    """
    for link in lab.boxes.glob("[!.]*"):
        if not link.is_symlink():
            continue
        name = json.loads(link.read_text())["name"]
        volume = lab.pool / f"{name}_vagrant_box_image_1.0.0_box.img"
        if not volume.exists():
            part = volume.with_suffix(".part")
            with part.open("wb") as handle, tarfile.open(lab.boxes / f"{name}.box") as tar:
                shutil.copyfileobj(tar.extractfile("box.img"), handle, 2**20)
            part.chmod(0o644)
            part.rename(volume)
    virsh("pool-refresh", lab.id)


def start(lab: Lab, inventory: str, names: list[str], timeout: int, lock) -> bool:
    prefix = lab.prefix(inventory)
    if {prefix + name for name in names} <= set(domains(prefix, running=True)):
        return False
    ensure_pool(lab)
    ensure_box_volumes(lab)
    command = [str(lab.root / "lab/vagrant"), "up", "--no-color", *names]
    log = lab.logs / f"vagrant-{lab.slug(inventory)}.log"
    # Vagrant holds the lock as well: should this call be killed, the next one waits until Vagrant has ended.
    run(command, timeout=timeout, log=log, env=lab.vagrant_env(inventory), pass_fds=[lock.fileno()])
    return True


def remove(lab: Lab, inventory: str) -> bool:
    """Through libvirt and not through Vagrant, so that what a killed run left behind goes as well."""
    if not shutil.which("virsh"):
        return False
    found = domains(lab.prefix(inventory))
    for name in found:
        remove_domain(name)
    shutil.rmtree(lab.state / "vagrant" / lab.slug(inventory), ignore_errors=True)
    return bool(found)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "inventory": {"type": "path", "required": True},
            "names": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["up", "absent"], "default": "up"},
            "timeout": {"type": "int", "default": 600},
        },
    )
    given = module.params
    lab = Lab(given["root"])
    try:
        lab.state.mkdir(exist_ok=True)
        with one_at_a_time(lab, given["timeout"]) as lock:
            if given["state"] == "up":
                changed = start(lab, given["inventory"], given["names"], given["timeout"], lock)
            else:
                changed = remove(lab, given["inventory"])
    except (LabError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
