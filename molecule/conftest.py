# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the tests of all scenarios share: run a playbook as a user would, and look at what it left."""

from __future__ import annotations

import base64
import functools
import io
import json
import os
import re
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.procfleet.procfs.tests.processes import kill_family
from testinfra.utils import ansible_runner

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 900
# What changes by itself on a running machine, or only remembers that somebody was there.
_RESTLESS = ("/proc", "/sys", "/run", "/dev", "/tmp", "/var/log", "/var/lib/systemd", "/var/cache", "/var/lib/apt",
             "/home/vagrant", "/root/.ansible", "/var/tmp")  # fmt: skip
_LIST = "find / -xdev \\( {skip} \\) -prune -o ! -type d -printf '%p %s %m %u %T@\\n' | sort"

# Where look.py lies on a machine; the home of who comes in by SSH.
LOOK = "/home/vagrant/look"

_read_inventory = ansible_runner.get_ansible_inventory


def _as_the_lab_is_reached(*arguments: Any) -> dict[str, Any]:
    """Testinfra takes an inventory's variables as they are written; our key's path is a template.

    And unless it is told where, it keeps no connection: without KVM, each costs a machine a second of its CPU.
    """
    inventory = _read_inventory(*arguments)
    connections = Path("~/.ansible/cp").expanduser()
    connections.mkdir(mode=0o700, parents=True, exist_ok=True)
    for variables in inventory["_meta"]["hostvars"].values():
        variables["ansible_ssh_private_key_file"] = str(ROOT / ".lab/ssh/id_ed25519")
        variables["ansible_ssh_extra_args"] = f"-o ControlPath={connections}/tests-{variables['ansible_port']}"
    return inventory


ansible_runner.get_ansible_inventory = _as_the_lab_is_reached


class Play(NamedTuple):
    """What came of a playbook: its status, all that it printed, and the bytes that each remote call was given."""

    status: int
    output: str
    sent: tuple[int, ...] = ()

    def count(self, key: str) -> int:
        """Return the sum of `changed`, `failed`, … over all hosts of the recap; no recap is an error."""
        recap = self.output.rpartition("PLAY RECAP")[2]
        found = re.findall(rf"\b{key}=(\d+)", recap)
        assert found, f"no recap in:\n{self.output}"
        return sum(map(int, found))

    def of(self, host: str) -> dict[str, int]:
        """Return one host's counts in the recap; a host that is not in it is an error."""
        recap = self.output.rpartition("PLAY RECAP")[2]
        line = re.search(rf"^{re.escape(host)}\s+: (.+)$", recap, re.MULTILINE)
        assert line, f"no {host} in the recap of:\n{self.output}"
        return {key: int(number) for key, number in re.findall(r"(\w+)=(\d+)", line.group(1))}

    def flat(self) -> str:
        """Return the output with its line breaks folded, so that a sentence can be looked for."""
        return " ".join(self.output.split())


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


def _command(playbook: str, *options: str, **variables: Any) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs a playbook on this scenario's machines, and its environment."""
    inventory = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "inventory"
    command = ["ansible-playbook", "-i", str(inventory), playbook, *options]
    if variables:
        command += ["-e", json.dumps(variables)]
    # Molecule asks for colours; here words are looked for.
    return command, {**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"}


@pytest.fixture(scope="session")
def play() -> Callable[..., Play]:
    """Return a function that runs a playbook of the repository on this scenario's machines."""

    def run(playbook: str, *options: str, **variables: Any) -> Play:
        command, plain = _command(playbook, *options, **variables)
        with tempfile.TemporaryDirectory() as kept:
            counted = {**plain, "ANSIBLE_SSH_EXECUTABLE": str(ROOT / "tests/counted_ssh.sh"), "SENT": kept}
            done = subprocess.run(
                command, cwd=ROOT, env=counted, capture_output=True, text=True, timeout=SECONDS, check=False
            )
            sent = tuple(path.stat().st_size for path in Path(kept).iterdir())
        return Play(done.returncode, done.stdout + done.stderr, sent)

    return run


class Running(NamedTuple):
    """A playbook that runs beside the test."""

    process: subprocess.Popen[str]

    def kill(self) -> None:
        """End it and all that it has started, as a power cut at the controller would."""
        kill_family(self.process.pid)
        self.process.communicate()

    def wait(self) -> Play:
        """Wait for its end."""
        output, _none = self.process.communicate(timeout=SECONDS)
        return Play(self.process.returncode, output)


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Return a function that starts a playbook and does not wait for it; what still runs at the end is killed."""
    begun: list[Running] = []

    def run(playbook: str, *options: str, **variables: Any) -> Running:
        command, plain = _command(playbook, *options, **variables)
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=plain,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        begun.append(Running(process))
        return begun[-1]

    yield run
    for one in begun:
        if one.process.poll() is None:
            one.kill()


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Return a function that waits until something is true, and fails when it is not in time."""

    def until(true: Callable[[], bool], seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while not _so(true):
            assert time.monotonic() < deadline, f"not so within {seconds} s"
            time.sleep(2)

    return until


def _so(true: Callable[[], bool]) -> bool:
    """Return whether it is true; where a host does not answer yet, it is not.

    testinfra raises the one where a command did not come to its end, the other where Ansible says `unreachable`.
    """
    try:
        return true()
    except (RuntimeError, AssertionError):
        return False


@pytest.fixture
def files(host: Any) -> Callable[[], set[str]]:
    """Return a function that lists every file that stays put: path, size, mode, owner, time of change."""
    skip = " -o ".join(f"-path {path}" for path in _RESTLESS)

    def listing() -> set[str]:
        with host.sudo():
            found = set(host.check_output(_LIST.format(skip=skip)).splitlines())
        assert len(found) > 1000, "the listing itself failed"
        return found

    return listing


@pytest.fixture(scope="session")
def look() -> Callable[..., dict[str, Any]]:
    """Return a function that asks a machine what kmod_info would say of modules there; see tests/guest/look.py."""
    settled = set()

    def ask(host: Any, *names: str, release: str = "") -> dict[str, Any]:
        if host.backend.host not in settled:
            host.check_output("rm -rf %s && mkdir %s && echo %s | base64 -d | tar -xzC %s", LOOK, LOOK, _looker(), LOOK)
            settled.add(host.backend.host)
        with host.sudo():
            asked = json.dumps({"modules": names, "release": release})
            return dict(json.loads(host.check_output("python3 %s %s", f"{LOOK}/look.py", asked)))

    return ask


def _looker() -> str:
    """Return what look.py needs on a machine, as an archive in base64."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(ROOT / "tests/guest/look.py", "look.py")
        for path in [ROOT / "plugins/modules/kmod_info.py", *ROOT.glob("plugins/module_utils/_*.py")]:
            tar.add(path, f"ansible_collections/procfleet/procfs/{path.relative_to(ROOT)}")
    return base64.b64encode(packed.getvalue()).decode()


@pytest.fixture
def info(host: Any, look: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return a function that looks at the modules of the test's machine."""
    return functools.partial(look, host)


@pytest.fixture
def reboot(host: Any, wait_until: Callable[..., None]) -> Callable[[], None]:
    """Return a function that reboots the machine and comes back when it answers again."""

    def boot_id() -> str:
        return str(host.check_output("cat /proc/sys/kernel/random/boot_id"))

    def restart() -> None:
        before = boot_id()
        with host.sudo():
            host.check_output("systemctl --no-block reboot")
        wait_until(lambda: boot_id() != before)

    return restart
