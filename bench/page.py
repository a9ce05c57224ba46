# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""docs/bench.md and its picture from what was measured: `make bench-page`.

Nothing is on the page that is not in bench/results.csv, programs.csv, growth.csv and call.txt beside it; what is
missing there is said to be.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from ..tests.marked import update
from .cases import CASES, TOOLS
from .figures import (
    AS_IT_IS,
    MEMORY_LIMIT,
    MOST,
    TARGETS,
    Block,
    Grown,
    Steps,
    above_own,
    blocks,
    by_size,
    by_step,
    counted,
    grown,
)
from .picture import picture
from .programs import NAMES
from .rows import Growth, Row, Share, read

ROOT = Path(__file__).resolve().parent.parent
RESULTS, PROGRAMS = ROOT / "bench/results.csv", ROOT / "bench/programs.csv"
GROWTH, CALL = ROOT / "bench/growth.csv", ROOT / "bench/call.txt"
PAGE, PICTURE = ROOT / "docs/bench.md", ROOT / "docs/bench.svg"
BEGIN = "<!-- made by `make bench-page` -->"
NONE = "-"
COLUMNS = ("", "rounds", "seconds", "least to most", "of ours", "of ping", "guest CPU s", "controller CPU s",
           "remote calls", "KB sent")  # fmt: skip
GROWN = ("hosts", "play", "rounds", "seconds", "CPU s", "largest process MiB", "all MiB", "remote calls a host", "date")
TRIED = ("hosts", "play", "setting", "rounds", "seconds", "CPU s", "seconds, of ansible.cfg's", "CPU, of ansible.cfg's",
         "all MiB", "remote calls a host", "date")  # fmt: skip


def render(rows: list[Row], growth: list[Growth], call: str = "", shares: Iterable[Share] = ()) -> str:
    """Return all that stands between the marks."""
    measured = blocks(rows)
    parts = ["## Targets", targets(measured, growth)]
    if measured:
        parts += ["![Seconds of each contestant, case by case](bench.svg)", *sections(measured)]
    else:
        parts.append("No case was measured.")
    sizes = by_size(measured)
    if len(sizes) > 1:
        parts.append(fleets(sizes))
    missing = [case.text for name, case in CASES.items() if name not in {block.case for block in measured}]
    if missing:
        parts.append(f"Not measured: {'; '.join(missing)}.")
    parts += ["## Which programs take the CPU of a first deploy", programs(by_step(shares, rows, "bare"))]
    parts += ["## Where one remote call goes", f"```text\n{call}```" if call else "Not measured."]
    parts += ["## What more hosts cost the controller", cost(growth)]
    return "\n\n".join(parts)


def targets(measured: list[Block], growth: list[Growth]) -> str:
    """Return the table of what was promised."""
    lines = [("work", "at most", "measured", "rounds", "")]
    for target in TARGETS:
        value = target.value(measured)
        said = f"{target.limit:g} x {target.said}" if target.to else f"{target.limit:g} {target.said}"
        found = (NONE, NONE) if value is None else (f"{value:.3g}", str(target.rounds(measured)))
        lines.append((target.work, said, *found, verdict(value, target.limit)))
    value = above_own(growth).get(MOST)
    shown = NONE if value is None else f"{value:.0f} MiB"
    said = f"{MEMORY_LIMIT} MiB above Ansible's own"
    lines.append((f"{MOST} hosts, controller only", said, shown, NONE, verdict(value, MEMORY_LIMIT)))
    return table(lines)


def verdict(value: float | None, limit: float) -> str:
    """Return met, missed by how much, or not measured."""
    if value is None:
        return "not measured"
    if value <= limit:
        return "met"
    if not limit:
        return "**missed**"
    over = (value / limit - 1) * 100
    return f"**missed** by {over:.0f} %" if over >= 1 else f"**missed** by {over:.1g} %"


def sections(measured: list[Block]) -> Iterator[str]:
    """Yield each case with its tables, one for each run; who is in none of them is said in the first."""
    for (case, hosts), group in groupby(measured, lambda block: (block.case, block.hosts)):
        first, *others = group
        title = f"### {CASES[case].text.capitalize()}, {counted(hosts, 'host')}"
        later = {who for block in others for who in block.medians}
        yield f"{title}\n\n{one_run(first, later - set(first.medians))}"
        for block in others:
            yield one_run(block, set(CASES[case].contestants) - set(block.medians))


def one_run(block: Block, without: set[str]) -> str:
    """Return a run's table; of some contestants nothing is said."""
    lines = [COLUMNS, *(line(block, who) for who in CASES[block.case].contestants if who not in without)]
    return f"{block.when}, {block.size}.\n\n{table(lines)}"


def fleets(sizes: list[Block]) -> str:
    """Return the sizes of a fleet side by side."""
    parts = ["### First deploy, bare hosts, by their number", "In brackets: times what ours took in that run."]
    for column, name in (("wall", "seconds"), ("guest_cpu", "guest CPU s")):
        lines = ((who, *(size_cell(block, who, column) for block in sizes)) for who in TOOLS)
        parts.append(table([(name, *map(size_head, sizes)), *lines]))
    return "\n\n".join(parts)


