# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What more hosts cost the controller: `make bench-growth`, rows into bench/growth.csv; BENCH_HOSTS says how many.

One real sshd on this machine's loopback stands in for all hosts: each has its own name, connection and processes, but
all are this machine. What runs is deploy.yml, whole, for modules that are to be absent, as they are here: each host is
looked at, planned for, asserted, judged by its wave's gate and reported, and nothing is written anywhere. What is
measured is the controller's CPU and memory, and the remote calls; kernels are not. `BENCH_SETTINGS=all` tries other
settings as well, in turns, and BENCH_ROUNDS says how often; the page has the medians of a day.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..tests.processes import descendants
from .contestants import BIN
from .figures import AS_IT_IS
from .machines import ROOT, BenchError
from .rows import Growth, append
from .run import HALT, METER, say
from .stamp import machine_size, now

RESULTS = ROOT / "bench/growth.csv"
SIZES, MOST = (10, 100), 1000
SECONDS = 3  # for each host, at most
STATE = Path("/var/lib/procfleet")
TICK = 0.1  # seconds between two looks at memory
SSHD = """ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile {folder}/pid
LogLevel VERBOSE
MaxStartups 2000
UsePAM no
StrictModes no
PasswordAuthentication no
"""
SSH = "-o ServerAliveInterval=15 -o ServerAliveCountMax=12 -C"
PLAYS = {
    "ours": [str(BIN / "ansible-playbook"), str(ROOT / "deploy.yml"), "-e", "kmod_state=absent"],
    "ping": [str(BIN / "ansible"), "all", "-m", "ansible.builtin.ping"],
}


class Setting(NamedTuple):
    """What is beside ansible.cfg's own: the environment that says so, and a playbook that runs before ours."""

    environment: dict[str, str]
    before: tuple[str, ...] = ()


SETTINGS = {
    AS_IT_IS: Setting({}),
    "forks 5": Setting({"ANSIBLE_FORKS": "5"}),
    "forks 10": Setting({"ANSIBLE_FORKS": "10"}),
    "forks 50": Setting({"ANSIBLE_FORKS": "50"}),
    "no pipelining": Setting({"ANSIBLE_PIPELINING": "false"}),
    "no ControlPersist": Setting({"ANSIBLE_SSH_ARGS": f"{SSH} -o ControlMaster=no"}),
    "no compression": Setting({"ANSIBLE_SSH_ARGS": f"{SSH[:-3]} -o ControlMaster=auto -o ControlPersist=120s"}),
    "facts gathered": Setting({}, (str(ROOT / "bench/facts.yml"),)),
}


def sizes(environment: Mapping[str, str]) -> list[int]:
    """Return how many hosts BENCH_HOSTS asks for.

    :raises ValueError: when it asks for something else than numbers from 1 to MOST.
    """
    words = environment.get("BENCH_HOSTS", "").replace(",", " ").split()
    if any(not word.isdecimal() or not 1 <= int(word) <= MOST for word in words):
        raise ValueError(f"BENCH_HOSTS is {' '.join(words)}: numbers from 1 to {MOST} are wanted")
    return sorted(map(int, words)) or list(SIZES)


def rounds(environment: Mapping[str, str]) -> int:
    """Return how often all of it is measured, once where nothing is said.

    :raises ValueError: when BENCH_ROUNDS is something else than a number from 1 to 99.
    """
    asked = environment.get("BENCH_ROUNDS", "") or "1"
    if not re.fullmatch("[1-9][0-9]?", asked):
        raise ValueError(f"BENCH_ROUNDS is {asked}: a number from 1 to 99 is wanted")
    return int(asked)


def settings(environment: Mapping[str, str]) -> dict[str, Setting]:
    """Return the settings to try.

    :raises ValueError: when BENCH_SETTINGS is neither empty nor all.
    """
    asked = environment.get("BENCH_SETTINGS", "")
    if asked not in ("", "all"):
        raise ValueError(f"BENCH_SETTINGS is {asked}: it is empty or all")
    return SETTINGS if asked else {AS_IT_IS: Setting({})}


