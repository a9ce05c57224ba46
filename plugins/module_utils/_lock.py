# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One writer on a host at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from typing import Iterator

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

LOCK_PATH = "/run/procfleet.lock"


@contextlib.contextmanager
def host_lock(timeout: float, path: str = LOCK_PATH) -> Iterator[None]:
    """Hold the host's lock, undisturbed; it falls by itself when the process ends, however it ends.

    :param timeout: seconds to wait for another holder.
    :raises KmodError: naming the holder, when it is still held then.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise KmodError(
            "The host's lock %s cannot be taken" % path, os.strerror(error.errno or 0), "Run as root: `become: true`"
        ) from error
    try:
        _acquire(descriptor, time.monotonic() + timeout, timeout)
        with contextlib.suppress(OSError):  # who holds it is only for others to read
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _owner().encode(), 0)
        with undisturbed():
            yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Write as any host's files are written, and to the end, though the connection may go.

    A hardened host's umask of 077 would hide from its users what depmod and package managers write. A terminal, which
    ssh opens for calls without pipelining, takes its processes along when the controller is lost.
    """
    mask, hangup = os.umask(0o022), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        os.umask(mask)
        signal.signal(signal.SIGHUP, hangup)


def _acquire(descriptor: int, deadline: float, timeout: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 256, 0).decode("utf-8", "replace") or "an unnamed process"
                age = max(0, time.time() - os.fstat(descriptor).st_mtime)
                raise KmodError(
                    "Another deploy is at work on this host: %s, for %d s" % (holder, age),
                    "it did not end within %g s" % timeout,
                    "Wait for it, or end it, and run again",
                ) from None
            time.sleep(0.1)


def _owner() -> str:
    """Who holds it: process, user, address and time, for the one who waits."""
    user = os.environ.get("SUDO_USER") or os.environ.get("USER") or "uid %d" % os.getuid()
    client = (os.environ.get("SSH_CONNECTION") or "this host").split(" ")[0]
    return "process %d, user %s from %s, since %s" % (os.getpid(), user, client, time.strftime("%Y-%m-%d %H:%M:%S %Z"))
