# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The measurements as rows of a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

ROUNDS = 3  # of a case, where there is time for them


class Row(NamedTuple):
    """One turn. Seconds but for the counts; guest CPU and what follows are sums over the hosts.

    :param run: when its run began: rows of one run may be compared.
    :param date: when the turn began.
    :param size: of the machine that all of it ran on.
    :param remote_calls: sessions that the hosts' sshd has started.
    :param bytes_sent: that came to the hosts by the way that ssh takes, headers of packets included.
    :param compiled: on how many hosts the compiler ran.
    :param headers: how many hosts have got the kernel's headers.
    """

    run: str
    date: str
    size: str
    round: int
    case: str
    contestant: str
    hosts: int
    wall: float
    controller_cpu: float
    guest_cpu: float
    remote_calls: int
    bytes_sent: int
    compiled: int
    headers: int


class Share(NamedTuple):
    """What one step of a turn took, summed over the hosts; `cpu` in seconds.

    :param step: one of bench/programs.py.
    """

    run: str
    round: int
    case: str
    contestant: str
    hosts: int
    step: str
    processes: int
    cpu: float


class Growth(NamedTuple):
    """What one play took of the controller for some hosts; `play` is ours, or ping.

    :param cpu: seconds, of all processes of the play.
    :param largest: MiB, the most that its largest process has had.
    :param peak: MiB, the most that a look at all its processes has found, shared pages counted once.
    :param calls: remote calls for each host.
    """

    date: str
    size: str
    play: str
    setting: str
    hosts: int
    wall: float
    cpu: float
    largest: float
    peak: float
    calls: float


def append(path: Path, row: Row | Share | Growth) -> None:
    """Write one row behind the others; what was written before stays, whatever happens next."""
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(row._fields)
        writer.writerow(row)


Kind = TypeVar("Kind", Row, Share, Growth)


def read(path: Path, kind: type[Kind]) -> list[Kind]:
    """Return all rows of a file; none where there is no file.

    :raises ValueError: when a row is not one.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != kind._fields:
            raise ValueError(f"{path} has other columns than {', '.join(kind._fields)}")
        return [_row(kind, fields, f"{path}:{reader.line_num}") for fields in reader]


def _row(kind: type[Kind], fields: dict[str, Any], where: str) -> Kind:
    types = {"int": int, "float": float, "str": str}
    try:
        return kind(**{name: types[_word(of)](fields[name]) for name, of in kind.__annotations__.items()})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from None


def _word(annotation: Any) -> str:
    return str(getattr(annotation, "__forward_arg__", annotation))


Turned = TypeVar("Turned", Row, Share)


def same_run(rows: Iterable[Turned], case: str, hosts: int) -> list[Turned]:
    """Return a case's rows of one run in which we took part; without us there is nothing to compare with.

    It is the newest in which we had all rounds, so that a shorter look does not take its place; or else the newest.
    """
    found = [row for row in rows if (row.case, row.hosts) == (case, hosts)]
    ours: dict[str, set[int]] = {}
    for row in found:
        if row.contestant == "ours":
            ours.setdefault(row.run, set()).add(row.round)
    chosen = max(ours, key=lambda run: (len(ours[run]) >= ROUNDS, run), default=None)
    return [row for row in found if row.run == chosen]
