# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an entry may say, what is refused, and that the refusal names the key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _entry
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

P = "/proc/x"
NAN, INFINITE = float("nan"), float("inf")

REFUSED = [
    # (entry, the key at fault, a part of the message)
    ({}, "path", "is required"),
    ({"path": None}, "path", "must be a string, not nothing"),
    ({"path": ""}, "path", "must not be empty"),
    ({"path": "proc/x"}, "path", "must be absolute"),
    ({"path": "/etc/passwd"}, "path", "must lie under /proc or /sys"),
    ({"path": "/proc"}, "path", "must lie under /proc or /sys"),
    ({"path": "/procfs/x"}, "path", "must lie under /proc or /sys"),
    ({"path": "/proc/../etc/passwd"}, "path", "upwards"),
    ({"path": "/proc/a/../b"}, "path", "upwards"),
    ({"path": "/proc/a\0b"}, "path", "NUL"),
    ({"path": P, "mod": "0444"}, "mod", "is not a key"),
    ({"path": P, "state": "absent"}, "state", "must be one of present, gone"),
    ({"path": P, "type": "fifo"}, "type", "must be one of file, directory, link"),
    ({"path": P, "mode": 0o444}, "mode", 'Put it in quotes, such as "0444"'),
    ({"path": P, "mode": "rw-r--r--"}, "mode", "octal digits"),
    ({"path": P, "mode": "0o444"}, "mode", "octal digits"),
    ({"path": P, "mode": "0498"}, "mode", "octal digits"),
    ({"path": P, "owner": 0}, "owner", "Put it in quotes"),
    ({"path": P, "equals": True}, "equals", "must be a string, not a boolean (True)"),
    ({"path": P, "equals": None}, "equals", "must be a string, not nothing"),
    ({"path": P, "write": 1}, "write", "must be a string"),
    ({"path": P, "contains": []}, "contains", "checks nothing"),
    ({"path": P, "contains": ["a", 1]}, "contains", "must be a string"),
    ({"path": P, "not_contains": {"a": 1}}, "not_contains", "must be a string"),
    ({"path": P, "matches": "a("}, "matches", "is not a regular expression"),
    ({"path": P, "not_matches": ["a", "[b"]}, "not_matches", "is not a regular expression"),
    ({"path": P, "lines": -1}, "lines", "must be 0 to"),
    ({"path": P, "lines": True}, "lines", "must be a dictionary"),
    ({"path": P, "lines": "3"}, "lines", "must be a dictionary"),
    ({"path": P, "lines": 1.5}, "lines", "whole number"),
    ({"path": P, "lines": {}}, "lines", "bounds nothing"),
    ({"path": P, "lines": {"least": 1}}, "lines", "does not know the key `least`"),
    ({"path": P, "lines": {"min": 3, "max": 2}}, "lines", "min of 3 above its max of 2"),
    ({"path": P, "numbers": {"min": 1}}, "numbers", "must be a list"),
    ({"path": P, "numbers": []}, "numbers", "must be a list"),
    ({"path": P, "numbers": [1]}, "numbers", "must be a dictionary"),
    ({"path": P, "numbers": [{"pattern": "(a)"}]}, "numbers", "bounds nothing"),
    ({"path": P, "numbers": [{"pattern": "a", "min": 1}]}, "numbers", "without a group"),
    ({"path": P, "numbers": [{"pattern": "(a", "min": 1}]}, "numbers", "not a regular expression"),
    ({"path": P, "numbers": [{"min": "1"}]}, "numbers", "must be a number"),
    ({"path": P, "numbers": [{"min": NAN}]}, "numbers", "must be a number"),
    ({"path": P, "numbers": [{"max": INFINITE}]}, "numbers", "must be a number"),
    ({"path": P, "numbers": [{"min": 2, "max": 1}]}, "numbers", "min of 2 above its max of 1"),
    ({"path": P, "max_bytes": 0}, "max_bytes", "must be 1 to 16777216"),
    ({"path": P, "max_bytes": "5"}, "max_bytes", "must be a number"),
    ({"path": P, "timeout": 0}, "timeout", "must be 0.001 to 600"),
    ({"path": P, "timeout": -1}, "timeout", "must be 0.001 to 600"),
    ({"path": P, "retries": -1}, "retries", "must be 0 to 1000"),
    ({"path": P, "retries": False}, "retries", "must be a number"),
    ({"path": P, "delay": 61}, "delay", "must be 0 to 60"),
    ({"path": P, "state": "gone", "mode": "0444"}, "mode", "that is to be gone"),
    ({"path": P, "retries": 1, "state": "gone"}, "retries", "that is to be gone"),
    ({"path": P, "target": "y"}, "target", "`type` is not link"),
    ({"path": P, "type": "file", "target": "y"}, "target", "`type` is not link"),
    ({"path": P, "type": "directory", "equals": ""}, "equals", "of a directory"),
    ({"path": P, "type": "link", "write": ""}, "write", "of a link"),
]

