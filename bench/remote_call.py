# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the time of one remote call goes: `make bench-call`, on the bench's machine `ready`, into bench/call.txt.

Each step is the median of some tries, less that of the step before it: a session on an open connection, sudo, the start
of Python; then the module itself, as Ansible sends it: its imports by Python's own account, the work, and what is left,
which is unpacking and the answer. Python's account has its own price: what is left may come out a little below nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

from .contestants import BIN
from .machines import FRESH, ROOT, BenchError, Machines, alone
from .run import WORK, say
from .stamp import machine_size, now

PROFILE = ROOT / "bench/call.txt"
TRIES = 5
SECONDS = 300
HOST = "ready"
LISTED = 12  # of the slowest imports
ENTRIES = [
    {"path": "/proc/version", "type": "file", "mode": "0444", "owner": "root", "contains": "Linux version"},
    {"path": "/proc/sys/kernel/ostype", "equals": "Linux\n", "lines": 1},
]
# The machine has none of our modules, and of what does not run only that is asserted.
GONE = [{"path": "/proc/myinfo", "state": "gone"}, {"path": "/sys/module/proc_demo", "state": "gone"}]
MODULES = {
    "ansible.builtin.ping": {"data": "pong"},
    "procfleet.procfs.kmod_info": {
        "modules": ["proc_demo", "simpledriver", "procDriver"],
        "kconfig": ["CONFIG_PROC_FS"],
        "expected": {
            "modules": [{"name": "proc_demo", "sources": {}, "depends": [], "entries": GONE}],
            "flags": [],
            "certificate": "",
        },
    },
    "procfleet.procfs.proc_assert": {"entries": ENTRIES},
}
# In a name of an import, whose it is.
OWNERS = (("ours", "ansible_collections."), ("Ansible's", "ansible."), ("Python's", ""))


def main() -> int:
    """Measure, unless another run is under way, and keep what was found; return the exit status."""
    lines = [f"{now()[:10]}, {machine_size()}"]
    try:
        with alone(WORK):
            for line in profile():
                say(line)
                lines.append(line)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    PROFILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def profile() -> Iterator[str]:
    """Yield lines that say what each module's call is made of."""
    machines = Machines(WORK / "ssh")
    machines.make([HOST])
    machines.put_back({HOST: FRESH})
    session = timed(lambda: bare(machines, "true"))
    sudo = timed(lambda: bare(machines, "sudo true"))
    start = timed(lambda: bare(machines, "sudo python3 -c pass"))
    yield f"connection {connection(machines):.2f} s; then for each call:"
    yield f"session {session:.2f}, sudo {sudo - session:.2f}, Python's start {start - sudo:.2f} s"
    for name, arguments in MODULES.items():
        path = keep(machines, name, arguments)
        whole = timed(lambda path=path: machines.call(HOST, f"python3 {path} >/dev/null", SECONDS))
        report = machines.call(
            HOST, f"python3 -X importtime {path} 2>&1 >/dev/null; cat {path} | wc -c; gzip -c {path} | wc -c"
        )
        answer = json.loads(machines.call(HOST, f"python3 {path}"))
        *lines, size, packed = report.splitlines()
        times = imports(lines)
        shares = {
            owner: sum(seconds for one, seconds in times.items() if owner_of(one) == owner) for owner, _ in OWNERS
        }
        work = answer.get("seconds", 0.0)
        rest = whole - start - sum(shares.values()) - work
        yield ""
        yield f"{name}: {whole:.2f} s in all, {int(size) // 1024} KiB sent ({int(packed) // 1024} KiB compressed)"
        said = ", ".join(f"{owner} {seconds:.2f}" for owner, seconds in shares.items())
        yield f"imports: {said}; work {work:.2f} (0 where it does not say); unpacking and the rest {rest:.2f} s"
        for one, seconds in sorted(times.items(), key=lambda pair: -pair[1])[:LISTED]:
            yield f"  {seconds * 1000:7.0f} ms  {one}"
    machines.stop([HOST])


def timed(work: Callable[[], object]) -> float:
    """Return the median seconds of some tries; the one that warms up does not count."""
    work()
    found = []
    for _try in range(TRIES):
        started = time.monotonic()
        work()
        found.append(time.monotonic() - started)
    return median(found)


def bare(machines: Machines, command: str) -> None:
    """Run a command on the open connection, with nothing around it."""
    words = ["ssh", "-F", str(machines.ssh_config), "-o", f"ControlPath={machines.work}/%n.socket", HOST, command]
    subprocess.run(words, check=True, capture_output=True, timeout=SECONDS)


def connection(machines: Machines) -> float:
    """Return the seconds of a command on a connection of its own, less those on an open one."""
    words = ["ssh", "-F", str(machines.ssh_config), HOST, "true"]
    alone = timed(lambda: subprocess.run(words, check=True, capture_output=True, timeout=SECONDS))
    return alone - timed(lambda: bare(machines, "true"))


def keep(machines: Machines, module: str, arguments: dict[str, object]) -> str:
    """Have Ansible leave on the machine what it sends for a module, and return its path there."""
    machines.call(HOST, "rm -rf /home/vagrant/.ansible/tmp")
    inventory = WORK / "call.json"
    options = {"ansible_port": machines.ports[HOST], "ansible_ssh_private_key_file": str(machines.lab.key)}
    common = {"ansible_host": "127.0.0.1", "ansible_user": "vagrant", "ansible_python_interpreter": "/usr/bin/python3"}
    inventory.write_text(json.dumps({"all": {"hosts": {HOST: {**options, **common}}}}), encoding="utf-8")
    command = [str(BIN / "ansible"), "-i", str(inventory), HOST, "-b", "-m", module, "-a", json.dumps(arguments)]
    environment = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_KEEP_REMOTE_FILES": "true",
        "ANSIBLE_PIPELINING": "false",
        "ANSIBLE_HOST_KEY_CHECKING": "false",
    }
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"{module}: {done.stdout}{done.stderr}")
    return machines.call(HOST, "ls /home/vagrant/.ansible/tmp/*/AnsiballZ_*.py").split()[-1]


def imports(lines: list[str]) -> dict[str, float]:
    """Return import -> its own seconds, without what it imports in turn, from Python's account."""
    found = (re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)", line) for line in lines)
    return {match[2]: int(match[1]) / 1e6 for match in found if match}


def owner_of(name: str) -> str:
    """Return whose an import is."""
    return next(owner for owner, prefix in OWNERS if name.startswith(prefix))


if __name__ == "__main__":
    sys.exit(main())
