# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read and write files that may never answer, bounded in seconds and bytes.

The code behind a /proc file can block in open, read or write for ever, even where no signal reaches it. So a forked
child makes the calls and sends what it gets through a pipe; this process waits until a deadline and then goes on.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import stat
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, NamedTuple, NoReturn

from ansible_collections.procfleet.procfs.plugins.module_utils._entry import inside_roots
from ansible_collections.procfleet.procfs.plugins.module_utils._files import read_text

BLOCK = 65536
MAX_LINKS = 40


class Outcome(NamedTuple):
    """What came of one read or write. It went well when neither limit, error, stuck nor died is set."""

    data: bytes = b""  # what was read, up to the limits
    taken: int = 0  # how many bytes a write took
    limit: str = ""  # the limit that was hit: "bytes" or "seconds"
    error: int = 0  # errno of the call that failed
    step: str = ""  # the last call begun: "fork", "start", "open", "read" or "write"
    seconds: float = 0.0
    stuck: int = 0  # process id of a child that SIGKILL did not end
    died: bool = False  # the child ended without a word, as it does when its call makes the kernel oops

    @property
    def well(self) -> bool:
        return not (self.limit or self.error or self.stuck or self.died)


class LinkLeaves(Exception):
    """A symbolic link on the way leads out of /proc and /sys: it is not followed. args: the link, its target."""


class TooSlow(Exception):
    """time_limit's time is over."""


def resolve(path: str) -> str:
    """Follow symbolic links by hand, and never out of /proc and /sys.

    A link's text decides. So `/proc/<pid>/fd/<n>`, `cwd`, `root` and `exe`, which lead anywhere, are never followed,
    and a dead network file system behind one of them is never touched.
    """
    done, todo, links = "", path.split("/")[1:], 0
    while todo:
        part = todo.pop(0)
        if part == "..":
            done = os.path.dirname(done)
        elif part not in ("", "."):
            here = f"{done}/{part}"
            if not _is_link(here):
                done = here
                continue
            target, links = os.readlink(here), links + 1
            if links > MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            done = "" if target.startswith("/") else done
            todo = target.split("/") + todo
            if not inside_roots(os.path.normpath("/" + "/".join([done, *todo]).lstrip("/"))):
                raise LinkLeaves(here, target)
    return done


def _is_link(path: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def read_file(path: str, max_bytes: int, seconds: float) -> Outcome:
    """Read a whole file: at most max_bytes of it, in at most so many seconds."""

    def work(step: Callable[[str], None], pipe: int) -> int:
        step("open")
        file, left = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NOFOLLOW), max_bytes + 1
        step("read")
        while left > 0:
            block = os.read(file, min(left, BLOCK))
            if not block:
                break
            left -= len(block)
            _write_all(pipe, block)
        return 0

    outcome = _in_child(work, seconds)
    if len(outcome.data) > max_bytes:
        outcome = outcome._replace(data=outcome.data[:max_bytes], limit=outcome.limit or "bytes")
    return outcome


def read_texts(paths: list[str], max_bytes: int, seconds: float) -> dict[str, str | None]:
    """Read small files in one child, by path; None for one that cannot be read, and for all if one never answers."""

    def work(step: Callable[[str], None], pipe: int) -> int:
        step("read")
        _write_all(pipe, json.dumps({path: read_text(path, max_bytes) for path in paths}).encode())
        return 0

    outcome = _in_child(work, seconds) if paths else Outcome(b"{}")
    return json.loads(outcome.data) if outcome.well else dict.fromkeys(paths)


