# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values of module parameters: when are two spellings the same value?"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

# What kstrtobool looks at: the first character, and after an o the second.
_BOOLEAN = re.compile(r"(?P<true>[yYtT1]|[oO][nN])|[nNfF0]|[oO][fF]")
_NUMBER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)\Z")


def parse_int(text: str) -> int:
    """Return a number as the kernel reads it (kstrtoint, base 0): 0x is hexadecimal, a leading 0 octal."""
    if not _NUMBER.match(text):  # Python reads more: 1_000, a blank, digits of other scripts
        raise ValueError("%r is not a number" % text)
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    if digits.lower().startswith("0x"):
        return sign * int(digits, 16)
    return sign * int(digits, 8 if len(digits) > 1 and digits.startswith("0") else 10)


def parse_bool(text: str) -> bool | None:
    """Return a truth value as the kernel reads it; None for what it refuses."""
    found = _BOOLEAN.match(text)
    return found.group("true") is not None if found else None


def as_text(value: Any) -> str:
    """Return a value from YAML or JSON as the kernel takes it."""
    if isinstance(value, bool):
        return "Y" if value else "N"
    return str(value)


def same_value(kernel_type: str, wanted: str, seen: str) -> bool:
    """Say whether two spellings mean one value of a parameter of this kernel type.

    :param kernel_type: modinfo's word: `bool`, `ushort`, `charp`, `array of int`, or "".
    """
    if wanted == seen:
        return True
    if kernel_type.startswith("array of "):
        pairs = list(zip(wanted.split(","), seen.split(",")))
        return wanted.count(",") == seen.count(",") and all(same_value(kernel_type[9:], *pair) for pair in pairs)
    if kernel_type in ("bool", "invbool", "bint") or (kernel_type == "" and seen in ("Y", "N")):
        return parse_bool(wanted) is not None and parse_bool(wanted) == parse_bool(seen)
    if kernel_type in ("charp", "string"):
        return False
    try:
        return parse_int(wanted) == parse_int(seen)
    except ValueError:
        return False


def carried(value: str) -> bool:
    """Whether insmod and modprobe.d carry a value unchanged."""
    return len(value) <= 1024 and not any(ord(char) < 32 or char in "\"'\\" for char in value)


def check_text(name: str, value: str) -> str:
    """Return a parameter's value, refusing what neither insmod nor modprobe.d could carry unchanged."""
    if not carried(value):
        raise KmodError(
            "The value %r of parameter %s cannot be passed to the kernel" % (value, name),
            "quotes, backslashes, control characters and more than 1024 characters are not carried whole",
            "Choose another value",
        )
    return value


def assignment(name: str, value: str) -> str:
    """Return `name=value` as insmod and modprobe.d take it."""
    return '%s="%s"' % (name, value) if " " in value else "%s=%s" % (name, value)
