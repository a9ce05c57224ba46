# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of the lab share: where its things live, what they are called, and how commands are run.

Knows nothing of Ansible, so that `lab/vagrant` and `lab/clean.py` use it as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

URI = "qemu:///session"
SYSTEM_SOCKETS = ("/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock")


class LabError(Exception):
    """Something about the lab failed; the text says what, why and what to do next."""


class Lab:
    """Names and places of one clone's lab. Two clones on one machine never share any of them."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).resolve()
        self.state = self.root / ".lab"
        self.boxes = self.state / "boxes"
        self.logs = self.state / "log"
        self.key = self.state / "ssh" / "id_ed25519"
        self.libvirtd_pid = self.state / "libvirtd.pid"
        self.id = "procfleet-" + hashlib.sha256(str(self.root).encode()).hexdigest()[:6]

    @property
    def pool(self) -> Path:
        """The folder of the machines' disks.

        A system libvirt runs QEMU as a user who cannot enter /root or a home, so its disks go where its own go.
        """
        if os.getuid() == 0 and not self.own_libvirtd() and libvirt_answers():
            return Path("/var/lib/libvirt/images") / self.id
        return self.state / "pool"

    def prefix(self, inventory: str | Path) -> str:
        """What the domain names of one inventory file begin with."""
        return f"{self.id}-{self.slug(inventory)}_"

    def slug(self, inventory: str | Path) -> str:
        path = Path(inventory).resolve()
        name = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        return re.sub(r"[^A-Za-z0-9]+", "-", str(name.with_suffix(""))).strip("-")

    def own_libvirtd(self) -> int | None:
        """The pid of the libvirtd that this lab started, when it still runs."""
        try:
            pid = int(self.libvirtd_pid.read_text())
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError):
            return None
        return pid if name == "libvirtd" else None

    def vagrant_env(self, inventory: str | Path) -> dict[str, str]:
        """The environment in which Vagrant works on one inventory file and keeps everything under .lab/."""
        return os.environ | {
            "LAB_INVENTORY": str(Path(inventory).resolve()),
            "LAB_PREFIX": self.prefix(inventory),
            "LAB_POOL": self.id,
            "LAB_DISKS": str(self.pool),
            "LAB_STATE": str(self.state),
            "VAGRANT_HOME": str(self.state / "vagrant.d"),
            "VAGRANT_DOTFILE_PATH": str(self.state / "vagrant" / self.slug(inventory)),
            "VAGRANT_CWD": str(self.root),
            "VAGRANT_DEFAULT_PROVIDER": "libvirt",
            # Vagrant must not call home for news of itself.
            "VAGRANT_CHECKPOINT_DISABLE": "1",
        }


def libvirt_answers() -> bool:
    """Whether a libvirt for root listens (systemd's socket of a daemon that sleeps counts)."""
    for path in SYSTEM_SOCKETS:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            try:
                client.connect(path)
            except OSError:
                continue
            return True
    return False


def run(argv: list[str], *, timeout: int, log: Path | None = None, **options) -> str:
    """Run a command in its own process group; at the time limit the whole group ends.

    With `log` the output goes to that file, of which an error shows the end.
    """
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"$ {' '.join(argv)}\n")
    sink = log.open("a") if log else subprocess.PIPE
    # The commands' own words are compared with and shown to people: no translations.
    env = options.pop("env", os.environ) | {"LC_ALL": "C"}
    process = subprocess.Popen(
        argv, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
        start_new_session=True, env=env, **options,
    )  # fmt: skip
    why = ""
    try:
        output = process.communicate(timeout=timeout)[0] or ""
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output = process.communicate()[0] or ""
        why = f" within {timeout} s"
    if log:
        output = log.read_text(errors="replace")
    if process.returncode:
        tail = "\n".join(output.strip().splitlines()[-12:])
        where = f"\nThe whole log is {log}" if log else ""
        raise LabError(f"`{' '.join(argv[:3])} …` did not succeed{why}:\n{tail}{where}")
    return output


def virsh(*args: str, timeout: int = 60) -> str:
    return run(["virsh", "-c", URI, "-q", *args], timeout=timeout)


def domains(prefix: str, *, running: bool = False) -> list[str]:
    listed = virsh("list", "--name", "--state-running" if running else "--all").split()
    return [name for name in listed if name.startswith(prefix)]


def remove_domain(name: str) -> None:
    """Take a machine away, running or not, with its disk; the box it stands on stays."""
    if name in domains(name, running=True):
        virsh("destroy", name)
    virsh("undefine", name, "--nvram", "--managed-save", "--snapshots-metadata", "--remove-all-storage")


def need_space(folder: Path, megabytes: int, what: str) -> None:
    there = next(parent for parent in [folder, *folder.parents] if parent.exists())
    free = shutil.disk_usage(there).free // 2**20
    if free < megabytes:
        raise LabError(
            f"No disk space for {what}: it needs {megabytes} MB under {folder}, where {free} MB are free. "
            "Free some space there, or put the clone on a larger disk."
        )


def port_owner(port: int) -> str:
    """Who listens on a TCP port of this machine, as far as this user may know."""
    inode, uid = _listener(port)
    for fd in _open_files() if inode else ():
        try:
            if os.readlink(fd) != f"socket:[{inode}]":
                continue
            words = (fd.parents[1] / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        guest = next((word for word in words if word.startswith("guest=")), "")
        return f"process {fd.parts[2]} ({Path(words[0]).name} {guest.split(',')[0] or ' '.join(words[1:4])})"
    if uid is None:
        return "an unknown process"
    try:
        return f"a process of the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"a process of the user with the uid {uid}"


def _open_files() -> Iterator[Path]:
    """Every descriptor of every process that may be looked at; processes come and go meanwhile."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield from list((process / "fd").iterdir())


def _listener(port: int) -> tuple[str, int | None]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            # The fourth column is the state, 0A is LISTEN; the eighth is the uid, the tenth the inode.
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                return fields[9], int(fields[7])
    return "", None
