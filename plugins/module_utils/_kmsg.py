# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel says while we work: /dev/kmsg, from now on."""

from __future__ import annotations

import os
from types import TracebackType
from typing import NamedTuple

KMSG = "/dev/kmsg"
_LIMIT = 200000  # records, as many as 16 MiB of log hold; a module that floods it must not keep us for ever
# How lib/bug.c, kernel/panic.c and the architectures' fault handlers begin.
_FAULTS = ("WARNING: ", "BUG: ", "kernel BUG at ", "Oops: ", "general protection fault", "Unable to handle kernel")


class Record(NamedTuple):
    """One record: its level (0 emergency to 7 debug), its text, and its number since boot."""

    level: int
    text: str
    sequence: int = 0


def parse_record(raw: str) -> Record | None:
    """Return a record of `priority,sequence,time,flags;text`; None for what user space wrote."""
    prefix, sign, text = raw.partition(";")
    try:
        priority, sequence = (int(number) for number in prefix.split(",")[:2])
    except ValueError:
        return None
    if not sign or priority >> 3:  # facility 0 is the kernel
        return None
    return Record(priority & 7, text.splitlines()[0] if text else "", sequence)


def log_position() -> int:
    """Return the number of the kernel's newest record; -1 where there is none."""
    with KernelLog(whole=True) as log:
        return max((record.sequence for record in log.read()), default=-1)


def faults(records: list[Record]) -> list[str]:
    """Return the lines with which the kernel begins to tell of a warning or a fault."""
    return [record.text for record in records if record.text.startswith(_FAULTS)]


def faults_since(position: int | None) -> list[str]:
    """Return the warnings and faults in the kernel's log after a position; none where no position is given."""
    if position is None:
        return []
    with KernelLog(whole=True) as log:
        return faults([record for record in log.read() if record.sequence > position])


class KernelLog:
    """The records that the kernel writes from the moment this is opened; with `whole` all that it still has."""

    def __init__(self, path: str = "", whole: bool = False) -> None:
        self._path, self._whole = path or KMSG, whole
        self._descriptor = -1

    def __enter__(self) -> KernelLog:
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            if not self._whole:
                os.lseek(self._descriptor, 0, os.SEEK_END)
        except OSError:
            self._descriptor = -1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def read(self) -> list[Record]:
        """Return the records since the last look, without waiting for more."""
        records: list[Record] = []
        for _ in range(_LIMIT if self._descriptor >= 0 else 0):
            try:
                raw = os.read(self._descriptor, 8192)
            except BrokenPipeError:  # records were overwritten before we read them
                continue
            except OSError:
                break
            if not raw:
                break
            record = parse_record(raw.decode("utf-8", "replace"))
            if record:
                records.append(record)
        return records
