# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel says while we work: /dev/kmsg, from now on."""

from __future__ import annotations

import os
from types import TracebackType
from typing import NamedTuple

KMSG = "/dev/kmsg"
_LIMIT = 2000  # records; a module that floods the log must not fill our memory


class Record(NamedTuple):
    """One record: its level (0 emergency to 7 debug) and its text."""

    level: int
    text: str


def parse_record(raw: str) -> Record | None:
    """Return a record of `priority,sequence,time,flags;text`; None for what user space wrote."""
    prefix, sign, text = raw.partition(";")
    try:
        priority = int(prefix.split(",")[0])
    except ValueError:
        return None
    if not sign or priority >> 3:  # facility 0 is the kernel
        return None
    return Record(priority & 7, text.splitlines()[0] if text else "")


class KernelLog:
    """The records that the kernel writes from the moment this is opened."""

    def __init__(self, path: str = KMSG) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> KernelLog:
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
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
