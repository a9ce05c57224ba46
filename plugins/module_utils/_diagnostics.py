# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What make, the compiler and modpost said, as data."""

from __future__ import annotations

import re
from typing import Any

_COMPILER = re.compile(
    r"^(?P<file>[^:\s][^:]*):(?P<line>\d+)(?::\d+)?: (?P<kind>(?:fatal )?[Ee]rror|[Ww]arning): (?P<text>.*)$"
)
_MODPOST = re.compile(r"^(?P<kind>ERROR|WARNING): modpost: (?P<text>.*)$")
# `"x" [top/m/m.ko] undefined!`; `missing … in top/m/m.o`; `top/m/m.o: section …`, since 6.6 without its suffix
_MODPOST_PATHS = re.compile(r"\[(\S+?)\.k?o\]|\bin (\S+/\S+?)\.k?o$|^(\S+/\S+?)(?:\.k?o)?(?:\(\S+\))?: ")
_MODPOST_NAME = re.compile(r"\bmodule ([A-Za-z0-9_-]+)(?:\.ko)? uses ")
_MAKEFILE = re.compile(r"^(?P<file>[^:\s][^:]*):(?P<line>\d+): \*\*\* (?P<text>.*?)(?:\.\s+Stop\.)?$")
_NO_RULE = re.compile(r"^make(?:\[\d+\])?: \*\*\* (?P<text>No rule to make target '(?P<file>[^']+)'[^.]*)")
_MAKE = re.compile(r"^make(?:\[\d+\])?: \*\*\* (?:\[(?P<rule>[^\]]+)\] )?(?P<text>.*)$")


def parse(log: str, top: str) -> list[dict[str, Any]]:
    """Return the diagnostics in a build's log, in their order and each once.

    Each is {module, file, line, kind, message}: `kind` is `error` or `warning`, `line` 0 where none was
    named, `file` relative to `top`, and `module` the folder below `top` that it is in ("" for the whole).
    """
    found = []
    for line in log.splitlines():
        said = _compiler(line, top) or _modpost(line, top) or _makefile(line, top)
        if said and said not in found:
            found.append(said)
    return found


def failed_rules(log: str, top: str) -> set[str]:
    """Return the folders for which make gave up on a rule, whatever the compiler said; not each is a module."""
    rules = (_MAKE.match(line) for line in log.splitlines())
    paths = (re.split(r"[\s:]+", match.group("rule"))[-1] for match in rules if match and match.group("rule"))
    return {_relative(path, top).partition("/")[0] for path in paths if _inside(path, top)} - {""}


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
        "kind": "warning" if match.group("kind").lower() == "warning" else "error",
        "message": match.group("text"),
    }


def _makefile(line: str, top: str) -> dict[str, Any] | None:
    """What make says of a Kbuild that it cannot read, and of a source that is not there."""
    match = _MAKEFILE.match(line) or _NO_RULE.match(line)
    if not match:
        return None
    file = _relative(match.group("file"), top)
    return {
        "module": _module(file),
        "file": file,
        "line": int(match.groupdict().get("line") or 0),
        "kind": "error",
        "message": match.group("text").replace(top + "/", ""),
    }


def _modpost(line: str, top: str) -> dict[str, Any] | None:
    match = _MODPOST.match(line)
    if not match:
        return None
    path, name = _MODPOST_PATHS.search(match.group("text")), _MODPOST_NAME.search(match.group("text"))
    file = _relative(next(filter(None, path.groups())) + ".ko", top) if path else ""
    return {
        "module": name.group(1).replace("-", "_") if name else _module(file),
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
