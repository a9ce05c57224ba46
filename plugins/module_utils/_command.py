# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands of the host: lists, in the C locale, bounded in time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a command gets of an environment: what every host has.
PLAIN = {"PATH": SYSTEM_PATH, "LANG": "C", "LC_ALL": "C", "HOME": "/root"}


class Finished(NamedTuple):
    """What a command left: its status and its output as text."""

    status: int
    out: str
    err: str


def find(command: str) -> str | None:
    """Return the full path of a command, whatever PATH the connection came with."""
    return shutil.which(command, path=SYSTEM_PATH)


def with_proxies() -> dict[str, str]:
    """Return the plain environment with the proxies that the play has set, for a command that asks the network."""
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return dict(PLAIN, **proxies)


def run(
    argv: list[str],
    timeout: float,
    cwd: str | None = None,
    merge: bool = False,
    environment: dict[str, str] | None = None,
    descriptors: tuple[int, ...] = (),
) -> Finished:
    """Run a command and return its status and output.

    :param timeout: seconds; then the command and its children are killed.
    :param merge: put what it says on standard error into `out`, in order.
    :param environment: all that it gets of one; by default only what every host has.
    :param descriptors: open files that it inherits.
    :raises KmodError: when the command is not installed or takes too long (`details['timed_out']`).
    """
    binary = find(argv[0])
    if binary is None:
        raise KmodError("%s is not installed" % argv[0], "", "Install the package that brings it")
    process = subprocess.Popen(
        [binary, *argv[1:]],
        cwd=cwd,
        env=PLAIN if environment is None else environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merge else subprocess.PIPE,
        start_new_session=True,
        pass_fds=descriptors,
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise KmodError("`%s` took longer than %g s" % (" ".join(argv), timeout), "", "", timed_out=True) from None
    return Finished(process.returncode, out.decode("utf-8", "replace"), (err or b"").decode("utf-8", "replace"))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a command's whole session; one in uninterruptible sleep is left behind, not waited for."""
    os.killpg(process.pid, signal.SIGKILL)
    try:
        process.communicate(timeout=1)
    except subprocess.TimeoutExpired:
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
