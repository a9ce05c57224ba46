# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parameters as contracts and inventories write them."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.plugin_utils._values import KINDS, check_value


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"type": "bool"}, True),
        ({"type": "bool"}, "off"),
        ({"type": "bool", "choices": [True]}, True),
        ({"type": "int", "min": -5, "max": 5}, -5),
        ({"type": "int", "max": "0x10"}, "0x10"),
        ({"type": "uint"}, "0"),
        ({"type": "octal", "min": "0400", "max": "0666"}, "0600"),
        ({"type": "octal"}, "0"),
        ({"type": "string"}, ""),
        ({"type": "string", "choices": ["a", 5]}, 5),
    ],
)
def test_good(rule, value):
    assert check_value(rule, value) == ""


@pytest.mark.parametrize(
    ("rule", "value", "part"),
    [
        ({"type": "bool"}, "maybe", "must be true or false"),
        ({"type": "bool"}, 2, "must be true or false"),
        ({"type": "int"}, "x", "must be a whole number"),
        ({"type": "int"}, "1_000", "must be a whole number"),
        ({"type": "int"}, "", "must be a whole number"),
        ({"type": "int"}, 1.5, "must be a whole number"),
        ({"type": "int"}, True, "must be a whole number"),
        ({"type": "int", "min": 1, "max": 3}, 4, "must be 1 to 3, not 4"),
        ({"type": "int", "min": 1}, 0, "must be at least 1, not 0"),
        ({"type": "uint"}, -1, "not negative"),
        ({"type": "uint"}, "-0", "not negative"),
        ({"type": "octal"}, 384, "quoted octal"),
        ({"type": "octal"}, "600", "quoted octal"),
        ({"type": "octal"}, "0680", "quoted octal"),
        ({"type": "octal"}, "0o600", "quoted octal"),
        ({"type": "octal"}, "0\u0666\u0660", "quoted octal"),
        ({"type": "string"}, None, "must be a string"),
        ({"type": "string"}, {"a": 1}, "must be a string"),
        ({"type": "string"}, "a\nb", "control characters"),
        ({"type": "string", "choices": ["a", "b"]}, "c", "must be one of a, b, not c"),
    ],
)
def test_bad(rule, value, part):
    assert part in check_value(rule, value)


@pytest.mark.parametrize(
    ("kind", "text", "passed", "shown"),
    [
        ("bool", "yes", "Y", "Y"),
        ("bool", "false", "N", "N"),
        ("int", "0x10", "0x10", "16"),
        ("int", "-5", "-5", "-5"),
        ("octal", "0644", "0644", "420"),
        ("string", "0644", "0644", "0644"),
    ],
)
def test_what_the_kernel_gets_and_shows(kind, text, passed, shown):
    assert (KINDS[kind].write(text), KINDS[kind].sysfs(text)) == (passed, shown)
