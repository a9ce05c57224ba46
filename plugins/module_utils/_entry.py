# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an entry under /proc or /sys can be asked: the one specification, and the check of an entry against it.

proc_assert derives its options from it, the controller reads contracts with it; docs/contract.md explains the keys.
"""

from __future__ import annotations

import math
import re
from typing import Any, Callable, Dict, NamedTuple, NoReturn

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

ROOTS: tuple[str, ...] = ("/proc", "/sys")
Entry = Dict[str, Any]


class Option(NamedTuple):
    """One key of an entry. `kind` picks the check below; low and high bound numbers, both ends allowed."""

    kind: str
    required: bool = False
    choices: tuple[str, ...] = ()
    default: Any = None
    low: float = 0
    high: float = 0


ENTRY_OPTIONS: dict[str, Option] = {
    "path": Option("path", required=True),
    "state": Option("word", choices=("present", "gone"), default="present"),
    "type": Option("word", choices=("file", "directory", "link")),
    "mode": Option("octal"),
    "owner": Option("word"),
    "group": Option("word"),
    "target": Option("word"),
    "write": Option("text"),
    "equals": Option("text"),
    "not_equals": Option("text"),
    "contains": Option("texts"),
    "not_contains": Option("texts"),
    "matches": Option("patterns"),
    "not_matches": Option("patterns"),
    "lines": Option("lines", low=0, high=1 << 31),
    "numbers": Option("numbers"),
    "max_bytes": Option("integer", default=65536, low=1, high=16 << 20),
    "timeout": Option("seconds", default=5.0, low=0.001, high=600),
    "retries": Option("integer", default=0, low=0, high=1000),
    "delay": Option("seconds", default=1.0, low=0, high=60),
}
NUMBER_OPTIONS: dict[str, Option] = {
    "pattern": Option("pattern"),
    "min": Option("number"),
    "max": Option("number"),
    "equals": Option("number"),
}
FIRST_NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?)"
# What can be set once for all entries of a call.
DEFAULT_KEYS = ("retries", "delay", "timeout", "max_bytes")
# These keys ask what the entry says; so does a limit on its size. Without one of them an entry is not read at all.
CONTENT_KEYS = (
    "equals", "not_equals", "contains", "not_contains", "matches", "not_matches", "lines", "numbers", "max_bytes",
)  # fmt: skip


def inside_roots(path: str) -> bool:
    """Tell whether a path without `..` lies under /proc or /sys."""
    return any(path.startswith(root + "/") for root in ROOTS)


def reads(entry: Entry) -> bool:
    """Tell whether the entry has to be read."""
    return any(key in entry for key in CONTENT_KEYS)


def _refuse(key: str, why: str, todo: str = "") -> NoReturn:
    raise KmodError(f"`{key}`", why, todo, key=key)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(key: str, value: Any, option: Option) -> str:
    if not isinstance(value, str):
        _refuse(key, f"must be a string, not {_shown_type(value)}", "Put it in quotes")
    return str(value)


def _word(key: str, value: Any, option: Option) -> str:
    word = _text(key, value, option)
    if option.choices and word not in option.choices:
        _refuse(key, f"must be one of {', '.join(option.choices)}, not {word!r}")
    if not word or "\0" in word:
        _refuse(key, "must not be empty and must not hold a NUL")
    return word


def _path(key: str, value: Any, option: Option) -> str:
    path = _word(key, value, option)
    parts = path.split("/")
    if not path.startswith("/"):
        _refuse(key, f"must be absolute, not {path!r}")
    if ".." in parts:
        _refuse(key, f"must not go upwards with `..`: {path!r}", "Write out where it leads")
    path = "/" + "/".join(part for part in parts if part not in ("", "."))
    if not inside_roots(path):
        _refuse(key, f"must lie under {' or '.join(ROOTS)}, not {path!r}")
    return path


def _octal(key: str, value: Any, option: Option) -> str:
    if _is_number(value):
        hint = f', such as "{value:04o}"' if isinstance(value, int) and 0 <= value <= 0o7777 else ', such as "0444"'
        _refuse(key, f"must be an octal string, but YAML made the number {value} of it", f"Put it in quotes{hint}")
    text = _text(key, value, option)
    if not re.fullmatch("0?[0-7]{3,4}", text):
        _refuse(key, f"must be three or four octal digits, not {text!r}", 'Write it as in "0444"')
    return format(int(text, 8), "04o")


def _texts(key: str, value: Any, option: Option) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    if not texts:
        _refuse(key, "is an empty list, which checks nothing", "Name a text, or drop the key")
    return [_text(key, text, option) for text in texts]


def _pattern(key: str, value: Any, option: Option) -> str:
    text = _text(key, value, option)
    try:
        re.compile(text, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        _refuse(key, f"is not a regular expression: {text!r}: {error}")
    return text


def _patterns(key: str, value: Any, option: Option) -> list[str]:
    return [_pattern(key, text, option) for text in _texts(key, value, option)]


def _number(key: str, value: Any, option: Option) -> Any:
    if not _is_number(value) or not math.isfinite(value):
        _refuse(key, f"must be a number, not {_shown_type(value)}")
    if option.high and not option.low <= value <= option.high:
        _refuse(key, f"must be {option.low:g} to {option.high:.12g}, not {value}")
    return value


def _integer(key: str, value: Any, option: Option) -> int:
    number = _number(key, value, option)
    if number != int(number):
        _refuse(key, f"must be a whole number, not {value}")
    return int(number)


def _seconds(key: str, value: Any, option: Option) -> float:
    return float(_number(key, value, option))


def _known(key: str, value: Any, names: Any) -> dict[str, Any]:
    """The dictionary, when it holds some of the named keys and no other."""
    if not isinstance(value, dict):
        _refuse(key, f"must be a dictionary of {', '.join(names)}, not {_shown_type(value)}")
    for name in value:
        if name not in names:
            _refuse(key, f"does not know the key `{name}`", f"It takes {', '.join(names)}")
    return value


def _ordered(key: str, bounds: dict[str, Any]) -> dict[str, Any]:
    if "min" in bounds and "max" in bounds and bounds["min"] > bounds["max"]:
        _refuse(key, f"has a min of {bounds['min']} above its max of {bounds['max']}")
    return bounds


def _lines(key: str, value: Any, option: Option) -> dict[str, int]:
    """A count, or min and max: always given back as min and max."""
    if _is_number(value):
        value = {"min": value, "max": value}
    bounds = {name: _integer(key, bound, option) for name, bound in _known(key, value, ("min", "max")).items()}
    if not bounds:
        _refuse(key, "bounds nothing", "Give a number, or min, max or both")
    return _ordered(key, bounds)


def _numbers(key: str, value: Any, option: Option) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        _refuse(key, f"must be a list of dictionaries of {', '.join(NUMBER_OPTIONS)}")
    return [_one_number(key, item) for item in value]


def _one_number(key: str, item: Any) -> dict[str, Any]:
    given = _known(key, item, NUMBER_OPTIONS)
    rule = {name: _KINDS[NUMBER_OPTIONS[name].kind](key, value, NUMBER_OPTIONS[name]) for name, value in given.items()}
    if not {"min", "max", "equals"} & set(rule):
        _refuse(key, "has an item that bounds nothing", "Give min, max or equals")
    if not re.compile(rule.get("pattern", FIRST_NUMBER)).groups:
        _refuse(key, f"has a pattern without a group: {rule['pattern']!r}", "Put the number in parentheses")
    return _ordered(key, rule)


_KINDS: dict[str, Callable[[str, Any, Option], Any]] = {
    "path": _path, "word": _word, "octal": _octal, "text": _text, "texts": _texts, "pattern": _pattern,
    "patterns": _patterns, "lines": _lines, "numbers": _numbers, "number": _number, "integer": _integer,
    "seconds": _seconds,
}  # fmt: skip


def _shown_type(value: Any) -> str:
    if value is None:
        return "nothing"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "a dict"}
    kind = next((name for type_, name in names.items() if isinstance(value, type_)), type(value).__name__)
    return f"{kind} ({value!r})" if len(repr(value)) < 40 else kind


def _agree(entry: Entry) -> None:
    """Refuse keys that cannot hold together."""
    if entry["state"] == "gone":
        others = [key for key in entry if key not in ("path", "state")]
        if others:
            _refuse(others[0], "cannot be asked of an entry that is to be gone", "Drop the key, or `state: gone`")
    if "target" in entry and entry.get("type") != "link":
        _refuse("target", "is what a link points at, and `type` is not link", "Add `type: link`")
    if entry.get("type") in ("directory", "link"):
        for key in ("write", *CONTENT_KEYS):
            if key in entry:
                _refuse(key, f"cannot be asked of a {entry['type']}", "Ask it of the file, in an entry of its own")


def normalise(entry: Any) -> Entry:
    """Check one entry and return it in one form: only the keys given, and `state`.

    Defaults for limits and retries stay out (limits_of has them); to normalise twice changes nothing.
    Each KmodError names the key at fault in its detail `key`, and the path in `entry`.
    """
    if not isinstance(entry, dict):
        raise KmodError("Entry", f"must be a dictionary, not {_shown_type(entry)}", key="", entry="")
    shown = entry["path"] if isinstance(entry.get("path"), str) else "an entry"
    try:
        for key in entry:
            if key not in ENTRY_OPTIONS:
                _refuse(str(key), "is not a key of an entry", f"It takes {', '.join(ENTRY_OPTIONS)}")
        for key, option in ENTRY_OPTIONS.items():
            if option.required and key not in entry:
                _refuse(key, "is required")
        result = {"state": ENTRY_OPTIONS["state"].default}
        result.update((key, _KINDS[ENTRY_OPTIONS[key].kind](key, entry[key], ENTRY_OPTIONS[key])) for key in entry)
        _agree(result)
    except KmodError as error:
        key = error.details["key"]
        raise KmodError(f"{shown}: `{key}` {error.why}", "", error.todo, key=key, entry=shown) from None
    return result


def limits_of(entry: Entry, defaults: dict[str, Any]) -> dict[str, Any]:
    """The limits and retries of a normalised entry: its own, else the call's, else the built-in ones."""
    limits = {key: ENTRY_OPTIONS[key].default for key in DEFAULT_KEYS}
    for key, value in defaults.items():
        limits[key] = _KINDS[ENTRY_OPTIONS[key].kind](key, value, ENTRY_OPTIONS[key])
    limits.update((key, entry[key]) for key in DEFAULT_KEYS if key in entry)
    return limits


