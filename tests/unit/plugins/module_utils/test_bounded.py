# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads and writes against files that answer, block, never end or refuse; a FIFO without its other end blocks open."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import time

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _bounded, _entry

SHORT = 0.4


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(_entry, "ROOTS", (str(tmp_path),))
    return tmp_path


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return str(path)


def test_read_is_exact_with_nul_and_bytes_that_are_no_text(tmp_path):
    data = b"a\0\xff\n" * 50000
    (tmp_path / "file").write_bytes(data)
    outcome = _bounded.read_file(str(tmp_path / "file"), len(data), 5)
    assert outcome.data == data
    assert outcome.well


def test_read_of_proc():
    outcome = _bounded.read_file("/proc/version", 65536, 5)
    assert outcome.well
    assert outcome.data.startswith(b"Linux version ")


def test_one_byte_too_many_is_told_and_cut(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert _bounded.read_file(str(tmp_path / "file"), 5, 5).limit == ""
    outcome = _bounded.read_file(str(tmp_path / "file"), 4, 5)
    assert (outcome.data, outcome.limit, outcome.well) == (b"1234", "bytes", False)


def test_endless_output_hits_the_byte_limit():
    outcome = _bounded.read_file("/dev/zero", 300000, 5)
    assert (len(outcome.data), outcome.limit) == (300000, "bytes")


@pytest.mark.parametrize(
    "act", [lambda f: _bounded.read_file(f, 9, SHORT), lambda f: _bounded.write_file(f, b"x", SHORT)]
)
def test_open_that_blocks_hits_the_time_limit(fifo, act):
    begun = time.monotonic()
    outcome = act(fifo)
    assert (outcome.limit, outcome.step, outcome.stuck, outcome.well) == ("seconds", "open", 0, False)
    assert SHORT <= time.monotonic() - begun < 60


def test_read_that_blocks_hands_over_what_came_before(fifo):
    end = os.open(fifo, os.O_RDWR)
    try:
        os.write(end, b"first")
        outcome = _bounded.read_file(fifo, 99, SHORT)
    finally:
        os.close(end)
    assert (outcome.data, outcome.limit, outcome.step) == (b"first", "seconds", "read")


def test_write_that_blocks_hits_the_time_limit(fifo):
    end = os.open(fifo, os.O_RDWR)
    try:
        outcome = _bounded.write_file(fifo, b"x" * (1 << 20), SHORT)
    finally:
        os.close(end)
    assert (outcome.limit, outcome.step) == ("seconds", "write")


def test_no_child_is_left_after_a_time_limit(fifo):
    _bounded.read_file(fifo, 9, SHORT)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_child_deaf_to_sigkill_is_left_and_holds_nothing_of_ours(fifo, monkeypatch):
    kill = os.kill
    monkeypatch.setattr(_bounded.os, "kill", lambda pid, number: None)
    monkeypatch.setattr(_bounded.time, "sleep", lambda seconds: None)
    outcome = _bounded.read_file(fifo, 9, SHORT)
    try:
        assert outcome.stuck > 0
        folder = f"/proc/{outcome.stuck}/fd"
        wanted, held = ["/dev/null"] * 3 + ["pipe:[N]"] * 2, []
        deadline = time.monotonic() + 10  # on a busy machine the child has not let go of all when the time is over
        while held != wanted and time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError):
                held = sorted(re.sub("[0-9]+", "N", os.readlink(f"{folder}/{name}")) for name in os.listdir(folder))
        assert held == wanted
        assert os.getsid(outcome.stuck) == outcome.stuck
    finally:
        kill(outcome.stuck, signal.SIGKILL)
        os.waitpid(outcome.stuck, 0)


def test_a_child_that_dies_as_in_an_oops_is_told():
    def die(step, pipe):
        step("read")
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    outcome = _bounded._in_child(die, 5)
    assert (outcome.died, outcome.step, outcome.well) == (True, "read", False)


@pytest.mark.parametrize(
    ("path", "number", "step"),
    [("/proc/no/such", errno.ENOENT, "open"), ("/proc", errno.EISDIR, "read"), ("/proc/self/mem", errno.EIO, "read")],
)
def test_errors_of_a_read_are_named(path, number, step):
    outcome = _bounded.read_file(path, 9, 5)
    assert (outcome.error, outcome.step) == (number, step)


