# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare what an entry is to be with what was observed. Pure: nothing here touches the system."""

from __future__ import annotations

import errno
import os
import re
from typing import Any, Callable, Dict, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._bounded import Outcome
from ansible_collections.procfleet.procfs.plugins.module_utils._entry import FIRST_NUMBER, Entry
from ansible_collections.procfleet.procfs.plugins.module_utils._show import abbreviated, diff, visible

Mismatch = Dict[str, str]
_DIGITS = 4000  # Python refuses to read longer numbers

LOAD = "Is the module loaded, and built for the running kernel? The kernel's log says more: dmesg | tail."
BECOME = "Run the task as root: `become: true`."
HANGS = "The code behind the entry does not return: the kernel's log may name it, with its stack, after two minutes."
REFUSED = "Why the module refuses, its source or the kernel's log can tell: dmesg | tail."
RAISE = "If that much is right, raise `max_bytes`."
OOPS = "The kernel may have oopsed: read its log, and reboot the host before going on."


class Observed(NamedTuple):
    """What the file system says of a path. With exists=False, error tells why if it was not merely absent."""

    exists: bool = False
    type: str = ""
    mode: str = ""
    owner: str = ""
    uid: int = -1
    group: str = ""
    gid: int = -1
    target: str = ""
    error: str = ""


def mismatch(check: str, expected: str, found: str, difference: str = "", todo: str = "") -> Mismatch:
    return {"check": check, "expected": expected, "found": found, "diff": difference, "todo": todo}


def errno_text(number: int) -> str:
    """An errno as people look it up: `EIO: Input/output error`."""
    return f"{errno.errorcode.get(number, number)}: {os.strerror(number)}"


def match_metadata(entry: Entry, seen: Observed) -> list[Mismatch]:
    """The mismatches of state, type, mode, owner, group and target."""
    if seen.error:
        todo = BECOME if seen.error.startswith(("EACCES", "EPERM")) else ""
        return [mismatch("state", entry["state"], seen.error, todo=todo)]
    if entry["state"] == "gone":
        todo = "Is the module still loaded (lsmod), or is the entry another module's?"
        return [mismatch("state", "gone", f"present, a {seen.type}", todo=todo)] if seen.exists else []
    if not seen.exists:
        return [mismatch("state", "present", "no such file or directory", todo=LOAD)]
    found = {
        "type": [seen.type],
        "mode": [seen.mode],
        "owner": [seen.owner, str(seen.uid)],
        "group": [seen.group, str(seen.gid)],
        "target": [seen.target],
    }
    return [
        mismatch(key, visible(entry[key]), visible(values[0]))
        for key, values in found.items()
        if key in entry and entry[key] not in values
    ]


def match_write(limits: dict[str, Any], length: int, outcome: Outcome) -> list[Mismatch]:
    """What went wrong in one write of so many bytes."""
    troubles = _troubles("write", limits, outcome)
    if not troubles and outcome.taken != length:
        expected, found = f"{length} bytes taken by one write(2)", f"{outcome.taken} bytes taken"
        troubles.append(mismatch("write", expected, found, todo="Is the text longer than the entry's buffer?"))
    return troubles


def match_read(limits: dict[str, Any], outcome: Outcome) -> list[Mismatch]:
    """What went wrong in one read."""
    return _troubles("read", limits, outcome)


def _troubles(what: str, limits: dict[str, Any], outcome: Outcome) -> list[Mismatch]:
    found, todo, check, expected = "", "", what, "no error"
    if outcome.limit == "seconds":
        check, expected = "timeout", f"a {what} of at most {limits['timeout']:g} s"
        found, todo = f"{outcome.step}() not back after {outcome.seconds:.1f} s", HANGS
    elif outcome.limit == "bytes":
        limit = limits["max_bytes"]
        check, expected, found, todo = "max_bytes", f"at most {limit} bytes", f"more than {limit}", RAISE
    elif outcome.error:
        found = f"{errno_text(outcome.error)}, in {outcome.step}()"
        todo = BECOME if outcome.error in (errno.EACCES, errno.EPERM) else REFUSED
    elif outcome.died:
        found, todo = f"the process died in {outcome.step}()", OOPS
    troubles = [mismatch(check, expected, found, todo=todo)] if found else []
    if outcome.stuck:
        stuck = f"process {outcome.stuck} stuck in the kernel, deaf to SIGKILL"
        troubles.append(mismatch("stuck", "a process that ends", stuck, todo=HANGS))
    return troubles


