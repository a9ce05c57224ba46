# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One writer at a time, across processes; the one who waits is told for whom."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import subprocess
import sys
import time

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _lock
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import write_atomic
from ansible_collections.procfleet.procfs.plugins.module_utils._lock import host_lock, undisturbed

HOLDER = """
import sys, time
from ansible_collections.procfleet.procfs.plugins.module_utils._lock import host_lock
with host_lock(1, sys.argv[1]):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def hold(tmp_path):
    """Hold the lock in another process for some seconds; return the lock and the process."""
    started = []

    def start(seconds):
        path = str(tmp_path / "lock")
        collections = os.path.join(os.path.dirname(__file__), "../../../../collections")
        environment = {
            "PYTHONPATH": os.path.realpath(collections),
            "USER": "olga",
            "SSH_CONNECTION": "10.1.2.3 5 10.1.2.4 22",
        }
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", HOLDER, path, str(seconds)], env=environment, stdout=subprocess.PIPE
            )
        )
        assert started[0].stdout.readline() == b"held\n"
        return path, started[0]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_holder_is_named(hold):
    path, process = hold(60)
    with pytest.raises(KmodError) as caught, host_lock(0.2, path):
        pytest.fail("two hold the lock")
    assert "process %d, user olga from 10.1.2.3, since " % process.pid in caught.value.what
    assert re.search(r", for \d+ s$", caught.value.what)
    assert "0.2 s" in caught.value.why


def test_the_second_waits(hold):
    path, _process = hold(0.4)
    before = time.monotonic()
    with host_lock(10, path):
        assert time.monotonic() - before > 0.2


def test_it_falls_with_its_holder(hold):
    path, process = hold(60)
    process.kill()
    process.wait()
    with host_lock(0.5, path):
        text = open(path).read()  # noqa: SIM115
    assert "process %d, " % os.getpid() in text
    assert "olga" not in text


def test_it_is_given_back_after_a_failure(tmp_path):
    path = str(tmp_path / "lock")
    with pytest.raises(KmodError, match="x"), host_lock(0, path):
        raise KmodError("x")
    with host_lock(0, path):
        pass


@pytest.mark.parametrize("theirs", [0, 0o027, 0o077])
def test_what_is_written_is_for_all_to_read_and_for_root_to_write(tmp_path, theirs):
    former = os.umask(theirs)
    try:
        with undisturbed():
            write_atomic(str(tmp_path / "a/b/c"), b"x")
            (tmp_path / "by a command").touch()
        assert os.umask(former) == theirs
    finally:
        os.umask(former)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"a": 0o755, "b": 0o755, "c": 0o644, "by a command": 0o644}


def test_a_connection_that_is_lost_stops_nothing_half_way(tmp_path):
    before = signal.getsignal(signal.SIGHUP)
    with host_lock(0, str(tmp_path / "lock")):
        os.kill(os.getpid(), signal.SIGHUP)
        (tmp_path / "done").touch()
    assert (tmp_path / "done").exists()
    assert signal.getsignal(signal.SIGHUP) == before


def test_a_full_disk_keeps_nobody_from_the_lock(tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_lock.os, "pwrite", full)
    with host_lock(0, str(tmp_path / "lock")):
        pass


def test_a_place_that_cannot_be_written(tmp_path):
    with (
        pytest.raises(KmodError, match=r"cannot be taken: No such file or directory. Run as root"),
        host_lock(0, str(tmp_path / "no/lock")),
    ):
        pytest.fail("held")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KmodError, match="cannot be taken"), host_lock(0, str(tmp_path / "link")):
        pytest.fail("a link was followed")
    assert not (tmp_path / "elsewhere").exists()
