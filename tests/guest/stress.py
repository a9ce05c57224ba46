#!/usr/bin/python3
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Try on a real kernel every mistake that a /proc module can make.

Runs as root inside a virtual machine in which proc_demo, simpledriver and procDriver are loaded, and takes their
files for the checks that load them anew:

    stress.py proc_demo.ko simpledriver.ko procDriver.ko

One line per check, `ok name` or `FAIL name: why`, and `N passed, N failed` as the last. The exit status is 1 when
anything failed or nothing was checked. What was found (parameters, the content of simpledriver's file) is put back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import signal
import stat
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Callable, Iterator

MYINFO = "/proc/myinfo"
DIRECTORY = "/proc/simpledriver_dir"
FILE = DIRECTORY + "/simpledriver_file"
MYDRIVE = "/proc/1999_proc/mydrive"

FIXED = {
    MYINFO: b"Hello from kernel space!\nModule: proc_demo\nStatus: Running and happy\n",
    MYDRIVE: b"Hello\n",
}
TREES = {"proc_demo": [MYINFO], "simpledriver": [DIRECTORY, FILE], "procDriver": ["/proc/1999_proc", MYDRIVE]}

SECONDS_IN_ALL = 900
SECONDS_OF_CROWD = 15
RELOADS = 100
READS = 1000
BIG = 1 << 20
MOST = 64 << 10  # bytes read in small pieces
NOBODY = 65534

# What the kernel says of its own accord: once, when the first module from outside its tree is loaded, and whenever an
# emulated machine is slow.
NOT_OURS = re.compile(
    "loading out-of-tree module taints kernel|module verification failed: signature and/or required key"
    "|^hrtimer: interrupt took|^clocksource: |^TSC found unstable|^perf: interrupt took too long"
    "|^workqueue: .* hogged CPU"
)
NOTICE = 5

libc = ctypes.CDLL(None, use_errno=True)
images: dict[str, bytes] = {}


class Wrong(Exception):
    """A check found something else than it expected."""


def expect(what: str, expected: Any, found: Any) -> None:
    if found != expected:
        raise Wrong(f"{what}: expected {shown(expected)} found {shown(found)}")


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}… ({len(value)} long)"


def fails(call: Callable[..., Any], *arguments: Any) -> str:
    """The name of the errno with which a call fails, or "success"."""
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return "success"


