#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make one box from packages; with `build: false` only say whether it is missing.

No loop device and no mount: packages into a folder, the folder into a file system, the file system into a disk image.
What a box is called holds the hash of all that it is made from, so a changed recipe is another box.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import struct
import tarfile
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.procfleet_lab import Lab, LabError, need_space, run

MAKERS = ("library/lab_box.py", "guest.sh", "guest_early.sh")
SECTOR = 512
PARTITION = 2048  # the first sector of the only partition; GRUB lives before it
DISK_MB = 8192  # what the machine sees; the file holds only what is written
GRUB_MODULES = ["biosdisk", "part_msdos", "ext2", "linux", "normal", "configfile"]
GRUB_DIR = Path("/usr/lib/grub/i386-pc")
BUILD_TIME = 900


class Box:
    """One recipe, and the files that come of it."""

    def __init__(self, lab: Lab, name: str, recipe: dict, common: list[str], mirrors: tuple[str, str]) -> None:
        self.lab, self.short, self.recipe, self.mirrors = lab, name, recipe, mirrors
        self.packages = [*common, *recipe["packages"]]
        self.key = lab.key.with_suffix(".pub").read_text().strip()
        made_from = json.dumps([recipe, common, mirrors, self.key], sort_keys=True).encode()
        for maker in MAKERS:
            made_from += (lab.root / "lab" / maker).read_bytes()
        self.name = f"{name}-{hashlib.sha256(made_from).hexdigest()[:10]}"

    @property
    def catalog(self) -> Path:
        """Written last and by rename: a box is there when this file is."""
        return self.lab.boxes / f"{self.name}.json"

    def choose(self) -> bool:
        """Let the short name, by which the Vagrantfile asks, mean this box. Return whether it meant another."""
        link = self.lab.boxes / self.short
        if link.is_symlink() and os.readlink(link) == self.catalog.name:
            return False
        new = link.with_name(f".{self.short}.link")
        with self.turn():  # who waited for the same box asks at the same time
            new.unlink(missing_ok=True)
            new.symlink_to(self.catalog.name)
            new.rename(link)
        return True

    def turn(self) -> contextlib.AbstractContextManager[None]:
        """Let one process at a time work on this box."""
        return lock(self.lab.boxes / f".{self.short}.lock")

    def build(self) -> None:
        self.lab.boxes.mkdir(parents=True, exist_ok=True)
        need_space(self.lab.boxes, self.recipe["space"], f"the box {self.short}")
        with self.turn():
            if self.catalog.exists():
                return
            for dead in self.lab.boxes.glob(f".{self.short}.build-*"):
                shutil.rmtree(dead)
            work = Path(tempfile.mkdtemp(prefix=f".{self.short}.build-", dir=self.lab.boxes))
            try:
                self.fill(work / "root")
                write_disk(work / "root", work / "disk.raw", self.log("disk"))
                self.pack(work)
            finally:
                shutil.rmtree(work, ignore_errors=True)
                give_to_owner(self.lab)

    def log(self, step: str) -> Path:
        return self.lab.logs / f"box-{self.short}-{step}.log"

    def fill(self, root: Path) -> None:
        """Install the packages into a folder."""
        main, security = self.mirrors
        sources = [f"deb {main} {self.recipe['suite']} main"]
        if self.recipe.get("security"):
            sources.append(f"deb {security} {self.recipe['security']} main")
        scripts = self.lab.root / "lab"
        # Its mounts are its own: should it be killed, they go with it, and who clears up does not walk into /dev.
        command = [
            "unshare", "--mount", "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory",
            f"--include={','.join(self.packages)}",
            f"--essential-hook={scripts / 'guest_early.sh'}",
            f"--customize-hook={scripts / 'guest.sh'}",
            *[f"--aptopt={option}" for option in apt_options(self.recipe.get("ignore_age", False))],
            self.recipe["suite"], str(root), *sources,
        ]  # fmt: skip
        lean = "yes" if self.recipe.get("lean") else ""
        env = os.environ | {"LAB_PUBLIC_KEY": self.key, "LAB_LEAN": lean, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        run(command, timeout=BUILD_TIME, log=self.log("packages"), env=env)
        # Empty and yet fresh, it would let Ansible believe that apt's lists had just been fetched.
        os.utime(root / "var/lib/apt/lists", (0, 0))

    def pack(self, work: Path) -> None:
        image, box = work / "box.img", work / "whole.box"
        convert = ["qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd"]
        run([*convert, str(work / "disk.raw"), str(image)], timeout=BUILD_TIME, log=self.log("image"))
        metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": DISK_MB // 1024}
        (work / "metadata.json").write_text(json.dumps(metadata))
        with tarfile.open(box, "w") as tar:
            tar.add(work / "metadata.json", "metadata.json")
            tar.add(image, "box.img")
        final = self.lab.boxes / f"{self.name}.box"
        version = {"version": "1.0.0", "providers": [{"name": "libvirt", "url": final.as_uri()}]}
        catalog = work / "catalog.json"
        catalog.write_text(json.dumps({"name": self.name, "versions": [version]}))
        box.rename(final)
        catalog.rename(self.catalog)


@contextlib.contextmanager
def lock(path: Path):
    """One holder at a time; the kernel lets go when it dies."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def give_to_owner(lab: Lab) -> None:
    """The build ran as root; what it made belongs to the owner of the clone."""
    owner = lab.root.stat()
    for folder in filter(Path.exists, (lab.boxes, lab.logs)):
        for path in [folder, *folder.iterdir()]:
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def apt_options(ignore_age: bool) -> list[str]:
    """This machine's own apt settings that decide whether its mirror can be used."""
    options = ['Acquire::Check-Valid-Until "false"'] if ignore_age else []
    dump = run(["apt-config", "dump"], timeout=60)
    kept = ("Acquire::Check-Valid-Until ", "Acquire::http::Proxy ", "Acquire::https::Proxy ")
    return options + sorted({line.rstrip(";") for line in dump.splitlines() if line.startswith(kept)})


def find_mirrors(main: str, security: str) -> tuple[str, str]:
    """Where this machine's apt gets Debian's packages, unless told otherwise."""
    query = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages"]
    listed = run(query, timeout=60).splitlines()
    known = dict(line.rsplit("|", 1) for line in reversed(listed) if line.count("|") == 2)
    main = main or known.get("Debian|Debian", "")
    security = security or known.get("Debian|Debian-Security", "")
    if not main:
        raise LabError(
            "This machine's apt knows no mirror of Debian (or has never fetched its lists: run `apt-get update`). "
            "Name one as lab_mirror in lab/boxes.yml, or with `-e lab_mirror=…`."
        )
    return first_of_list(main), first_of_list(security or main)


def first_of_list(uri: str) -> str:
    """Cloud images name a file of mirrors, which does not exist inside a box."""
    if not uri.startswith("mirror+file:"):
        return uri
    path = Path("/" + uri.removeprefix("mirror+file:").strip("/"))
    return path.read_text().split()[0]


def write_disk(root: Path, disk: Path, log: Path) -> None:
    """Write a bootable disk: boot sector, GRUB's core, one ext4 partition."""
    with disk.open("wb") as handle:
        handle.truncate(DISK_MB * 2**20)
    blocks = (DISK_MB * 2**20 - PARTITION * SECTOR) // 4096
    # Features that older kernels and GRUB's reader do not know stay off.
    features = ["-O", "^metadata_csum_seed,^orphan_file"]
    where = ["-E", f"offset={PARTITION * SECTOR},root_owner=0:0"]
    command = ["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-J", "size=32", *features, *where]
    run([*command, "-d", str(root), str(disk), str(blocks)], timeout=BUILD_TIME, log=log)
    core = disk.with_name("core.img")
    prefix = "--prefix=(hd0,msdos1)/boot/grub"
    run(["grub-mkimage", "-O", "i386-pc", prefix, "-o", str(core), *GRUB_MODULES], timeout=60)
    if core.stat().st_size > (PARTITION - 1) * SECTOR:
        raise LabError("GRUB's core does not fit before the partition; take a module out of GRUB_MODULES.")
    entry = struct.pack("<B3sB3sII", 0x80, b"\0\0\0", 0x83, b"\0\0\0", PARTITION, blocks * 4096 // SECTOR)
    with disk.open("r+b") as handle:
        handle.write((GRUB_DIR / "boot.img").read_bytes()[:440])
        handle.seek(446)
        handle.write(entry.ljust(64, b"\0") + b"\x55\xaa")
        handle.write(core.read_bytes())


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "recipe": {"type": "dict", "required": True},
            "common": {"type": "list", "elements": "str", "required": True},
            "build": {"type": "bool", "default": True},
            "mirror": {"type": "str", "default": ""},
            "mirror_security": {"type": "str", "default": ""},
        },
    )
    given = module.params
    try:
        mirrors = find_mirrors(given["mirror"], given["mirror_security"])
        box = Box(Lab(given["root"]), given["name"], given["recipe"], given["common"], mirrors)
        missing = not box.catalog.exists()
        if missing and given["build"]:
            box.build()
        changed = box.catalog.exists() and box.choose()
    except (LabError, OSError) as error:
        module.fail_json(msg=f"The box {given['name']} was not made. {error}")
    module.exit_json(changed=changed, missing=missing, box=box.name)


if __name__ == "__main__":
    main()