def test_fork_that_fails_is_an_error_and_leaks_nothing(monkeypatch):
    def fork():
        raise OSError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr(_bounded.os, "fork", fork)
    before = os.listdir("/proc/self/fd")
    outcome = _bounded.read_file("/proc/version", 9, 5)
    assert (outcome.error, outcome.step) == (errno.EAGAIN, "fork")
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_no_descriptor_leaks(fifo):
    before = len(os.listdir("/proc/self/fd"))
    _bounded.read_file("/proc/version", 999, 5)
    _bounded.read_file(fifo, 9, SHORT)
    assert len(os.listdir("/proc/self/fd")) == before


def test_write_is_one_write_over_what_was_there(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"something longer")
    outcome = _bounded.write_file(str(file), b"hi\n", 5)
    assert (outcome.well, outcome.taken, file.read_bytes()) == (True, 3, b"hi\n")


def test_one_write_even_of_much(fifo):
    """A packet pipe shows the borders of writes: what is read in one go came in one go."""
    end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert _bounded.write_file(fifo, b"x" * 60000, 5).taken == 60000
        assert len(os.read(end, 1 << 17)) == 60000
    finally:
        os.close(end)


def test_write_creates_nothing(tmp_path):
    outcome = _bounded.write_file(str(tmp_path / "new"), b"x", 5)
    assert (outcome.error, outcome.step) == (errno.ENOENT, "open")
    assert not (tmp_path / "new").exists()


def test_write_error_is_named():
    outcome = _bounded.write_file("/dev/full", b"x", 5)
    assert (outcome.error, outcome.step, outcome.taken) == (errno.ENOSPC, "write", 0)


def test_last_component_that_became_a_link_is_not_followed(tmp_path):
    (tmp_path / "link").symlink_to("/proc/version")
    assert _bounded.read_file(str(tmp_path / "link"), 9, 5).error == errno.ELOOP
    assert _bounded.write_file(str(tmp_path / "link"), b"x", 5).error == errno.ELOOP


def test_resolve_follows_inside(root):
    (root / "a").mkdir()
    (root / "a" / "file").write_text("x")
    (root / "relative").symlink_to("a/../a")
    (root / "absolute").symlink_to(root / "relative" / "file")
    assert _bounded.resolve(f"{root}/absolute") == f"{root}/a/file"
    assert _bounded.resolve(f"{root}/relative/none") == f"{root}/a/none"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../../etc", "/"])
def test_resolve_does_not_leave(root, target):
    (root / "link").symlink_to(target)
    with pytest.raises(_bounded.LinkLeaves) as caught:
        _bounded.resolve(f"{root}/link/passwd")
    assert caught.value.args == (f"{root}/link", target)


def test_resolve_does_not_leave_by_way_of_two_links(root):
    (root / "a" / "b").mkdir(parents=True)
    (root / "top").symlink_to(root / "a")
    (root / "a" / "b" / "out").symlink_to("../../top/../../etc")
    with pytest.raises(_bounded.LinkLeaves):
        _bounded.resolve(f"{root}/a/b/out")


def test_resolve_ends_in_a_loop(root):
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    with pytest.raises(OSError, match="Too many levels") as caught:
        _bounded.resolve(f"{root}/one")
    assert caught.value.errno == errno.ELOOP


def test_resolve_in_the_real_proc():
    assert _bounded.resolve("/proc/self/status") == f"/proc/{os.getpid()}/status"
    for magic in ("cwd", "root", "exe"):
        with pytest.raises(_bounded.LinkLeaves):
            _bounded.resolve(f"/proc/self/{magic}")


def test_time_limit_stops_a_regular_expression():
    begun = time.monotonic()
    with pytest.raises(_bounded.TooSlow), _bounded.time_limit(SHORT):
        re.search("(a+)+$", "a" * 40 + "!")
    assert time.monotonic() - begun < 60


def test_time_limit_leaves_no_alarm_behind():
    former = signal.getsignal(signal.SIGALRM)
    with _bounded.time_limit(60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) == former


def test_several_small_files_in_one_child(tmp_path):
    (tmp_path / "a").write_bytes(b"one\n\xff")
    found = _bounded.read_texts([str(tmp_path / "a"), str(tmp_path / "none")], 100, 5)
    assert found == {str(tmp_path / "a"): "one\n\ufffd", str(tmp_path / "none"): None}
    assert _bounded.read_texts([], 100, 5) == {}


def test_of_several_files_one_that_never_answers_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a").write_text("one")
    paths = [str(tmp_path / name) for name in ("a", "pipe")]
    assert _bounded.read_texts(paths, 100, 0.2) == dict.fromkeys(paths)
