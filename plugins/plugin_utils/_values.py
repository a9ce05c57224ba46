# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values of a module's parameters as contracts and inventories write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._parameters import as_text, check_text, parse_int

_TRUE, _FALSE = ("true", "yes", "on", "y", "1"), ("false", "no", "off", "n", "0")


class Kind(NamedTuple):
    """One type of parameter: how its text is read (None: it cannot be), passed on, and shown by /sys."""

    read: Callable[[str], Any]
    write: Callable[[str], str]
    sysfs: Callable[[str], str]
    says: str


def _integer(text: str) -> int | None:
    try:
        return parse_int(text)
    except ValueError:
        return None


def _unsigned(text: str) -> int | None:
    return None if text.startswith("-") else _integer(text)


def _octal(text: str) -> int | None:
    return _unsigned(text) if text.startswith("0") and text.isdigit() else None


def _boolean(text: str) -> bool | None:
    return text.lower() in _TRUE if text.lower() in _TRUE + _FALSE else None


def _yes_or_no(text: str) -> str:
    return "Y" if _boolean(text) else "N"  # which every kernel takes; `true` only since 5.19


def _decimal(text: str) -> str:
    return str(parse_int(text))


KINDS = {
    "bool": Kind(_boolean, _yes_or_no, _yes_or_no, "true or false"),
    "int": Kind(_integer, str, _decimal, "a whole number"),
    "uint": Kind(_unsigned, str, _decimal, "a whole number, not negative"),
    "octal": Kind(_octal, str, _decimal, 'a quoted octal number such as "0600"'),
    "string": Kind(str, str, str, "a string"),
}


def check_value(rule: dict[str, Any], value: Any) -> str:
    """Return what is wrong with a value by a parameter's declaration {type, min, max, choices}; "" if nothing.

    A number that YAML read from an unquoted octal is refused: nobody can tell what was meant.
    """
    kind = KINDS[rule["type"]]
    if not isinstance(value, (str, int, bool)) or (rule["type"] == "octal" and not isinstance(value, str)):
        return f"must be {kind.says}, not {value!r}"
    try:
        text = check_text("value", as_text(value))
    except KmodError as error:
        return error.why
    number = kind.read(text)
    if number is None:
        return f"must be {kind.says}, not {value!r}"
    if "choices" in rule and text not in [as_text(choice) for choice in rule["choices"]]:
        return f"must be one of {', '.join(map(as_text, rule['choices']))}, not {text}"
    low, high = (kind.read(as_text(rule[key])) if key in rule else None for key in ("min", "max"))
    if (low is not None and number < low) or (high is not None and number > high):
        return f"must be {_range(rule)}, not {text}"
    return ""


def _range(rule: dict[str, Any]) -> str:
    if "min" in rule and "max" in rule:
        return f"{rule['min']} to {rule['max']}"
    return f"at least {rule['min']}" if "min" in rule else f"at most {rule['max']}"
