# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Measure side by side: `make bench`, or `make bench-plan` to see what it would do and how long that takes.

BENCH_ROUNDS, BENCH_CASES, BENCH_CONTESTANTS and BENCH_FLEETS narrow it, BENCH_RESULTS names another file than
bench/results.csv; what programs took stands in programs.csv beside it. Rows are written one by one; a run that is cut
short keeps what it has, and BENCH_RUN, when that run began, takes it up with the turns that it lacks.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import yaml

from . import check, counters, programs
from .cases import CASES, SIZE, Turn, choose
from .contestants import CALLS, Place
from .machines import FRESH, ROOT, BenchError, Machines, alone, together
from .plan import begin, plan
from .rows import Row, Share, append
from .stamp import machine_size, now

WORK = ROOT / ".cache/bench"
RESULTS = ROOT / "bench/results.csv"
PROGRAMS = "programs.csv"  # beside the results
METER = ROOT / "bench/meter.py"
HALT = 30  # seconds that the meter has beyond a turn's limit, to end what the turn has left


class Bench:
    """One run."""

    def __init__(self, begun: str, planned: list[Turn], machines: Machines, results: Path) -> None:
        """Measure nothing yet.

        kept: turn that deployed -> {machine: its build of the module whose source will be changed}.
        """
        self.begun, self.planned, self.machines, self.results = begun, planned, machines, results
        self.kept: dict[Turn, dict[str, str | None]] = {}
        self.done: set[Turn] = set()
        self.failed: dict[tuple[str, int, str], str] = {}

    def run(self) -> list[str]:
        """Measure all turns; return what went wrong, in words."""
        self.machines.make(sorted({name for turn in self.planned for name in needed(turn)}))
        try:
            for turn in self.planned:
                with self._noting(turn):
                    if CASES[turn.case].deployed:
                        self._deploy(turn.deploys())
                    self._measure(turn)
        finally:
            self.machines.stop(set(self.machines.ports))
        return [f"{case}, {hosts} host(s), {who}: {why}" for (case, hosts, who), why in self.failed.items()]

    @contextlib.contextmanager
    def _noting(self, turn: Turn) -> Iterator[None]:
        """A contestant that has failed once in a case is not asked there again; the others go on."""
        try:
            yield
        except (BenchError, OSError, ValueError, subprocess.TimeoutExpired) as error:
            self.failed.setdefault((turn.case, turn.hosts, turn.contestant), str(error))
            say(f"{turn.case} {turn.hosts} {turn.contestant}: {error}")

    def _deploy(self, turn: Turn) -> None:
        """Make the state that other turns begin with; where that deploy is itself asked for, its row is written."""
        if turn not in self.kept:
            self._measure(turn)
            if turn not in self.kept:
                raise BenchError(f"the first deploy, {turn.case}, has failed")

    def _measure(self, turn: Turn) -> None:
        known = (turn.case, turn.hosts, turn.contestant)
        if turn in self.done or known in self.failed:
            return
        self.done.add(turn)
        with self._noting(turn):
            row, shares, seen = self._turn(turn)
            if turn in self.planned:
                append(self.results, row)
                for share in shares:
                    append(self.results.with_name(PROGRAMS), share)
            say(" ".join(f"{name}={value}" for name, value in row._asdict().items() if name not in ("run", "size")))
            if turn.round == 1 and not CASES[turn.case].deployed and self._is_needed(turn):
                self.machines.keep(turn.machines(), state(turn))
                store = WORK / "stores" / state(turn)
                shutil.rmtree(store, ignore_errors=True)
                shutil.copytree(WORK / "turn/store", store)
                self.kept[turn] = {name: check.build(one) for name, one in seen.items()}

    def _is_needed(self, turn: Turn) -> bool:
        return any(CASES[other.case].deployed and other.deploys() == turn for other in self.planned)

    def _turn(self, turn: Turn) -> tuple[Row, list[Share], dict[str, dict[str, str | None]]]:
        """Return what a turn took, by which programs, and what every host shows after it."""
        case, names = CASES[turn.case], turn.machines()
        date, base = now(), turn.deploys() if case.deployed else None
        self.machines.put_back({name: began(name, base) for name in names})
        command, environment = CALLS[turn.contestant](turn, lay(turn, base, self.machines), case.size)
        before = together(self._count_twice, names)
        took = meter(command, environment, turn.limit(), log(turn))
        after = together(self._count, names)
        ended = together(self._ended, names)
        if took["status"]:
            raise BenchError(f"ended with {took['status']:.0f} after {took['wall']:.0f} s; {log(turn)} says more")
        seen = self._proven(turn, base)
        spent = [counters.spent(*before[name], after[name]) for name in names]
        return self._row(turn, date, took, spent), self._shares(turn, ended.values()), seen

    def _proven(self, turn: Turn, base: Turn | None) -> dict[str, dict[str, str | None]]:
        """Return what every host shows, unless that is not the asserted state."""
        case, names = CASES[turn.case], turn.machines()
        seen = together(lambda name: check.parse(self.machines.call(name, "python3 -", given=check.program())), names)
        size = SIZE if turn.contestant == "ping" else case.size
        wrong = [f"{name}: {one}" for name in joined(turn) for one in check.wrong(seen[name], size)]
        if case.edited and base:
            same = [name for name in names if check.build(seen[name]) == self.kept[base][name]]
            wrong += [f"{name}: runs the former build of {check.EDITED}" for name in same]
        if wrong:
            raise BenchError(f"not in the asserted state: {'; '.join(wrong)}; {log(turn)} says more")
        return seen

    def _row(self, turn: Turn, date: str, took: dict[str, float], spent: list[counters.Counters]) -> Row:
        cpu, received, sessions, headers, compiled = (sum(column) for column in zip(*spent, strict=True))
        return Row(
            self.begun,
            date,
            machine_size(),
            turn.round,
            turn.case,
            turn.contestant,
            turn.hosts,
            round(took["wall"], 2),
            round(took["cpu"], 2),
            round(cpu, 2),
            int(sessions),
            int(received),
            int(compiled),
            int(headers),
        )

    def _shares(self, turn: Turn, ended: Iterable[list[programs.Process]]) -> list[Share]:
        taken = programs.total(map(programs.steps, ended))
        begun = (self.begun, turn.round, turn.case, turn.contestant, turn.hosts)
        return [Share(*begun, name, step.processes, step.cpu) for name, step in taken.items()]

    def _ended(self, name: str) -> list[programs.Process]:
        return programs.parse(self.machines.call(name, programs.TAKE))

    def _count(self, name: str) -> counters.Counters:
        return counters.parse(self.machines.call(name, counters.SCRIPT))

    def _count_twice(self, name: str) -> tuple[counters.Counters, counters.Counters]:
        self.machines.call(name, f"{counters.FORGET}\n{programs.START}")
        return self._count(name), self._count(name)