def _argument(option: Option) -> dict[str, Any]:
    """One option as Ansible's argument spec has it: raw where Ansible would convert what must be refused."""
    types = {"path": "str", "word": "str", "pattern": "str", "integer": "int", "seconds": "float", "numbers": "list"}
    argument: dict[str, Any] = {"type": types.get(option.kind, "raw")}
    if option.required:
        argument["required"] = True
    if option.choices:
        argument["choices"] = list(option.choices)
    if option.kind == "numbers":
        argument.update(elements="dict", options={key: _argument(item) for key, item in NUMBER_OPTIONS.items()})
    return argument


def argument_spec() -> dict[str, Any]:
    """proc_assert's options. An entry's limits have no default there, so that the call's own are seen."""
    entries = {key: _argument(option) for key, option in ENTRY_OPTIONS.items()}
    entries["state"]["default"] = ENTRY_OPTIONS["state"].default
    spec: dict[str, Any] = {"entries": {"type": "list", "elements": "dict", "required": True, "options": entries}}
    for key in DEFAULT_KEYS:
        spec[key] = {**_argument(ENTRY_OPTIONS[key]), "default": ENTRY_OPTIONS[key].default}
    return spec


def from_arguments(entries: list[dict[str, Any]]) -> list[Entry]:
    """Entries as AnsibleModule gives them, without the None it puts in for each option that was not given."""
    return [{key: _given(value) for key, value in entry.items() if value is not None} for entry in entries]


def _given(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return from_arguments(value)
    return value
