# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Make what /proc says fit for results and for people: JSON-safe, without control characters, abbreviated."""

from __future__ import annotations

import re
from typing import Any

# A longer text is cut in messages, and it is said how much is missing.
SHOWN_CHARACTERS = 2000
SHOWN_LINES = 40
SHOWN_LINE = 200
# A longer content is cut in results (`content_cut` tells).
RESULT_CHARACTERS = 16384
_WIDTH = 80
_TODO = "Compare the loaded module, its build-id and parameters, with the contract that these entries come from."
_NO_NEWLINE = "\n\\ no newline at the end"


def json_safe(text: str) -> str:
    r"""The text with each byte that was not UTF-8 (decoded with surrogateescape) written out as `\xff`."""
    text = re.sub("[\udc80-\udcff]", lambda match: f"\\x{ord(match.group()) - 0xDC00:02x}", text)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def visible(text: str) -> str:
    """The text for a terminal: a hostile entry must not clear the screen or retitle the window."""
    return re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda match: f"\\x{ord(match.group()):02x}", json_safe(text))


def abbreviated(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """The visible text, cut after so many characters."""
    text = visible(text)
    rest = len(text) - limit
    return text if rest <= 0 else f"{text[:limit]}[... {rest} more characters]"


def diff(expected: str, found: str) -> str:
    """A unified diff from a little before the first difference, at most SHOWN_LINES long on each side."""
    import difflib  # here, because what holds needs none

    before, after = _lines(expected), _lines(found)
    line = _common(before, after)
    column = _common(before[line], after[line]) if line < min(len(before), len(after)) else 0
    start = max(0, line - 3)
    before, after = before[start : start + SHOWN_LINES], after[start : start + SHOWN_LINES]
    changes = list(difflib.unified_diff(before, after, lineterm="", n=SHOWN_LINES))[3:]
    header = ["--- expected", "+++ found", f"@@ first difference: line {line + 1}, column {column + 1} @@"]
    return "\n".join(header + [_cut_line(change) for change in changes])


def _lines(text: str) -> list[str]:
    lines = visible(text).split("\n")
    last = lines.pop()
    return [*lines, last + _NO_NEWLINE] if last else lines


def _common(first: Any, second: Any) -> int:
    """How many leading items are the same."""
    length = 0
    for one, other in zip(first, second):
        if one != other:
            break
        length += 1
    return length


def _cut_line(line: str) -> str:
    text, mark, _ = line.partition(_NO_NEWLINE)
    return abbreviated(text, SHOWN_LINE) + mark


def indented(text: str, by: int) -> list[str]:
    return [" " * by + line for line in text.rstrip("\n").split("\n")]


def shown(results: list[dict[str, Any]]) -> list[str]:
    """For people: each path that was read, and below it, indented, what it says."""
    lines = []
    for result in results:
        if result["content"] is not None:
            lines += [result["path"], *(indented(abbreviated(result["content"]), 4) if result["content"] else [])]
    return lines


def failure_message(results: list[dict[str, Any]]) -> str:
    """What does not hold, why, and what to do, in lines of 80 columns (where the contents are no longer)."""
    failing = [result for result in results if not result["holds"]]
    entries, do = "entry" if len(results) == 1 else "entries", "does" if len(failing) == 1 else "do"
    lines = [f"{len(failing)} of {len(results)} {entries} {do} not hold on this host:"]
    todos: list[str] = []
    for result in failing:
        tries = f" ({result['attempts']} attempts, {result['seconds']:.1f} s)" if result["attempts"] > 1 else ""
        lines += ["", result["path"] + tries]
        for failure in result["failures"]:
            lines += _failure_lines(failure)
            if failure["todo"] and failure["todo"] not in todos:
                todos.append(failure["todo"])
    return "\n".join(lines + _todo_lines(todos or [_TODO]))


def _todo_lines(todos: list[str]) -> list[str]:
    import textwrap  # here, because what holds needs none

    lines = ["", "What to do next:"]
    for todo in todos:
        lines += textwrap.wrap(todo, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    return lines


def _failure_lines(failure: dict[str, str]) -> list[str]:
    check, expected, found = failure["check"], failure["expected"], failure["found"]
    if failure["diff"]:
        return [f"  {check}:", *indented(failure["diff"], 4)]
    line = f"  {check}: expected {expected}, found {found}"
    if "\n" in line:
        return [f"  {check}: expected", *indented(expected, 6), "    found", *indented(found, 6)]
    return [line] if len(line) <= _WIDTH else [f"  {check}: expected {expected}", f"    found {found}"]


def report(results: list[dict[str, Any]]) -> dict[str, Any]:
    """proc_assert's return keys, the same whatever came of it."""
    failed = [result["path"] for result in results if not result["holds"]]
    return {
        "changed": False,
        "entries": results,
        "failed_entries": failed,
        "explanation": failure_message(results) if failed else "",
        "shown": shown(results),
    }
