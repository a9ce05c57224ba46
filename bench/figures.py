# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From rows to figures: medians, ratios within one run, and the targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median

from .cases import CASES, CONTESTANTS, FLEET
from .programs import NAMES, Step
from .rows import Growth, Row, Share, same_run

GROWTH = ("wall", "cpu", "largest", "peak", "calls")
AS_IT_IS = "ansible.cfg"  # the setting beside which the others are tried
MEASURED = ("wall", "controller_cpu", "guest_cpu", "remote_calls", "bytes_sent", "compiled", "headers")


@dataclass(frozen=True)
class Block:
    """A case on some hosts, in one run.

    :param when: when its run began, to the minute, and the day of its last turn where that is another one.
    :param medians: contestant -> column of MEASURED -> median; who was not measured is not in it.
    :param spread: contestant -> (least, most) wall seconds.
    :param rounds: contestant -> how many.
    :param unit: wall seconds of a ping of as many hosts in that run, None where there was none.
    """

    case: str
    hosts: int
    when: str
    size: str
    medians: dict[str, dict[str, float]]
    spread: dict[str, tuple[float, float]]
    rounds: dict[str, int]
    unit: float | None

    def ratio(self, who: str, to: str, column: str = "wall") -> float | None:
        """Return the ratio of two medians, None where one is missing or nothing."""
        above, below = (self.medians.get(one, {}).get(column) for one in (who, to))
        return above / below if above is not None and below else None


def blocks(rows: list[Row]) -> list[Block]:
    """Return every case that was measured, in the order of CASES, each from the run that same_run chooses.

    Who had no part in that run comes in a further block, of a run that has both of us.
    """
    keys = sorted({(row.case, row.hosts) for row in rows}, key=lambda key: (list(CASES).index(key[0]), key[1]))
    return [_block(part, rows) for case, hosts in keys for part in _parts(case, hosts, rows)]


def by_size(measured: Iterable[Block]) -> list[Block]:
    """Return the first deploys to bare hosts, a block for each number of them: that with the most contestants."""
    bare = sorted((block for block in measured if block.case in ("bare", "fleet")), key=lambda block: block.hosts)
    return [max(same, key=lambda block: len(block.medians)) for _, same in groupby(bare, lambda block: block.hosts)]


def _parts(case: str, hosts: int, rows: list[Row]) -> Iterator[list[Row]]:
    seen: set[str] = set()
    left = [row for row in rows if (row.case, row.hosts) == (case, hosts)]
    while part := same_run(left, case, hosts):
        yield part
        seen |= {row.contestant for row in part}
        runs = {row.run for row in left if row.contestant not in seen}
        left = [row for row in left if row.run in runs]


def _block(part: list[Row], rows: list[Row]) -> Block:
    """Return what rows of one run, case and number of hosts come to; the unit is looked for among all rows."""
    case, hosts = part[0].case, part[0].hosts
    by = {who: [row for row in part if row.contestant == who] for who in CONTESTANTS}
    by = {who: own for who, own in by.items() if own}
    walls = {who: [row.wall for row in own] for who, own in by.items()}
    pings = [row for row in rows if (row.run, row.contestant, row.hosts) == (part[0].run, "ping", hosts)]
    pings = [row for row in pings if row.case == case] or pings
    return Block(
        case,
        hosts,
        _when(part),
        part[0].size,
        {who: {name: median(getattr(row, name) for row in own) for name in MEASURED} for who, own in by.items()},
        {who: (min(values), max(values)) for who, values in walls.items()},
        {who: len(own) for who, own in by.items()},
        median(row.wall for row in pings) if pings else None,
    )


def _when(part: list[Row]) -> str:
    begun, last = _minute(part[0].run), max(row.date for row in part)[:10]
    return begun if begun.startswith(last) else f"{begun[:10]} to {last}"


def _minute(run: str) -> str:
    """Return when a run began, for people."""
    return run[:16].replace("T", " ")


def counted(number: int, thing: str) -> str:
    """Return a number of things: `1 host`, `2 hosts`."""
    return f"{number} {thing}" + ("s" if number != 1 else "")


@dataclass(frozen=True)
class Steps:
    """Whose CPU time went where in a case on one host, in one run; medians.

    :param begun: when its run began, to the minute.
    :param rounds: the fewest that a contestant had.
    :param taken: contestant -> step -> what its processes took; in the order of CONTESTANTS and STEPS.
    :param counted: contestant -> CPU seconds that the host counted in all.
    """

    begun: str
    rounds: int
    taken: dict[str, dict[str, Step]]
    counted: dict[str, float]


