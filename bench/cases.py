# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is measured, by whom, in which order, and how long that takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .rows import ROUNDS

TOOLS = ("ours", "role", "pyinfra", "dkms", "floor")
CONTESTANTS = (*TOOLS, "ping")
FLEET = 4  # hosts of the cases that change a deployed fleet
SIZE, OTHER_SIZE = 4096, 8192  # bytes: simpledriver's parameter, before and after it is changed
ALLOWED = 900  # seconds for one host; a fleet shares the cores


@dataclass(frozen=True)
class Case:
    """One kind of work.

    :param text: how a table calls it.
    :param machines: names of bench/inventory.yml; of a fleet, the first ones.
    :param contestants: who does it.
    :param deployed: they find what they have deployed themselves; otherwise a machine that has just been made.
    :param first: the case that deploys it.
    :param joins: one host more than were deployed to.
    """

    text: str
    machines: tuple[str, ...]
    contestants: tuple[str, ...]
    deployed: bool = False
    first: str = ""
    joins: bool = False
    size: int = SIZE
    edited: bool = False


FLEETS = tuple(f"web{number}" for number in range(1, 9))

# The most telling ones first: a run that is cut short has those.
CASES = {
    "idle": Case("nothing to do", ("ready",), CONTESTANTS, deployed=True, first="headers"),
    "parameter": Case("one parameter changed", ("ready",), TOOLS, deployed=True, first="headers", size=OTHER_SIZE),
    "headers": Case("first deploy, headers there", ("ready",), TOOLS),
    "bare": Case("first deploy, bare box", ("bare",), TOOLS),
    "source": Case("one source line changed", ("ready",), TOOLS, deployed=True, first="headers", edited=True),
    "fleet": Case("first deploy, bare fleet", FLEETS, TOOLS),
    "group": Case(
        "one parameter changed in a fleet", FLEETS, ("ours", "ping"), deployed=True, first="fleet", size=OTHER_SIZE
    ),
    "join": Case("a host joins a deployed fleet", FLEETS, ("ours", "ping"), deployed=True, first="fleet", joins=True),
}


class Turn(NamedTuple):
    """One measurement: who does what, on how many hosts, for the how manieth time."""

    case: str
    hosts: int
    round: int
    contestant: str

    def machines(self) -> tuple[str, ...]:
        """Return the machines that take part."""
        return CASES[self.case].machines[: self.hosts]

    def deploys(self) -> Turn:
        """Return the turn this one builds upon: the same contestant's first deploy; for ping, ours."""
        case = CASES[self.case]
        who = "ours" if self.contestant == "ping" else self.contestant
        return Turn(case.first, self.hosts - case.joins, 1, who)

    def limit(self) -> int:
        """Return the seconds after which it is given up."""
        return ALLOWED * self.hosts


@dataclass(frozen=True)
class Choice:
    """What of all that a run measures."""

    rounds: int = ROUNDS
    cases: tuple[str, ...] = tuple(CASES)
    contestants: tuple[str, ...] = CONTESTANTS
    fleets: tuple[int, ...] = (2, 4, 8)  # one bare host is the case `bare`


def choose(environment: Mapping[str, str]) -> Choice:
    """Return what BENCH_ROUNDS, BENCH_CASES, BENCH_CONTESTANTS and BENCH_FLEETS ask for.

    :raises ValueError: when a word is unknown, or nothing is left to do.
    """
    everything = Choice()
    rounds = _words(environment, "BENCH_ROUNDS", tuple(map(str, range(1, 100)))) or (str(everything.rounds),)
    fleets = _words(environment, "BENCH_FLEETS", tuple(str(count) for count in range(2, len(FLEETS) + 1)))
    if len(rounds) != 1:
        raise ValueError("BENCH_ROUNDS is one number")
    choice = Choice(
        int(rounds[0]),
        _words(environment, "BENCH_CASES", tuple(CASES)) or everything.cases,
        _words(environment, "BENCH_CONTESTANTS", CONTESTANTS) or everything.contestants,
        tuple(map(int, fleets)) or everything.fleets,
    )
    if not any(turns(choice)):
        raise ValueError("none of BENCH_CONTESTANTS takes part in any of BENCH_CASES")
    return choice


def _words(environment: Mapping[str, str], name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a variable in the order of those that are known; a word that is none is an error."""
    words = environment.get(name, "").replace(",", " ").split()
    unknown = sorted(set(words) - set(known))
    if unknown:
        said = ", ".join(known) if len(known) < 20 else f"{known[0]} to {known[-1]}"
        raise ValueError(f"{name} names {', '.join(unknown)}; there are {said}")
    return tuple(word for word in known if word in words)


def turns(choice: Choice) -> Iterator[Turn]:
    """Return all turns in order: case by case, within a case A B C A B C …"""
    for name in choice.cases:
        case = CASES[name]
        for hosts in _sizes(name, choice):
            for number in range(1, choice.rounds + 1):
                for contestant in case.contestants:
                    if contestant in choice.contestants:
                        yield Turn(name, hosts, number, contestant)


def _sizes(name: str, choice: Choice) -> tuple[int, ...]:
    case = CASES[name]
    if case.machines != FLEETS:
        return (1,)
    return (FLEET + case.joins,) if case.deployed else choice.fleets


# Seconds that a turn takes on 2 cores without KVM, to say beforehand how long a run will be; a fleet's by its hosts.
# Nothing that is published is taken from here.
EXPECTED = {
    "idle": {"ours": 6, "role": 97, "pyinfra": 11, "dkms": 5, "floor": 2, "ping": 4},
    "parameter": {"ours": 10, "role": 113, "pyinfra": 13, "dkms": 5, "floor": 2},
    "headers": {"ours": 54, "role": 170, "pyinfra": 73, "dkms": 80, "floor": 37},
    "bare": {"ours": 130, "role": 255, "pyinfra": 160, "dkms": 150, "floor": 118},
    "source": {"ours": 32, "role": 135, "pyinfra": 36, "dkms": 50, "floor": 35},
    "group": {"ours": 65, "ping": 23},
    "join": {"ours": 60, "ping": 28},
}
AROUND = 12  # seconds: machines put back, counters read, the end state checked
JOINS = 7  # seconds: one host more that gets what another one has built
CORES_TAKE = 0.66  # whoever builds on each host keeps both cores busy: of what one host takes, for each


def expected(turn: Turn) -> int:
    """Return about how many seconds a turn will take."""
    if turn.case != "fleet":
        return EXPECTED[turn.case][turn.contestant] + AROUND
    alone = EXPECTED["bare"][turn.contestant]
    if turn.contestant == "ours":
        return alone + (turn.hosts - 1) * JOINS + AROUND
    return round(alone * max(1, turn.hosts * CORES_TAKE)) + AROUND