class opened:
    """A file descriptor as a context. Never O_TRUNC: what a short write leaves behind is to be seen."""

    def __init__(self, path: str, flags: int = os.O_RDONLY) -> None:
        self.fd = os.open(path, flags)

    def __enter__(self) -> int:
        return self.fd

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def drained(fd: int, step: int = 2 * BIG) -> bytes:
    """All there is to read, in pieces of a size. What has no end is wrong."""
    parts: list[bytes] = []
    for _ in range(max(16, MOST // step)):
        parts.append(os.read(fd, step))
        if not parts[-1]:
            return b"".join(parts)
    raise Wrong(f"expected an end of the content found none after {len(parts)} reads of up to {step} bytes")


def content(path: str = FILE, step: int = 2 * BIG) -> bytes:
    with opened(path) as fd:
        return drained(fd, step)


def put(data: bytes, flags: int = os.O_WRONLY) -> int:
    with opened(FILE, flags) as fd:
        return os.write(fd, data)


def pattern(length: int) -> bytes:
    return bytes(range(256)) * (length // 256) + bytes(range(length % 256))


# --- modules -----------------------------------------------------------------------------------------------------


def load(name: str, parameters: str = "") -> None:
    image = images[name]
    if libc.init_module(image, ctypes.c_ulong(len(image)), parameters.encode()):
        raise OSError(ctypes.get_errno(), f"init_module {name} {parameters}")


def unload(name: str) -> None:
    if libc.delete_module(name.encode(), os.O_NONBLOCK):
        raise OSError(ctypes.get_errno(), f"delete_module {name}")


def parameters_of(name: str) -> dict[str, str]:
    folder = Path("/sys/module", name, "parameters")
    return {path.name: path.read_text().rstrip("\n") for path in folder.iterdir()} if folder.is_dir() else {}


def is_loaded(name: str) -> bool:
    return Path("/sys/module", name, "initstate").exists()


def size() -> int:
    return int(parameters_of("simpledriver")["size"])


class reloaded:
    """simpledriver with other parameters for as long as the context lasts; put back by restore() at the end."""

    def __init__(self, parameters: str = "") -> None:
        self.parameters = parameters

    def __enter__(self) -> None:
        if is_loaded("simpledriver"):
            unload("simpledriver")
        load("simpledriver", self.parameters)

    def __exit__(self, *_: object) -> None:
        if is_loaded("simpledriver"):
            unload("simpledriver")


def restore(found: dict[str, dict[str, str]], text: bytes) -> None:
    for name, wanted in found.items():
        if is_loaded(name) and parameters_of(name) != wanted:
            unload(name)
        if not is_loaded(name):
            load(name, " ".join(f"{key}={value}" for key, value in wanted.items()))
    if content() != text:
        unload("simpledriver")  # to be empty is only possible anew
        load("simpledriver", " ".join(f"{key}={value}" for key, value in found["simpledriver"].items()))
        if text:
            put(text)


# --- the kernel's log --------------------------------------------------------------------------------------------


class KernelLog:
    """What the kernel itself (facility 0) logs from now on; what user space writes to it does not count."""

    def __init__(self) -> None:
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)

    def records(self) -> Iterator[tuple[int, str]]:
        """Level and text of each new record; one that was overwritten before it was read counts as an error."""
        while True:
            try:
                head, _, text = os.read(self.fd, 8192).decode(errors="replace").partition(";")
            except BlockingIOError:
                return
            except BrokenPipeError:
                yield 3, "records were lost"
                continue
            priority = int(head.split(",")[0])
            if priority >> 3 == 0:
                yield priority & 7, text.splitlines()[0]

    def close(self) -> None:
        os.close(self.fd)


# --- reading -----------------------------------------------------------------------------------------------------


def check_contents() -> None:
    for path, text in FIXED.items():
        expect(path, text, content(path))


def check_types_modes_and_owner() -> None:
    modes = {MYINFO: 0o100444, MYDRIVE: 0o100444, DIRECTORY: 0o40555, "/proc/1999_proc": 0o40555}
    modes[FILE] = stat.S_IFREG | int(parameters_of("simpledriver")["mode"])
    for path, mode in modes.items():
        found = os.lstat(path)
        expect(path, (oct(mode), 0, 0), (oct(found.st_mode), found.st_uid, found.st_gid))


def check_one_byte_reads() -> None:
    put(pattern(200))
    for path, text in {**FIXED, FILE: pattern(200)}.items():
        expect(path, text, content(path, step=1))


def check_second_read_is_end_of_file() -> None:
    put(b"once\n")
    for path in (*FIXED, FILE):
        with opened(path) as fd:
            drained(fd)
            expect(path, b"", os.read(fd, 4096))


def check_pread_anywhere() -> None:
    put(b"0123456789\n")
    for path, text in {**FIXED, FILE: b"0123456789\n"}.items():
        with opened(path) as fd:
            for offset in (0, 1, len(text) - 1, 5, 0):
                expect(f"{path} at {offset}", text[offset:], os.pread(fd, 4096, offset))


def check_pread_far_past_the_end() -> None:
    """Nothing may come back; near the largest offset the VFS itself may refuse with EINVAL or EOVERFLOW."""
    put(b"short\n")
    for path, text in {**FIXED, FILE: b"short\n"}.items():
        with opened(path) as fd:
            for offset in (len(text), len(text) + 1, 4096, size(), size() + 1, 2**31 - 1, 2**31, 2**32, 2**40, 2**62):
                expect(f"{path} at {offset}", b"", os.pread(fd, 65536, offset))
            for offset in (2**63 - 65537, 2**63 - 4096, 2**63 - 2, 2**63 - 1):
                try:
                    expect(f"{path} at {offset}", b"", os.pread(fd, 4096, offset))
                except OSError as error:
                    expect(f"{path} at {offset}", True, error.errno in (errno.EINVAL, errno.EOVERFLOW))


def check_lseek() -> None:
    put(b"0123456789\n")
    for path, text in {**FIXED, FILE: b"0123456789\n"}.items():
        with opened(path) as fd:
            half = len(text) // 2
            expect("position", half, os.lseek(fd, half, os.SEEK_SET))
            expect(path, text[half:], drained(fd))
            expect("position", len(text), os.lseek(fd, 0, os.SEEK_CUR))
            expect("position", 0, os.lseek(fd, 0, os.SEEK_SET))
            expect(path, text, drained(fd, 3))
            os.lseek(fd, 1 << 40, os.SEEK_SET)
            expect(f"{path} far out", b"", os.read(fd, 4096))
            expect("a negative position", "EINVAL", fails(os.lseek, fd, -1, os.SEEK_SET))
            os.lseek(fd, 0, os.SEEK_SET)
            expect(path, text, drained(fd))


def check_read_to_nowhere() -> None:
    put(b"kept\n")
    for path in (*FIXED, FILE):
        with opened(path) as fd:
            found = libc.read(fd, None, ctypes.c_size_t(10))
            expect(path, (-1, "EFAULT"), (found, errno.errorcode.get(ctypes.get_errno())))
    expect("content", b"kept\n", content())


def check_reads_leave_no_log() -> None:
    """Up to two lines may come from elsewhere in the kernel; a module that logs its reads leaves thousands."""
    log = KernelLog()
    for _ in range(READS):
        for path in (*FIXED, FILE):
            with opened(path) as fd:
                os.read(fd, 4096)
    found = list(log.records())
    log.close()
    expect(f"lines logged by {READS} reads of each entry ({found[:3]})", True, len(found) <= 2)


# --- writing -----------------------------------------------------------------------------------------------------


def check_written_comes_back() -> None:
    for text in (b"hi\n", b"x", b"\0\xff\0", pattern(size())):
        expect("bytes taken", len(text), put(text))
        expect("content", text, content())


def check_shell_round_trip() -> None:
    expect("status", 0, os.system(f"echo a longer line > {FILE} && echo hi > {FILE}") >> 8)
    expect("content", b"hi\n", content())
    expect("status", 0, os.system(f"echo more >> {FILE}") >> 8)
    expect("content", b"hi\nmore\n", content())
    expect("status", 0, os.system(f"{{ echo a; echo b; }} > {FILE}") >> 8)
    expect("content", b"a\nb\n", content())


def check_short_after_long_shows_no_tail() -> None:
    put(b"L" * size())
    put(b"s")
    expect("content", b"s", content())
    with opened(FILE) as fd:
        expect("behind the end", b"", os.pread(fd, 4096, 1))


def check_append() -> None:
    put(b"one")
    put(b"two", os.O_WRONLY | os.O_APPEND)
    expect("content", b"onetwo", content())


def check_writes_in_a_row_continue() -> None:
    with opened(FILE, os.O_WRONLY) as fd:
        for part in (b"a", b"bc", b"", b"def"):
            expect("bytes taken", len(part), os.write(fd, part))
        expect("position", 6, os.lseek(fd, 0, os.SEEK_CUR))
    expect("content", b"abcdef", content())


def check_pwrite_ends_the_content() -> None:
    put(b"0123456789")
    with opened(FILE, os.O_WRONLY) as fd:
        expect("bytes taken", 2, os.pwrite(fd, b"ab", 4))
        expect("content", b"0123ab", content())
        expect("bytes taken", 2, os.pwrite(fd, b"cd", 6))
        expect("content", b"0123abcd", content())
        expect("a hole", "EINVAL", fails(os.pwrite, fd, b"x", 9))
        expect("a hole", "EINVAL", fails(os.pwrite, fd, b"x", size() - 1))
    expect("content", b"0123abcd", content())


def check_read_and_write_through_one_descriptor() -> None:
    put(b"before\n")
    with opened(FILE, os.O_RDWR) as fd:
        expect("first", b"before\n", os.read(fd, 100))
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, b"after\n")
        expect("behind the write", b"", os.read(fd, 100))
        os.lseek(fd, 0, os.SEEK_SET)
        expect("from the start", b"after\n", os.read(fd, 100))


def check_oversize_is_refused_and_keeps() -> None:
    limit = size()
    put(b"kept\n")
    for length in (limit + 1, 2 * limit, limit + 65536, 8 * BIG):
        expect(f"{length} bytes", "ENOSPC", fails(put, b"x" * length))
        expect("content", b"kept\n", content())
    expect("appended", "ENOSPC", fails(put, b"x" * (limit - 4), os.O_WRONLY | os.O_APPEND))
    expect("content", b"kept\n", content())
    with opened(FILE, os.O_WRONLY) as fd:
        for offset in (limit, limit + 1, 2**31, 2**32, 2**62):
            expect(f"at {offset}", "ENOSPC", fails(os.pwrite, fd, b"x", offset))
        expect("at the last offset", True, fails(os.pwrite, fd, b"x", 2**63 - 1) in ("ENOSPC", "EINVAL", "EOVERFLOW"))
    expect("content", b"kept\n", content())
    expect("what just fits", limit, put(b"f" * limit))
    expect("one more", "ENOSPC", fails(put, b"x", os.O_WRONLY | os.O_APPEND))
    expect("content", b"f" * limit, content())


def check_write_of_nothing_and_from_nowhere() -> None:
    put(b"kept\n")
    with opened(FILE, os.O_WRONLY) as fd:
        expect("no bytes", 0, libc.write(fd, b"x", ctypes.c_size_t(0)))
        expect("no bytes from nowhere", 0, libc.write(fd, None, ctypes.c_size_t(0)))
        for address in (None, ctypes.c_void_p(8)):
            found = libc.write(fd, address, ctypes.c_size_t(5))
            expect("from nowhere", (-1, "EFAULT"), (found, errno.errorcode.get(ctypes.get_errno())))
        expect("the rest from nowhere", (-1, "EFAULT"), half_mapped_write(fd))
    expect("content", b"kept\n", content())


def half_mapped_write(fd: int) -> tuple[int, str]:
    """Write four bytes of which two lie in a page that may not be read."""
    libc.mmap.restype = ctypes.c_void_p
    page, private_anonymous = os.sysconf("SC_PAGESIZE"), 0x22
    start = libc.mmap(None, ctypes.c_size_t(2 * page), 3, private_anonymous, -1, ctypes.c_long(0))
    libc.mprotect(ctypes.c_void_p(start + page), ctypes.c_size_t(page), 0)
    found = libc.write(fd, ctypes.c_void_p(start + page - 2), ctypes.c_size_t(4))
    number = ctypes.get_errno()
    libc.munmap(ctypes.c_void_p(start), ctypes.c_size_t(2 * page))
    return found, errno.errorcode.get(number, str(number))


def check_descriptors_of_the_wrong_kind() -> None:
    put(b"kept\n")
    with opened(FILE) as fd:
        expect("write to a reading one", "EBADF", fails(os.write, fd, b"x"))
        expect("pwrite to a reading one", "EBADF", fails(os.pwrite, fd, b"x", 0))
    with opened(FILE, os.O_WRONLY) as fd:
        expect("read from a writing one", "EBADF", fails(os.read, fd, 1))
        expect("pread from a writing one", "EBADF", fails(os.pread, fd, 1, 0))
    expect("content", b"kept\n", content())


def check_read_only_entries_take_nothing() -> None:
    for path, text in FIXED.items():
        with opened(path, os.O_WRONLY) as fd:  # root may open what nobody may write
            expect(path, "EIO", fails(os.write, fd, b"x"))
        expect(path, text, content(path))


def check_truncation_alone_changes_nothing() -> None:
    put(b"kept\n")
    with opened(FILE, os.O_WRONLY | os.O_TRUNC):
        expect("content", b"kept\n", content())


# --- at once -----------------------------------------------------------------------------------------------------


def check_writers_and_readers_at_once() -> None:
    """Whatever a reader gets is one of the written values, and whole: also when it takes it in small pieces."""
    limit = size()
    values = [bytes([65 + index]) * max(1, limit * (index + 1) // 8) for index in range(8)]
    put(values[0])
    until = time.monotonic() + SECONDS_OF_CROWD
    crowd = [in_child(writer, value, until) for value in values]
    steps = (limit + 1, limit + 1, limit, limit, limit // 2, limit // 3, limit // 7, limit // 13)
    crowd += [in_child(reader, values, step, until) for step in steps]
    found = [text for text in map(outcome, crowd) if text]
    expect("complaints of the 16", [], found)
    expect("the last content", True, content() in values)


def writer(value: bytes, until: float) -> None:
    rounds = 0
    while time.monotonic() < until:
        expect("bytes taken", len(value), put(value))
        rounds += 1
    expect("any rounds", True, rounds > 0)


def reader(values: list[bytes], step: int, until: float) -> None:
    rounds = 0
    while time.monotonic() < until:
        found = content(step=step)
        if found not in values:
            raise Wrong(f"read in pieces of {step}: {len(found)} bytes of {sorted(set(found))}")
        rounds += 1
    expect("any rounds", True, rounds > 0)


def in_child(work: Callable[..., None], *arguments: Any) -> tuple[int, int]:
    """Fork a process that does the work, and return its id and the pipe on which it complains."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child:
        os.close(theirs)
        return child, ours
    try:
        work(*arguments)
    except BaseException as error:
        os.write(theirs, f"{type(error).__name__} {error}".encode()[:4000])
    finally:
        os._exit(0)


def outcome(child: tuple[int, int]) -> str:
    pid, pipe = child
    text = drained(pipe).decode()
    os.close(pipe)
    status = os.waitpid(pid, 0)[1]
    return text or (f"ended with {status}" if status else "")


# --- loading -----------------------------------------------------------------------------------------------------


def check_unwritten_is_empty() -> None:
    with reloaded(f"size={BIG}"):
        expect("content", b"", content())
        with opened(FILE) as fd:
            expect("further on", b"", os.pread(fd, 4096, 100))
        put(b"x")
        expect("content", b"x", content())


def check_defaults() -> None:
    with reloaded():
        expect("mode", 0o600, stat.S_IMODE(os.stat(FILE).st_mode))
        expect("parameters", {"mode": str(0o600), "size": "4096"}, parameters_of("simpledriver"))
        expect("4096 bytes", 4096, put(b"x" * 4096))
        expect("4097 bytes", "ENOSPC", fails(put, b"x" * 4097))
        expect("what others get", "PermissionError", as_nobody(content))


def check_mode_0666_is_honoured() -> None:
    with reloaded("mode=0666"):
        expect("mode", 0o666, stat.S_IMODE(os.stat(FILE).st_mode))
        expect("what others get when they write", "", as_nobody(lambda: put(b"anyone\n")))
        expect("content", b"anyone\n", content())


def as_nobody(work: Callable[[], Any]) -> str:
    """The name of the exception that the work raises in a process without rights, or nothing."""

    def drop_and_work() -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        work()

    return outcome(in_child(drop_and_work)).partition(" ")[0]


def check_other_modes_are_honoured() -> None:
    for mode in (0o400, 0o440, 0o644):
        with reloaded(f"mode={mode:#o}".replace("0o", "0")):
            expect("mode", oct(mode), oct(stat.S_IMODE(os.stat(FILE).st_mode)))


def check_sizes_at_the_bounds() -> None:
    for limit in (1, BIG):
        with reloaded(f"size={limit}"):
            text = pattern(limit)
            expect("bytes taken", limit, put(text))
            expect("content", True, content() == text)
            expect("one more", "ENOSPC", fails(put, text + b"x"))
            expect("content", True, content() == text)


BAD = {
    "mode": [*"0777 07777 01600 04600 0 0066 600 0100600 0200000 -1 abc".split(), ""],
    "size": [*"0 1048577 4294967295 4294967296 -1 abc 1k".split(), ""],
}
OVERFLOWS = ("mode=0200000", "size=4294967296")


def check_bad_parameters_are_refused() -> None:
    """EINVAL, a reason in the log, and nothing left behind. Numbers that overflow get the kernel's own ERANGE."""
    if is_loaded("simpledriver"):
        unload("simpledriver")
    for key, bad in ((key, f"{key}={value}") for key, values in BAD.items() for value in values):
        log = KernelLog()
        expect(bad, "ERANGE" if bad in OVERFLOWS else "EINVAL", fails(load, "simpledriver", bad))
        errors = [text for level, text in log.records() if level <= 3]
        log.close()
        expect(f"{bad}: named in the log at level err", True, any(key in text for text in errors))
        expect(f"{bad}: {DIRECTORY}", False, os.path.lexists(DIRECTORY))
        expect(f"{bad}: loaded", False, os.path.isdir("/sys/module/simpledriver"))


def check_an_open_file_survives_unloading() -> None:
    """A descriptor from before neither holds the module nor reaches into it afterwards."""
    with reloaded():
        put(b"seen\n")
        with opened(FILE, os.O_RDWR) as fd, opened("/proc/1999_proc/mydrive") as other:
            os.read(fd, 2)
            unload("simpledriver")
            unload("procDriver")
            expect("a read", "EIO", fails(os.read, fd, 10))
            expect("a write", "EIO", fails(os.write, fd, b"x"))
            expect("a read", "EIO", fails(os.read, other, 10))
        load("procDriver")


def check_reloads() -> None:
    """Loaded and unloaded again and again: entries come and go, nothing is logged above notice, no memory is lost."""
    for name in TREES:
        if is_loaded(name):
            unload(name)
    before, free, log = set(entries()), available(), KernelLog()
    for turn in range(RELOADS):
        for name, paths in TREES.items():
            load(name, f"size={BIG}" if name == "simpledriver" else "")
            expect(f"turn {turn}: {name} lacks", [], [path for path in paths if not os.path.lexists(path)])
            unload(name)
            expect(f"turn {turn}: {name} left", [], [path for path in paths if os.path.lexists(path)])
    loud = [text for level, text in log.records() if level < NOTICE and not NOT_OURS.search(text)]
    log.close()
    expect("log lines above notice", [], loud)
    expect("entries of /proc", before, set(entries()))
    lost = free - available()
    expect(f"at most 32 MiB lost ({lost >> 20} MiB are, of {RELOADS} MiB taken in turn)", True, lost < 32 << 20)


def check_no_such_file_after_unload() -> None:
    for name, paths in TREES.items():
        if is_loaded(name):
            unload(name)
        for path in paths:
            expect(path, "ENOENT", fails(os.open, path, os.O_RDONLY))


def entries() -> Iterator[str]:
    return (name for name in os.listdir("/proc") if not name.isdigit())


def available() -> int:
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) * 1024


# --- all of them -------------------------------------------------------------------------------------------------

# simpledriver as it was found, or with its defaults.
LIVE = (
    check_contents, check_types_modes_and_owner, check_one_byte_reads, check_second_read_is_end_of_file,
    check_pread_anywhere, check_pread_far_past_the_end, check_lseek, check_read_to_nowhere, check_reads_leave_no_log,
    check_written_comes_back, check_shell_round_trip, check_short_after_long_shows_no_tail, check_append,
    check_writes_in_a_row_continue, check_pwrite_ends_the_content, check_read_and_write_through_one_descriptor,
    check_oversize_is_refused_and_keeps, check_write_of_nothing_and_from_nowhere,
    check_descriptors_of_the_wrong_kind, check_read_only_entries_take_nothing,
    check_truncation_alone_changes_nothing, check_writers_and_readers_at_once,
)  # fmt: skip
# These load and unload.
LOADING = (
    check_unwritten_is_empty, check_defaults, check_mode_0666_is_honoured, check_other_modes_are_honoured,
    check_sizes_at_the_bounds, check_bad_parameters_are_refused, check_an_open_file_survives_unloading,
    check_reloads, check_no_such_file_after_unload,
)  # fmt: skip


def run(check: Callable[[], None]) -> bool:
    name = check.__name__[len("check_") :]
    try:
        check()
    except Wrong as wrong:
        print(f"FAIL {name}: {wrong}", flush=True)
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1].lineno
        print(f"FAIL {name}: expected no exception found {type(error).__name__} {error} (line {line})", flush=True)
    else:
        print(f"ok {name}", flush=True)
        return True
    return False


def read_images(files: list[str]) -> None:
    """Take the modules' files, and make sure that what is loaded was loaded from them."""
    images.update((Path(file).stem, Path(file).read_bytes()) for file in files)
    for name in TREES:
        if name not in images:
            raise SystemExit(f"stress.py: name the file {name}.ko as well")
        if not is_loaded(name):
            raise SystemExit(f"stress.py: {name} is not loaded; load it first")
        note = Path("/sys/module", name, "notes/.note.gnu.build-id")
        if note.exists() and note.read_bytes() not in images[name]:
            raise SystemExit(f"stress.py: {name} was not loaded from the file given (the build-ids differ)")
    if size() < 256:
        raise SystemExit("stress.py: simpledriver was loaded with a size below 256; the checks need more room")


def content_or_nothing() -> bytes:
    """What is in the file. If that cannot be read, the checks say so."""
    try:
        return content()
    except (Wrong, OSError):
        return b""


def too_long(*_: object) -> None:
    print(f"FAIL all: expected an end within {SECONDS_IN_ALL} s found none", flush=True)
    raise SystemExit(1)


def main(files: list[str]) -> int:
    read_images(files)
    found, text = {name: parameters_of(name) for name in TREES}, content_or_nothing()
    passed = failed = 0

    def check_restored() -> None:
        restore(found, text)

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS_IN_ALL)
    for check in (*LIVE, *LOADING, check_restored):
        if run(check):
            passed += 1
        else:
            failed += 1
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
