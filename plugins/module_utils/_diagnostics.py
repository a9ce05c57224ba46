# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What make, the compiler and modpost said, as data."""

from __future__ import annotations

import re
from typing import Any

_COMPILER = re.compile(
    r"^(?P<file>[^:\s][^:]*):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<kind>fatal error|error|warning): (?P<text>.*)$"
)
_MODPOST = re.compile(r"^(?P<kind>ERROR|WARNING): modpost: (?P<text>.*)$")
_IN_MODPOST = re.compile(r"\[(?P<file>[^\]]+?)\.k?o\]|^\"?(?P<object>\S+?)\.k?o: ")
_MAKE = re.compile(r"^make(?:\[\d+\])?: \*\*\* (?:\[(?P<rule>[^\]]+)\] )?(?P<text>.*)$")


def parse(log: str, top: str) -> list[dict[str, Any]]:
    """Return the diagnostics in a build's log, in their order and each once.

    Each is {module, file, line, kind, message}: `kind` is `error` or `warning`, `line` 0 where none was
    named, `file` relative to `top`, and `module` the folder below `top` that it is in ("" for the whole).
    """
    found = []
    for line in log.splitlines():
        said = _compiler(line, top) or _modpost(line, top)
        if said and said not in found:
            found.append(said)
    return found


def failed_rules(log: str, top: str) -> set[str]:
    """Return the modules for which make gave up on a rule, whatever the compiler said."""
    rules = (_MAKE.match(line) for line in log.splitlines())
    paths = (re.split(r"[\s:]+", match.group("rule"))[-1] for match in rules if match and match.group("rule"))
    return {_module(_relative(path, top)) for path in paths if _inside(path, top)} - {""}


def first_errors(diagnostics: list[dict[str, Any]], limit: int = 5) -> list[str]:
    """Return the first errors as `file:line: message`."""
    errors = [one for one in diagnostics if one["kind"] == "error"][:limit]
    return [
        "%s:%d: %s" % (one["file"], one["line"], one["message"]) if one["line"] else one["message"] for one in errors
    ]


def _compiler(line: str, top: str) -> dict[str, Any] | None:
    match = _COMPILER.match(line)
    if not match:
        return None
    file = _relative(match.group("file"), top)
    return {
        "module": _module(file),
        "file": file,
        "line": int(match.group("line")),
        "kind": "warning" if match.group("kind") == "warning" else "error",
        "message": match.group("text"),
    }


def _modpost(line: str, top: str) -> dict[str, Any] | None:
    match = _MODPOST.match(line)
    if not match:
        return None
    place = _IN_MODPOST.search(match.group("text"))
    file = _relative((place.group("file") or place.group("object")) + ".ko", top) if place else ""
    return {
        "module": _module(file),
        "file": file,
        "line": 0,
        "kind": "warning" if match.group("kind") == "WARNING" else "error",
        "message": match.group("text").replace(top + "/", ""),
    }


def _inside(path: str, top: str) -> bool:
    return path.startswith(top + "/") or not path.startswith("/")


def _relative(path: str, top: str) -> str:
    return path[len(top) + 1 :] if path.startswith(top + "/") else path


def _module(file: str) -> str:
    return file.partition("/")[0] if "/" in file and not file.startswith(("/", ".")) else ""