TAKEN = [
    # (entry, what it becomes)
    ({"path": P}, {"path": P, "state": "present"}),
    ({"path": "/sys//module/./x/"}, {"path": "/sys/module/x", "state": "present"}),
    ({"path": "/proc/..a"}, {"path": "/proc/..a", "state": "present"}),
    ({"path": P, "state": "gone"}, {"path": P, "state": "gone"}),
    ({"path": P, "mode": "444"}, {"path": P, "state": "present", "mode": "0444"}),
    ({"path": P, "mode": "01777"}, {"path": P, "state": "present", "mode": "1777"}),
    ({"path": P, "contains": "a, b"}, {"path": P, "state": "present", "contains": ["a, b"]}),
    ({"path": P, "matches": ["^a$"]}, {"path": P, "state": "present", "matches": ["^a$"]}),
    ({"path": P, "lines": 3}, {"path": P, "state": "present", "lines": {"min": 3, "max": 3}}),
    ({"path": P, "lines": {"min": 0}}, {"path": P, "state": "present", "lines": {"min": 0}}),
    ({"path": P, "numbers": [{"equals": 2**60}]}, {"path": P, "state": "present", "numbers": [{"equals": 2**60}]}),
    ({"path": P, "write": "", "equals": ""}, {"path": P, "state": "present", "write": "", "equals": ""}),
    ({"path": P, "type": "link", "target": "y"}, {"path": P, "state": "present", "type": "link", "target": "y"}),
    ({"path": P, "timeout": 2}, {"path": P, "state": "present", "timeout": 2.0}),
]


@pytest.mark.parametrize(("entry", "key", "part"), REFUSED)
def test_refused(entry, key, part):
    with pytest.raises(KmodError) as caught:
        _entry.normalise(entry)
    assert caught.value.details["key"] == key
    assert part in caught.value.message
    assert f"`{key}`" in caught.value.message


def test_every_key_has_a_refusal():
    assert {key for _, key, _ in REFUSED} >= set(_entry.ENTRY_OPTIONS) - {"group", "not_equals"}


@pytest.mark.parametrize("entry", [None, "path", ["/proc/x"]])
def test_not_a_dictionary(entry):
    with pytest.raises(KmodError, match="must be a dictionary"):
        _entry.normalise(entry)


@pytest.mark.parametrize(("entry", "expected"), TAKEN)
def test_taken_and_stable(entry, expected):
    before = json.dumps(entry)
    result = _entry.normalise(entry)
    assert result == expected
    assert _entry.normalise(result) == result
    assert json.dumps(entry) == before, "the caller's entry was changed"


def test_a_refusal_names_the_entry():
    with pytest.raises(KmodError) as caught:
        _entry.normalise({"path": "/proc/some", "lines": -1})
    assert caught.value.message.startswith("/proc/some: `lines` must be")
    assert caught.value.details == {"key": "lines", "entry": "/proc/some"}


def test_limits_come_from_the_entry_then_the_call_then_here():
    entry = _entry.normalise({"path": P, "retries": 7})
    assert _entry.limits_of(entry, {"retries": 2, "timeout": 3}) == {
        "retries": 7,
        "delay": 1.0,
        "timeout": 3.0,
        "max_bytes": 65536,
    }
    with pytest.raises(KmodError, match="600"):
        _entry.limits_of(entry, {"timeout": 1e9})


@pytest.mark.parametrize("key", _entry.CONTENT_KEYS)
def test_content_keys_mean_reading(key):
    assert _entry.reads({"path": P, key: "x"})
    assert not _entry.reads({"path": P, "write": "x", "timeout": 1.0})


def test_arguments_lose_what_was_not_given():
    given = [{"path": P, "equals": None, "numbers": [{"pattern": None, "min": 1}], "contains": ["a"], "lines": 0}]
    assert _entry.from_arguments(given) == [{"path": P, "numbers": [{"min": 1}], "contains": ["a"], "lines": 0}]


def test_the_contract_explains_exactly_these_keys():
    contract = (Path(__file__).parents[4] / "docs" / "contract.md").read_text()
    table = contract.split("## What an entry can say")[1]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall("`([a-z_]+)`", "".join(cells))) == sorted(_entry.ENTRY_OPTIONS)