def write_file(path: str, data: bytes, seconds: float) -> Outcome:
    """Write data in ONE write(2), opened as the shell's `>` does: truncated, but never created.

    A /proc write handler gets each write(2) as one message, so a short write is not continued: taken tells it.
    """

    def work(step: Callable[[str], None], pipe: int) -> int:
        step("open")
        file = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOCTTY | os.O_NOFOLLOW)
        step("write")
        return os.write(file, data)

    return _in_child(work, seconds)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooSlow in the block after so many seconds; for regular expressions, which look for signals as they run."""

    def over(number: int, frame: Any) -> NoReturn:
        raise TooSlow

    former = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def _in_child(work: Callable[[Callable[[str], None], int], int], seconds: float) -> Outcome:
    """Run work in a child until the deadline. The child reports on a pipe of its own, one line a step."""
    begun = time.monotonic()
    data_in, data_out = os.pipe()
    report_in, report_out = os.pipe()
    try:
        pid = os.fork()
        if pid == 0:
            _child(work, data_out, report_out)
    except OSError as error:
        pid = 0
        return Outcome(step="fork", error=error.errno or errno.EAGAIN)
    finally:
        os.close(data_out)
        os.close(report_out)
        if not pid:
            os.close(data_in)
            os.close(report_in)
    late = True
    try:
        received, late = _collect(data_in, report_in, begun + seconds)
    finally:
        stuck = _reap(pid, late)
        os.close(data_in)
        os.close(report_in)
    taken = time.monotonic() - begun
    return _outcome(bytes(received[data_in]), received[report_in].decode(), late, taken)._replace(stuck=stuck)


def _outcome(data: bytes, report: str, late: bool, seconds: float) -> Outcome:
    """Put together what the child reported: lines with a step's name, at last `done` or `error` with a number."""
    step, last, number = "", "", 0
    for line in report.splitlines():
        word, _, argument = line.partition(" ")
        if argument:
            last, number = word, int(argument)
        else:
            step = word
    result = Outcome(data=data, step=step, seconds=seconds)
    if last == "error":
        return result._replace(error=number)
    if last == "done":
        return result._replace(taken=number)
    return result._replace(limit="seconds") if late else result._replace(died=True)


def _child(work: Callable[[Callable[[str], None], int], int], data: int, report: int) -> NoReturn:
    """The child's whole life. It ends without Python's cleaning up, which belongs to the parent."""

    def step(name: str) -> None:
        os.write(report, f"{name}\n".encode())

    try:
        try:
            step("start")
            _let_go(data, report)
            last = f"done {work(step, data)}\n"
        except Exception as error:
            last = f"error {getattr(error, 'errno', None) or errno.EIO}\n"
        # Closed before the file is: its release may block as well, and the parent has then all it waits for.
        os.close(data)
        os.write(report, last.encode())
        os.close(report)
    finally:
        os._exit(0)


def _let_go(*keep: int) -> None:
    """Hold nothing of the parent's: a child stuck in the kernel with Ansible's standard output would hang the play."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:
                continue  # the one that listdir itself had open


def _write_all(pipe: int, data: bytes) -> None:
    while data:
        data = data[os.write(pipe, data) :]


def _collect(data: int, report: int, deadline: float) -> tuple[dict[int, bytearray], bool]:
    """What comes through both pipes until both end, and whether the deadline came first."""
    received = {data: bytearray(), report: bytearray()}
    poll, open_ends = select.poll(), {data, report}
    for end in open_ends:
        poll.register(end, select.POLLIN)
    while open_ends:
        left = deadline - time.monotonic()
        if left <= 0:
            return received, True
        for end, _event in poll.poll(left * 1000 + 1):
            block = os.read(end, BLOCK)
            received[end] += block
            if not block:
                poll.unregister(end)
                open_ends.discard(end)
    return received, False


def _reap(pid: int, late: bool) -> int:
    """End the child and collect it: half a second at most, and as long again after SIGKILL.

    Returns 0, or its process id when it stays stuck in the kernel.
    """
    if late:
        os.kill(pid, signal.SIGKILL)
    pause = 0.0005
    for _ in range(10):
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return 0
        except ChildProcessError:  # SIGCHLD is ignored here: the kernel has collected it
            return 0
        time.sleep(pause)
        pause *= 2
    return pid if late else _reap(pid, True)
