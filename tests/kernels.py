# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The scenario `kernels` as a table: what each machine is, and what came of it.

The scenario leaves the outcome of its last run in .cache/kernels.json; called as a program, this puts its table into
docs/kernels.md.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .marked import update

ROOT = Path(__file__).resolve().parent.parent
LAST = ROOT / ".cache/kernels.json"
PAGE = ROOT / "docs/kernels.md"
BEGIN = "<!-- made by `make kernels-page` -->"
COLUMNS = ("machine", "kernel", "compiler", "Python", "outcome", "tests", "seconds")
WIDEST = 160  # characters of a reason


def left_out(text: str, machines: list[str]) -> list[str]:
    """Return the machines that KERNELS_WITHOUT names; a name that is none would leave out nothing unnoticed.

    :raises ValueError: when a name is unknown.
    """
    names = [name for name in text.split(",") if name]
    unknown = sorted(set(names) - set(machines))
    if unknown:
        raise ValueError(f"KERNELS_WITHOUT names {', '.join(unknown)}; the machines are {', '.join(machines)}")
    return names


def row(
    machine: str, facts: dict[str, str], part: dict[str, Any], tests: dict[str, list[str]], absent: str = ""
) -> dict[str, Any]:
    """Return one machine's row.

    :param facts: {compiler, python}, as far as the machine told them.
    :param part: what the record of the deploy says of it, {} where there is none.
    :param tests: {passed, failed}: names of tests.
    :param absent: why the machine was not there.
    """
    return {
        "machine": machine,
        "kernel": (part.get("kernel") or {}).get("release", ""),
        "compiler": facts.get("compiler", ""),
        "python": facts.get("python", ""),
        "outcome": absent or _outcome(tests),
        "tests": len(tests["passed"]) + len(tests["failed"]),
        "seconds": _seconds(part.get("seconds") or {}),
    }


def _outcome(tests: dict[str, list[str]]) -> str:
    """Return what the tests showed; no test at all is not a success."""
    if tests["failed"]:
        return f"FAILED: {', '.join(dict.fromkeys(tests['failed']))}"
    return "passed" if tests["passed"] else "FAILED: not tested"


def _seconds(steps: dict[str, float]) -> float | None:
    """Return what a first deploy took on the machine; None where nothing was built, which would be no first deploy."""
    return round(sum(steps.values())) if "build" in steps else None


def table(run: dict[str, Any]) -> str:
    """Return the table of a run in Markdown, with its date and the size of the machine."""
    lines = [_line(COLUMNS), _line(["---"] * len(COLUMNS)), *(_line(_cells(one)) for one in run["rows"])]
    return "\n".join([f"Run on {run['date']}: {run['size']}.", "", *lines])


def _cells(one: dict[str, Any]) -> list[str]:
    return [str(one[name.lower()] or "-") for name in COLUMNS]


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    """Return a text that stays in its cell."""
    flat = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return flat if len(flat) <= WIDEST else flat[: WIDEST - 1] + "…"


def main() -> int:
    """Put the last run's table into the page."""
    if not LAST.exists():
        print(f"{LAST} is not there: run `molecule test -s kernels` first", file=sys.stderr)
        return 1
    text = table(json.loads(LAST.read_text()))
    PAGE.write_text(update(PAGE.read_text(encoding="utf-8"), BEGIN, text), encoding="utf-8")
    print(f"{PAGE} has the table of the last run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
