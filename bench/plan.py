# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run has to do: all of it, or what one that was cut short still lacks."""

from __future__ import annotations

from pathlib import Path

from .cases import CASES, Choice, Turn, expected, turns
from .rows import Row, read
from .stamp import machine_size, now


def begin(choice: Choice, run: str, results: Path) -> tuple[str, list[Turn]]:
    """Return when the run began, and the turns that it lacks; without `run`, one that begins now and lacks all.

    :param run: the column `run` of the rows of one that was cut short.
    :raises ValueError: when there is none, or it was on another machine, or it lacks nothing.
    """
    chosen = list(turns(choice))
    if not run:
        return now(), chosen
    rows = read(results, Row)
    own = [row for row in rows if row.run == run]
    if not own:
        newest = f"the newest is {rows[-1].run}" if rows else "there is none"
        raise ValueError(f"BENCH_RUN is {run}, and {results} has no such run; {newest}")
    if own[0].size != machine_size():
        raise ValueError(f"the run {run} was on {own[0].size}, and this is {machine_size()}: begin a new one")
    had = {Turn(row.case, row.hosts, row.round, row.contestant) for row in own}
    lacking = [turn for turn in chosen if turn not in had]
    if not lacking:
        raise ValueError(f"the run {run} has all that; ask for more with BENCH_ROUNDS, BENCH_CASES or BENCH_FLEETS")
    return run, lacking


def plan(measured: list[Turn]) -> str:
    """Return what a run does, and about how long each case takes."""
    lines, total = [], 0
    before = {turn.deploys() for turn in measured if CASES[turn.case].deployed} - set(measured)
    if before:
        seconds = sum(map(expected, before))
        total += seconds
        lines.append(f"{'to begin with':12} {len(before):3} turns, about {seconds / 60:5.1f} min, not measured")
    for name, hosts in dict.fromkeys((turn.case, turn.hosts) for turn in measured):
        part = [turn for turn in measured if (turn.case, turn.hosts) == (name, hosts)]
        seconds = sum(map(expected, part))
        total += seconds
        label = f"{name} {hosts}" if hosts > 1 else name
        lines.append(f"{label:13} {len(part):3} turns, about {seconds / 60:5.1f} min")
    return "\n".join([*lines, f"about {total / 60:.0f} min, and a minute for each machine that is not made yet"])