def match_content(entry: Entry, text: str) -> list[Mismatch]:
    """The mismatches of the content, which was decoded with surrogateescape."""
    troubles = []
    for key, judge in _JUDGES.items():
        if key in entry:
            troubles += judge(entry[key], text)
    return troubles


def _equals(expected: str, text: str) -> list[Mismatch]:
    if text == expected:
        return []
    return [mismatch("equals", abbreviated(expected), abbreviated(text), diff(expected, text))]


def _not_equals(unwanted: str, text: str) -> list[Mismatch]:
    return [mismatch("not_equals", "anything else", abbreviated(text))] if text == unwanted else []


def _contains(parts: list[str], text: str) -> list[Mismatch]:
    return [mismatch("contains", abbreviated(part), _content(text)) for part in parts if part not in text]


def _not_contains(parts: list[str], text: str) -> list[Mismatch]:
    return [mismatch("not_contains", f"no {abbreviated(part)}", _content(text)) for part in parts if part in text]


def _matches(patterns: list[str], text: str) -> list[Mismatch]:
    return [mismatch("matches", one, _content(text)) for one in patterns if not re.search(one, text, re.MULTILINE)]


def _not_matches(patterns: list[str], text: str) -> list[Mismatch]:
    found = [(one, re.search(one, text, re.MULTILINE)) for one in patterns]
    return [mismatch("not_matches", f"no {one}", abbreviated(match.group())) for one, match in found if match]


def _content(text: str) -> str:
    return abbreviated(text) if text else "nothing: it is empty"


def _lines(bounds: dict[str, int], text: str) -> list[Mismatch]:
    """Lines are what ends with a newline, and what stands behind the last one."""
    count = text.count("\n") + (not text.endswith("\n") and text != "")
    return [] if _within(bounds, count) else [mismatch("lines", _bounds_text(bounds), str(count))]


def _numbers(rules: list[dict[str, Any]], text: str) -> list[Mismatch]:
    troubles = []
    for rule in rules:
        pattern = rule.get("pattern", FIRST_NUMBER)
        match = re.search(pattern, text, re.MULTILINE)
        number = _number(match.group(1)) if match else None
        if number is not None and _within(rule, number):
            continue
        where = f" for {rule['pattern']}" if "pattern" in rule else ""
        found = repr(abbreviated(match.group(1) or "")) if match and number is None else str(number)
        found = found if match else f"no match in: {_content(text)}"
        troubles.append(mismatch("numbers", _bounds_text(rule) + where, found))
    return troubles


def _number(text: str | None) -> Any:
    """A whole number, decimal or 0x hexadecimal, or a decimal fraction; None for anything else."""
    if len(text or "") > _DIGITS:
        return None
    if re.fullmatch("[+-]?[0-9]+", text or ""):
        return int(text or "")
    if re.fullmatch("0[xX][0-9a-fA-F]+", text or ""):
        return int(text or "", 16)
    if re.fullmatch(r"[+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?", text or ""):
        return float(text or "")
    return None


def _within(bounds: dict[str, Any], value: Any) -> bool:
    low, high = bounds.get("min", value), bounds.get("max", value)
    return bool(low <= value <= high and bounds.get("equals", value) == value)


def _bounds_text(bounds: dict[str, Any]) -> str:
    low, high = bounds.get("min"), bounds.get("max")
    texts = [] if "equals" not in bounds else [f"{bounds['equals']}"]
    if low is not None and high is not None:
        texts.append(f"{low}" if low == high else f"{low} to {high}")
    elif low is not None:
        texts.append(f"at least {low}")
    elif high is not None:
        texts.append(f"at most {high}")
    return " and ".join(texts)


_JUDGES: dict[str, Callable[[Any, str], list[Mismatch]]] = {
    "equals": _equals, "not_equals": _not_equals, "contains": _contains, "not_contains": _not_contains,
    "matches": _matches, "not_matches": _not_matches, "lines": _lines, "numbers": _numbers,
}  # fmt: skip