def needed(turn: Turn) -> tuple[str, ...]:
    """Return the machines of a turn and of the one that it builds upon."""
    return turn.machines() + (turn.deploys().machines() if CASES[turn.case].deployed else ())


def joined(turn: Turn) -> tuple[str, ...]:
    """Return the machines on which the modules have to be: ping brings none to a host that joins."""
    return turn.machines()[:-1] if CASES[turn.case].joins and turn.contestant == "ping" else turn.machines()


def state(turn: Turn) -> str:
    """Return the name under which is kept what a turn has deployed."""
    return f"{turn.contestant}-{turn.case}-{turn.hosts}"


def log(turn: Turn) -> Path:
    """Return the file that keeps what a turn's command says."""
    return WORK / "log" / state(turn)


def began(name: str, base: Turn | None) -> str:
    """Return the state in which a machine begins, given the turn that has deployed."""
    return state(base) if base and name in base.machines() else FRESH


def lay(turn: Turn, base: Turn | None, machines: Machines) -> Place:
    """Lay out a folder with all that a turn needs on this side."""
    work = WORK / "turn"
    shutil.rmtree(work, ignore_errors=True)
    (WORK / "log").mkdir(exist_ok=True)
    place = Place(work, work / "hosts.yml", machines.ssh_config, work / "modules", work / "sources", work / "store")
    shutil.copytree(ROOT / "files/kmod", place.modules)
    if CASES[turn.case].edited:
        source = place.modules / check.EDITED / f"{check.EDITED}.c"
        text = source.read_text(encoding="utf-8")
        if check.LINE not in text:
            raise BenchError(f"{source.name} has no line {check.LINE}")
        source.write_text(text.replace(check.LINE, check.OTHER_LINE.format(round=turn.round)), encoding="utf-8")
    shutil.copytree(place.modules, place.sources, ignore=shutil.ignore_patterns("kmod.yml"))
    (place.sources / "Kbuild").write_text("".join(f"obj-m += {name}/\n" for name in check.MODULES), encoding="utf-8")
    if base and (WORK / "stores" / state(base)).exists():
        shutil.copytree(WORK / "stores" / state(base), place.store)
    else:
        place.store.mkdir()
    place.inventory.write_text(yaml.safe_dump(inventory(turn, machines)), encoding="utf-8")
    return place


def inventory(turn: Turn, machines: Machines) -> dict[str, object]:
    """Return this turn's hosts as every user of Ansible would have them."""
    common = yaml.safe_load((ROOT / "inventory/group_vars/lab.yml").read_text(encoding="utf-8"))
    hosts = {name: {"ansible_port": machines.ports[name]} for name in turn.machines()}
    kept = {name: common[name] for name in ("ansible_host", "ansible_user", "ansible_ssh_common_args")}
    key = {"ansible_ssh_private_key_file": str(machines.lab.key), "ansible_python_interpreter": "/usr/bin/python3"}
    return {"all": {"hosts": hosts, "vars": {**kept, **key}}}


def meter(command: list[str], environment: dict[str, str], seconds: float, log: Path) -> dict[str, float]:
    """Return what the meter says of a command, measured in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(METER), str(seconds), str(log), *command],
        cwd=WORK / "turn",
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        timeout=seconds + HALT,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"{METER.name} failed with {done.returncode}")
    took: dict[str, float] = json.loads(done.stdout)
    return took


def say(text: str) -> None:
    """Print a line at once: a run takes long."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)


def main(arguments: list[str]) -> int:
    """Run, or only plan; return the exit status."""
    results = Path(os.environ.get("BENCH_RESULTS") or RESULTS)
    try:
        begun, planned = begin(choose(os.environ), os.environ.get("BENCH_RUN", ""), results)
    except ValueError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(plan(planned), flush=True)
    if "--plan" in arguments:
        return 0
    try:
        with alone(WORK):
            wrong = Bench(begun, planned, Machines(WORK / "ssh"), results).run()
    except BenchError as error:
        wrong = [str(error)]
    for one in wrong:
        print(f"bench: {one}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
