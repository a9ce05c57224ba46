# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two spellings of one value, by the kernel's own rules (lib/kstrtox.c)."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _parameters
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("10", 10), ("010", 8), ("0x1F", 31), ("0X1f", 31), ("-0x10", -16), ("+7", 7), ("-010", -8), ("00", 0)],
)
def test_numbers(text, number):
    assert _parameters.parse_int(text) == number


@pytest.mark.parametrize(
    "text", ["", "-", "--5", "+-5", "08", "0o17", "1_000", " 5", "5 ", "5\n", "٣", "1e3", "0x", "five", "²"]
)
def test_what_the_kernel_takes_for_no_number(text):
    with pytest.raises(ValueError, match=r"number|invalid"):
        _parameters.parse_int(text)


@pytest.mark.parametrize(
    ("kind", "wanted", "seen", "same"),
    [
        ("ushort", "0644", "420", True),
        ("ushort", "0644", "644", False),
        ("int", "0x10", "16", True),
        ("int", "-1", "-1", True),
        ("uint", "five", "5", False),
        ("bool", "Y", "Y", True),
        ("bool", "1", "Y", True),
        ("bool", "yes", "Y", True),
        ("bool", "true", "Y", True),
        ("bool", "on", "Y", True),
        ("bool", "off", "N", True),
        ("bool", "n", "Y", False),
        ("bool", "maybe", "N", False),
        ("bool", "o", "N", False),
        ("invbool", "0", "N", True),
        ("bint", "Y", "1", True),
        ("bint", "N", "1", False),
        ("", "1", "Y", True),
        ("", "0", "Y", False),
        ("", "010", "8", True),
        ("charp", "1", "01", False),
        ("charp", "", "", True),
        ("string", "0x1", "1", False),
        ("array of int", "1,0x2,3", "1,2,3", True),
        ("array of int", "1,2", "1,2,3", False),
        ("array of int", "1,2,3", "1,2", False),
        ("array of int", "1,2,4", "1,2,3", False),
        ("array of bool", "1,n", "Y,N", True),
        ("array of charp", "a,b", "a,c", False),
    ],
)
def test_same_value(kind, wanted, seen, same):
    assert _parameters.same_value(kind, wanted, seen) is same


@pytest.mark.parametrize("value", ['a"b', "a'b", "a\\b", "a\nb", "a\tb", "\0", "x" * 1025])
def test_what_cannot_be_passed(value):
    with pytest.raises(KmodError, match="cannot be passed to the kernel"):
        _parameters.check_text("p", value)


@pytest.mark.parametrize("value", ["", "a b", "x" * 1024, "a,b=c", "ü", "#1", "$(x)"])
def test_what_can(value):
    assert _parameters.check_text("p", value) == value


@pytest.mark.parametrize(("value", "word"), [("1", "p=1"), ("a b", 'p="a b"'), ("", "p=")])
def test_assignment(value, word):
    assert _parameters.assignment("p", value) == word


@pytest.mark.parametrize(("value", "text"), [(True, "Y"), (False, "N"), (1, "1"), (0, "0"), ("x", "x"), (-5, "-5")])
def test_values_from_yaml(value, text):
    assert _parameters.as_text(value) == text
