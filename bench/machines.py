# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The bench's machines: made by the lab once, then put back into a kept state before each turn.

A kept state is a snapshot with memory and disk: the machine goes on as it was at that moment, in a second or two. Only
the machines of the turn run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "lab/module_utils"))
from procfleet_lab import Lab, domains, virsh  # noqa: E402

INVENTORY = ROOT / "bench/inventory.yml"
PLAYBOOK = ROOT / ".venv/bin/ansible-playbook"
FRESH = "fresh"
UP, ANSWER, CALL = 1800, 120, 120  # seconds: for all machines, until one answers, for one look
# sshd tells its sessions, which are counted; each process has addresses of its own, as on any host, and unlike on the
# lab's other machines (lab/guest.sh); and a machine that has not done with booting is not kept.
PREPARE = """
echo 2 > /proc/sys/kernel/randomize_va_space
echo LogLevel VERBOSE > /etc/ssh/sshd_config.d/bench.conf
systemctl reload ssh.service
systemctl is-system-running --wait >/dev/null || true
"""
CLOCK = "import time; time.clock_settime(time.CLOCK_REALTIME, {now})"
SSH_CONFIG = """Host {name}
  HostName 127.0.0.1
  Port {port}
  User vagrant
  IdentityFile {key}
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
  ServerAliveInterval 10
  ServerAliveCountMax 6
"""
Result = TypeVar("Result")


class BenchError(Exception):
    """The bench itself is wrong, or a contestant has not done its work: no row comes of it."""


class Machines:
    """All machines of the inventory."""

    def __init__(self, work: Path) -> None:
        """Keep ssh's settings and sockets in this folder."""
        self.lab = Lab(ROOT)
        self.prefix = self.lab.prefix(INVENTORY)
        self.ports = ports(yaml.safe_load(INVENTORY.read_text(encoding="utf-8"))["lab"])
        self.work = work
        self.ssh_config = work / "ssh_config"
        work.mkdir(parents=True, exist_ok=True)
        texts = [SSH_CONFIG.format(name=name, port=port, key=self.lab.key) for name, port in self.ports.items()]
        self.ssh_config.write_text("".join(texts), encoding="utf-8")

    def make(self, names: Iterable[str]) -> None:
        """Make those that are not there yet, and keep each as it is then."""
        there = set(domains(self.prefix))
        new = [name for name in names if self.prefix + name not in there or not self.kept([name], FRESH)]
        if not new:
            return
        self.stop(set(self.ports))
        self._lab("up.yml", "--limit", ",".join(new))
        together(lambda name: self.call(name, PREPARE), new)
        self.keep(new, FRESH)
        self.stop(new)

    def _lab(self, playbook: str, *options: str) -> None:
        command = [str(PLAYBOOK), "-i", str(INVENTORY), str(ROOT / "lab" / playbook), *options]
        with (self.work / "lab.log").open("ab") as log:
            done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, timeout=UP, check=False)
        if done.returncode:
            raise BenchError(f"lab/{playbook} failed; {self.work / 'lab.log'} says why")

    def stop(self, names: Iterable[str]) -> None:
        """End machines at once: what they hold is not needed, or was kept."""
        running = set(domains(self.prefix, running=True))
        for name in names:
            if self.prefix + name in running:
                self.hang_up(name)
                virsh("destroy", self.prefix + name)

    def kept(self, names: Iterable[str], state: str) -> bool:
        """Whether all of the machines can be put back into a state."""
        return all(state in virsh("snapshot-list", self.prefix + name, "--name").split() for name in names)

    def keep(self, names: Iterable[str], state: str) -> None:
        """Keep the state that the machines are in, instead of an earlier one of that name."""
        for name in names:
            self.hang_up(name)
            if self.kept([name], state):
                virsh("snapshot-delete", self.prefix + name, state)
            virsh("snapshot-create-as", self.prefix + name, state, timeout=300)

    def put_back(self, states: dict[str, str]) -> None:
        """Put each machine into its state, stop all others, and wait until each answers.

        That first call is the same for every contestant: it sets the clock, and what all need (sshd, sudo, Python) has
        run once, as on any machine that is not a second old. What making and keeping machines has left to be written
        is written by then: it would take the first turn's time.
        """
        self.stop(set(self.ports))
        os.sync()
        for name, state in states.items():
            virsh("snapshot-revert", self.prefix + name, state, "--running", timeout=300)
        together(self._wake, states)

    def _wake(self, name: str) -> None:
        deadline = time.monotonic() + ANSWER
        while True:
            try:
                self.call(name, f"python3 -c '{CLOCK.format(now=time.time())}'", seconds=20)
                return
            except BenchError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def call(self, name: str, script: str, seconds: float = CALL, given: str = "") -> str:
        """Return what a root's shell on a machine prints; one connection serves all calls."""
        command = [*self._ssh(), "-o", "ControlMaster=auto", "-o", "ControlPersist=yes", name, "sudo", "sh", "-c"]
        try:
            done = subprocess.run(
                [*command, shlex.quote(script)],
                input=given,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BenchError(f"{name} has not answered within {seconds:.0f} s") from None
        if done.returncode:
            raise BenchError(f"{name} answered {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def hang_up(self, name: str) -> None:
        """End the connection."""
        command = [*self._ssh(), "-O", "exit", name]
        subprocess.run(command, capture_output=True, timeout=CALL, check=False)

    def _ssh(self) -> list[str]:
        return ["ssh", "-F", str(self.ssh_config), "-o", f"ControlPath={self.work}/%n.socket"]


@contextlib.contextmanager
def alone(work: Path) -> Iterator[None]:
    """Keep a second run of this clone out: it would stop the first one's machines.

    :raises BenchError: when there is one already.
    """
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError("another run is under way in this clone") from None
        yield


def ports(group: dict[str, Any]) -> dict[str, int]:
    """Return name -> port of a group's hosts and its children's."""
    found = {name: own["ansible_port"] for name, own in (group.get("hosts") or {}).items()}
    for child in (group.get("children") or {}).values():
        found |= ports(child)
    return found


def together(work: Callable[[str], Result], names: Iterable[str]) -> dict[str, Result]:
    """Return what came of each name, all at the same time."""
    names = list(names)
    with ThreadPoolExecutor(max(len(names), 1)) as pool:
        return dict(zip(names, pool.map(work, names), strict=True))