def by_step(shares: Iterable[Share], rows: Iterable[Row], case: str) -> Steps | None:
    """Return the steps of a case, of the run that same_run chooses; None where there is none."""
    found = same_run(shares, case, 1)
    if not found:
        return None
    rounds = {who: {one.round for one in found if one.contestant == who} for who in CONTESTANTS}
    rounds = {who: own for who, own in rounds.items() if own}
    whole = [row for row in rows if (row.run, row.case, row.hosts) == (found[0].run, case, 1)]
    return Steps(
        _minute(found[0].run),
        min(map(len, rounds.values())),
        {who: {name: _step(found, who, name, own) for name in NAMES} for who, own in rounds.items()},
        {who: median(row.guest_cpu for row in whole if row.contestant == who) for who in rounds},
    )


def _step(shares: list[Share], who: str, name: str, rounds: set[int]) -> Step:
    own = {one.round: (one.processes, one.cpu) for one in shares if (one.contestant, one.step) == (who, name)}
    # A round without such a process is a round with none of them.
    processes, cpu = (median(column) for column in zip(*(own.get(one, (0, 0.0)) for one in rounds), strict=True))
    return Step(round(processes), cpu)


@dataclass(frozen=True)
class Target:
    """One line of what was promised: a median of ours, or its ratio to another's, is at most this."""

    work: str
    case: str
    hosts: int
    limit: float
    to: str = ""
    column: str = "wall"
    said: str = field(default="")

    def value(self, measured: Iterable[Block]) -> float | None:
        """Return what was measured, None where it was not."""
        block = self._block(measured)
        if not block:
            return None
        return block.ratio("ours", self.to, self.column) if self.to else block.medians["ours"][self.column]

    def rounds(self, measured: Iterable[Block]) -> int:
        """Return how many rounds that is the median of: of the two that are compared, the fewer."""
        block = self._block(measured)
        return min(block.rounds.get(who, 0) for who in ("ours", self.to or "ours")) if block else 0

    def _block(self, measured: Iterable[Block]) -> Block | None:
        found = (block for block in measured if (block.case, block.hosts) == (self.case, self.hosts))
        return next((block for block in found if (self.to or "ours") in block.medians), None)


_IDLE, _FLEET = "nothing to do, all three modules asserted", f"first deploy, {FLEET} hosts of one kernel"
_JOIN = "a fifth host joins a deployed fleet of its kernel"
TARGETS = (
    Target(_IDLE, "idle", 1, 2.0, "ping", said="ping"),
    Target(_IDLE, "idle", 1, 0.6, "pyinfra", said="pyinfra"),
    Target(_IDLE, "idle", 1, 0.08, "role", said="the role"),
    Target("first deploy, bare box, built on that host", "bare", 1, 1.15, "floor", said="the floor"),
    Target(_FLEET, "fleet", FLEET, 0.4, "dkms", "guest_cpu", said="DKMS in guest CPU seconds"),
    Target(_FLEET, "fleet", FLEET, 0.5, "dkms", said="DKMS in wall time"),
    Target(f"one parameter changed, {FLEET} hosts", "group", FLEET, 3.0, "ping", said="ping"),
    Target(_JOIN, "join", FLEET + 1, 0, column="compiled", said="compilations"),
    Target(_JOIN, "join", FLEET + 1, 0, column="headers", said="hosts that get headers"),
    Target(_JOIN, "join", FLEET + 1, 3.0, "ping", said="ping"),
)
MEMORY_LIMIT = 150  # MiB above Ansible's own, at MOST hosts
MOST = 1000


@dataclass(frozen=True)
class Grown:
    """What one play took of the controller, with one setting: medians of a day.

    :param base: the same with ansible.cfg as it is, of that day; None where it was not measured.
    """

    row: Growth
    rounds: int
    base: Growth | None

    def ratio(self, column: str) -> float | None:
        """Return how many times what ansible.cfg as it is takes."""
        return getattr(self.row, column) / getattr(self.base, column) if self.base else None


def grown(growth: Iterable[Growth]) -> list[Grown]:
    """Return the medians of each size, setting and play, of the newest day that has it; the sizes in order."""
    days: dict[tuple[int, str, str], dict[str, list[Growth]]] = {}
    for row in growth:
        days.setdefault((row.hosts, row.setting, row.play), {}).setdefault(row.date[:10], []).append(row)
    made = []
    for (hosts, _setting, play), by in days.items():
        day = max(by)
        base = days.get((hosts, AS_IT_IS, play), {}).get(day)
        made.append(Grown(_medians(by[day]), len(by[day]), _medians(base) if base else None))
    return sorted(made, key=lambda one: one.row.hosts)


def _medians(rows: list[Growth]) -> Growth:
    return rows[-1]._replace(**{name: median(getattr(row, name) for row in rows) for name in GROWTH})


def above_own(growth: Iterable[Growth]) -> dict[int, float]:
    """Return hosts -> MiB by which the process that knows all hosts is larger than in a play with only a ping."""
    found = {(one.row.hosts, one.row.play): one.row.largest for one in grown(growth) if one.row.setting == AS_IT_IS}
    both = sorted(hosts for hosts, play in found if play == "ours" and (hosts, "ping") in found)
    return {hosts: found[hosts, "ours"] - found[hosts, "ping"] for hosts in both}
