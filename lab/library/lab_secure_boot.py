#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make what a machine needs to start under Secure Boot.

That is firmware that trusts this clone's own certificate and no other, and the box's kernel with its initramfs and
command line as one file that is signed with it.

Key and certificate are made once for each clone, under .lab/; they sign kernel modules in the scenario as well.
"""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.procfleet_lab import Lab, LabError, need_space, run

# What the box's own boot loader passes; see guest.sh. The signature covers it.
COMMAND_LINE = "root=/dev/vda1 rw console=ttyS0 loglevel=5"
FIRMWARE_VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd"
OWNER = "c3d9b1a4-6a0e-4f5e-9f0f-70726f63666c"  # whose certificate it is, as firmware asks; any number will do
STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"
PARTITION_OFFSET = 2048 * 512  # where lab_box.py begins the only partition
BOOT_FILE = "EFI/BOOT/BOOTX64.EFI"  # what firmware starts of a disk that it knows nothing else of
# Where the stub expects nothing of its own: section -> its address.
ADDRESSES = {"cmdline": 0x30000, "linux": 0x2000000, "initrd": 0x4000000}
DISK_MB = 3000  # a box's disk, unpacked for a moment
SECONDS = 300


def make_certificate(lab: Lab) -> tuple[Path, Path]:
    """Return key and certificate; they are made if they are not there, the certificate last and by rename."""
    folder = lab.state / "secureboot"
    key, certificate = folder / "db.key", folder / "db.pem"
    if not certificate.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = folder / "db.new"
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "3650"]
        run([*make, "-subj", "/CN=procfleet lab", "-keyout", str(key), "-out", str(new)], timeout=SECONDS)
        new.rename(certificate)
    return key, certificate


def older(path: Path, certificate: Path) -> bool:
    """Whether a file is not there, or was made for a certificate that came before this one."""
    return not path.exists() or path.stat().st_mtime < certificate.stat().st_mtime


def make_variables(lab: Lab, certificate: Path, target: Path) -> None:
    """Write a machine's firmware variables: the certificate as PK, KEK and db, and Secure Boot turned on."""
    tool = lab.root / ".venv/bin/virt-fw-vars"
    if not tool.exists():
        raise LabError(f"{tool} is missing: run `make lab` first.")
    enrol = [word for option in ("--set-pk", "--add-kek", "--add-db") for word in (option, OWNER, str(certificate))]
    new = target.with_suffix(".new")
    run([str(tool), "--input", FIRMWARE_VARIABLES, "--output", str(new), *enrol, "--sb"], timeout=SECONDS)
    new.rename(target)


def make_kernel(box: Path, signer: tuple[Path, Path], target: Path) -> None:
    """Write the kernel of a box's disk, its initramfs and its command line as one signed EFI program."""
    target.parent.mkdir(parents=True, exist_ok=True)
    need_space(box.parent, DISK_MB, f"the disk of {box.name}")
    with tempfile.TemporaryDirectory(prefix=".disk-", dir=box.parent) as name:
        work = Path(name)
        with tarfile.open(box) as tar, (work / "box.img").open("wb") as image:
            shutil.copyfileobj(tar.extractfile("box.img"), image, 2**20)
        run(["qemu-img", "convert", "-O", "raw", str(work / "box.img"), str(work / "disk.raw")], timeout=SECONDS)
        take(work / "disk.raw", "/vmlinuz", work / "linux")
        take(work / "disk.raw", "/initrd.img", work / "initrd")
        (work / "cmdline").write_text(COMMAND_LINE)
        sections = []
        for section, address in ADDRESSES.items():
            sections += ["--add-section", f".{section}={work / section}"]
            sections += ["--change-section-vma", f".{section}={address:#x}"]
        run(["objcopy", *sections, STUB, str(work / "unsigned.efi")], timeout=SECONDS)
        key, certificate = map(str, signer)
        sign = ["sbsign", "--key", key, "--cert", certificate, "--output", str(work / "signed.efi")]
        run([*sign, str(work / "unsigned.efi")], timeout=SECONDS)
        shutil.copy(work / "signed.efi", target.with_suffix(".new"))
        target.with_suffix(".new").rename(target)


def take(disk: Path, link: str, target: Path) -> None:
    """Copy out of a disk the file that a link in its root points at, without mounting."""
    files = f"{disk}?offset={PARTITION_OFFSET}"
    found = re.search(r'link dest: "(.+)"', run(["debugfs", "-R", f"stat {link}", files], timeout=SECONDS))
    if not found:
        raise LabError(f"The box's disk has no link {link}, by which its kernel would be found.")
    run(["debugfs", "-R", f"dump /{found.group(1)} {target}", files], timeout=SECONDS)
    if not target.exists() or not target.stat().st_size:
        raise LabError(f"{found.group(1)} could not be read from the box's disk.")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "inventory": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "box": {"type": "str", "required": True},
        },
    )
    given = module.params
    lab = Lab(given["root"])
    try:
        lab.pool.mkdir(parents=True, exist_ok=True)
        signer = make_certificate(lab)
        box = (lab.boxes / given["box"]).resolve().with_suffix(".box")
        kernel = lab.pool / f"{box.stem}.esp" / BOOT_FILE
        variables = lab.pool / f"{lab.prefix(given['inventory'])}{given['name']}.nvram"
        missing = [path for path in (kernel, variables) if older(path, signer[1])]
        if kernel in missing:
            make_kernel(box, signer, kernel)
        if variables in missing:
            make_variables(lab, signer[1], variables)
    except (LabError, OSError, KeyError, tarfile.TarError) as error:
        module.fail_json(msg=f"{given['name']} cannot be started under Secure Boot. {error}")
    module.exit_json(changed=bool(missing))


if __name__ == "__main__":
    main()