def size_head(block: Block) -> str:
    """Return a fleet's size, when it was measured, and how often."""
    rounds = block.rounds["ours"]
    return f"{counted(block.hosts, 'host')}, {block.when}, {counted(rounds, 'round')}"


def size_cell(block: Block, who: str, column: str) -> str:
    """Return one contestant's median on a fleet of one size."""
    if who not in block.medians:
        return NONE
    return f"{block.medians[who][column]:.0f} ({times(block.ratio(who, 'ours', column))})"


def line(block: Block, who: str) -> tuple[str, ...]:
    """Return one contestant's cells."""
    if who not in block.medians:
        return (who, "not measured", *[NONE] * (len(COLUMNS) - 2))
    own, (least, most) = block.medians[who], block.spread[who]
    return (
        who,
        str(block.rounds[who]),
        f"{own['wall']:.1f}",
        f"{least:.1f} to {most:.1f}",
        times(block.ratio(who, "ours")),
        times(own["wall"] / block.unit if block.unit else None),
        f"{own['guest_cpu']:.1f}",
        f"{own['controller_cpu']:.1f}",
        f"{own['remote_calls']:.0f}",
        f"{own['bytes_sent'] / 1000:.0f}",
    )


def programs(found: Steps | None) -> str:
    """Return the steps of a case side by side."""
    if not found:
        return "Not measured."
    lines = [("", *found.taken)]
    for name in NAMES:
        own = [steps[name] for steps in found.taken.values()]
        if any(step.processes for step in own):
            lines.append((name, *(f"{step.cpu:.1f} ({step.processes})" if step.processes else NONE for step in own)))
    lines.append(("counted by the host in all", *(f"{found.counted[who]:.1f}" for who in found.taken)))
    said = f"{found.begun}, bare box, {counted(found.rounds, 'round')}"
    return f"{said}. CPU seconds, and in brackets how many processes.\n\n{table(lines)}"


def times(ratio: float | None) -> str:
    """Return a ratio with as many digits as it deserves."""
    return NONE if ratio is None else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def cost(growth: list[Growth]) -> str:
    """Return what hosts cost the controller, what of it is ours, and what other settings would do."""
    if not growth:
        return "Not measured."
    found = grown(growth)
    # A size is shown beside its other settings, which are of the same run, or else with the other sizes.
    others = {one.row.hosts for one in found if one.row.setting != AS_IT_IS}
    alone = [cost_line(one) for one in found if one.row.hosts not in others]
    tried = [one for one in found if one.row.hosts in others]
    above = [f"{value:.0f} MiB at {hosts}" for hosts, value in above_own(growth).items()]
    text = f"The process that knows all hosts is larger than in a play that only pings by: {', '.join(above)} hosts."
    parts = [table([GROWN, *alone])] if alone else []
    parts.append(f"{growth[-1].size}. {text if above else ''}".rstrip())
    if tried:
        tried.sort(key=lambda one: (one.row.hosts, one.row.play))
        parts += ["### Other settings", table([TRIED, *map(tried_line, tried)])]
    return "\n\n".join(parts)


def cost_line(one: Grown) -> tuple[str, ...]:
    """Return what some hosts cost, as cells."""
    row = one.row
    took = (f"{row.wall:.1f}", f"{row.cpu:.1f}", f"{row.largest:.0f}", f"{row.peak:.0f}", f"{row.calls:.2f}")
    return str(row.hosts), row.play, str(one.rounds), *took, row.date[:10]


def tried_line(one: Grown) -> tuple[str, ...]:
    """Return what a setting makes of it, as cells."""
    row = one.row
    ratios = (NONE if value is None else f"{value:.2f}" for value in map(one.ratio, ("wall", "cpu")))
    took = (f"{row.wall:.1f}", f"{row.cpu:.1f}", *ratios, f"{row.peak:.0f}", f"{row.calls:.2f}")
    return str(row.hosts), row.play, row.setting, str(one.rounds), *took, row.date[:10]


def table(lines: Iterable[tuple[str, ...]]) -> str:
    """Return lines as a table in Markdown, the first being its head."""
    first, *rest = (f"| {' | '.join(cells)} |" for cells in lines)
    return "\n".join([first, "|" + " --- |" * (first.count(" | ") + 1), *rest])


def main() -> int:
    """Write page and picture; return the exit status."""
    rows, shares, growth = read(RESULTS, Row), read(PROGRAMS, Share), read(GROWTH, Growth)
    call = CALL.read_text(encoding="utf-8") if CALL.exists() else ""
    text = render(rows, growth, call, shares)
    PAGE.write_text(update(PAGE.read_text(encoding="utf-8"), BEGIN, text), encoding="utf-8")
    if rows:
        PICTURE.write_text(picture(blocks(rows)), encoding="utf-8")
    print(f"{PAGE} has {len(rows)} rows' figures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