def command(play: str, setting: Setting) -> list[str]:
    """Return what is run, but for the inventory; a ping has no playbook that another could go before."""
    program, *rest = PLAYS[play]
    return [program, *(setting.before if play == "ours" else ()), *rest]


@contextlib.contextmanager
def server(folder: Path) -> Iterator[int]:
    """Run an sshd of our own on a free port of 127.0.0.1 that lets this user in; give the port, end it afterwards."""
    for key in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(command, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "config").write_text(SSHD.format(port=port, folder=folder), encoding="utf-8")
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        raise BenchError("sshd is not installed")
    # It will not start without its folder for unprivileged children.
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    command = [program, "-D", "-f", str(folder / "config"), "-E", str(folder / "log")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _try in range(50):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise BenchError("sshd does not answer")


def inventory(folder: Path, port: int, hosts: int) -> Path:
    """Write an inventory of stand-ins, and return it: to ssh each is another host, so each has its own connection."""
    variables = {
        "ansible_port": port,
        "ansible_ssh_private_key_file": str(folder / "user"),
        "ansible_ssh_common_args": "-o HostName=127.0.0.1 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
        "-o IdentitiesOnly=yes -o LogLevel=ERROR",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_become": False,
        "kmod_store": str(folder / "store"),
    }
    names: dict[str, Any] = {f"host{number:04}": {} for number in range(hosts)}
    path = folder / f"{hosts}.yml"
    path.write_text(json.dumps({"all": {"hosts": names, "vars": variables}}), encoding="utf-8")
    return path


def measure(folder: Path, port: int, hosts: int, play: str, setting: Setting) -> tuple[float, ...]:
    """Return Growth's figures, from wall seconds on."""
    environment = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        **setting.environment,
    }
    asked = [*command(play, setting), "-i", str(inventory(folder, port, hosts))]
    before, seconds = sessions(folder), 120 + SECONDS * hosts
    process = subprocess.Popen(
        [sys.executable, str(METER), str(seconds), str(folder / "out"), *asked],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
    )
    peak = Peak(process.pid)
    peak.start()
    output, _none = process.communicate(timeout=seconds + HALT)
    peak.over.set()
    peak.join()
    took = json.loads(output)
    if took["status"]:
        raise BenchError(f"{play} ended with {took['status']}: {(folder / 'out').read_text()[-2000:]}")
    return took["wall"], took["cpu"], took["largest"], peak.mebibytes, (sessions(folder) - before) / hosts


def sessions(folder: Path) -> int:
    """Return how many sessions the sshd has started."""
    return len(re.findall(r"^Starting session", (folder / "log").read_text(), re.MULTILINE))


class Peak(threading.Thread):
    """Looks at the memory of all that a process has started, until it has ended; shared pages count once."""

    def __init__(self, pid: int) -> None:
        """Look at nothing yet."""
        super().__init__(daemon=True)
        self.pid, self.mebibytes, self.over = pid, 0.0, threading.Event()

    def run(self) -> None:
        """Look again and again."""
        while not self.over.wait(TICK):
            self.mebibytes = max(self.mebibytes, sum(map(proportional, descendants(self.pid))) / 1024)


def proportional(pid: int) -> int:
    """Return a process's share of memory in KiB, 0 when it has gone."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return sum(map(int, re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)))
    return 0


def main() -> int:
    """Measure and write the rows; return the exit status."""
    try:
        asked, often, tried = sizes(os.environ), rounds(os.environ), settings(os.environ)
    except ValueError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if STATE.exists():
        print(f"bench: {STATE} is there; the modules on this machine would be removed", file=sys.stderr)
        return 2
    path = Path(os.environ.get("BENCH_RESULTS") or RESULTS)
    with tempfile.TemporaryDirectory(prefix="procfleet-growth-") as name, server(Path(name)) as port:
        for hosts, _round, label, play in itertools.product(asked, range(often), tried, PLAYS):
            took = measure(Path(name), port, hosts, play, tried[label])
            row = Growth(now(), machine_size(), play, label, hosts, *(round(value, 2) for value in took))
            append(path, row)
            say(" ".join(f"{key}={value}" for key, value in row._asdict().items() if key != "size"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
