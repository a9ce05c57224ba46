# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each matcher with one content that holds and one that does not."""

from __future__ import annotations

import errno

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _match
from ansible_collections.procfleet.procfs.plugins.module_utils._bounded import Outcome
from ansible_collections.procfleet.procfs.plugins.module_utils._entry import normalise

RAW = b"a\xffb\0c".decode("utf-8", "surrogateescape")
CONTENT = [
    # (what is asked, a content that holds, one that does not, expected and found of its mismatch)
    ({"equals": "hi\n"}, "hi\n", "ho\n", "hi\n", "ho\n"),
    ({"equals": "hi\n"}, "hi\n", "hi", "hi\n", "hi"),
    ({"equals": ""}, "", "\n", "", "\n"),
    ({"equals": "a\0b"}, "a\0b", "ab", "a\\x00b", "ab"),
    ({"not_equals": "a"}, "b", "a", "anything else", "a"),
    ({"contains": "a, b"}, "xa, by", "a", "a, b", "a"),
    ({"contains": "a"}, "a", "", "a", "nothing: it is empty"),
    ({"contains": "b"}, RAW, "\udcff\x1b", "b", "\\xff\\x1b"),
    ({"not_contains": ["a", "b"]}, "c", "b", "no b", "b"),
    ({"matches": "^b$"}, "a\nb\nc\n", "ab\nbc\n", "^b$", "ab\nbc\n"),
    ({"not_matches": "b+"}, "a", "abbc", "no b+", "bb"),
    ({"lines": 0}, "", "a", "0", "1"),
    ({"lines": 2}, "a\nb", "a\n", "2", "1"),
    ({"lines": {"min": 2}}, "a\nb\n", "\n", "at least 2", "1"),
    ({"lines": {"max": 1}}, "a\n", "a\nb", "at most 1", "2"),
    ({"lines": {"min": 1, "max": 2}}, "\n", "\n\n\n", "1 to 2", "3"),
    ({"numbers": [{"min": 3}]}, "up 3.5 s", "up 2.9 s", "at least 3", "2.9"),
    ({"numbers": [{"max": -2}]}, "t -3", "t -1", "at most -2", "-1"),
    ({"numbers": [{"equals": 2**60 + 1}]}, f"{2**60 + 1}", f"{2**60}", f"{2**60 + 1}", f"{2**60}"),
    ({"numbers": [{"min": 1}]}, "1", "none", "at least 1", "no match in: none"),
    (
        {"numbers": [{"pattern": "^b (.*)$", "min": 1, "max": 0x20}]},
        "a 0\nb 0x1f\n",
        "b 1_0",
        "1 to 32 for ^b (.*)$",
        "'1_0'",
    ),
    ({"numbers": [{"min": 1}]}, "1", "1" * 5000, "at least 1", repr(_match.abbreviated("1" * 5000))),
    ({"numbers": [{"pattern": "(nan)?x", "min": 1}, {"equals": 5}]}, None, "x 5", "at least 1 for (nan)?x", "''"),
]
SEEN = _match.Observed(True, "file", "0644", "root", 0, "adm", 4)
METADATA = [
    # (what is asked, what is seen, the mismatches' checks)
    ({}, SEEN, []),
    ({"type": "file", "mode": "0644", "owner": "root", "group": "adm"}, SEEN, []),
    ({"owner": "0", "group": "4"}, SEEN, []),
    ({"type": "directory", "mode": "0600", "owner": "1", "group": "root"}, SEEN, ["type", "mode", "owner", "group"]),
    ({"type": "link", "target": "b"}, SEEN._replace(type="link", target="a"), ["target"]),
    ({"mode": "0644"}, _match.Observed(), ["state"]),
    ({"mode": "0644"}, _match.Observed(error="EACCES: Permission denied"), ["state"]),
    ({"state": "gone"}, _match.Observed(), []),
    ({"state": "gone"}, SEEN, ["state"]),
    ({"state": "gone"}, _match.Observed(error="EACCES: Permission denied"), ["state"]),
]
LIMITS = {"timeout": 5.0, "max_bytes": 10}
OUTCOMES = [
    # (outcome of a write of 3 bytes, checks, a part of what was found)
    (Outcome(taken=3), [], ""),
    (Outcome(taken=2), ["write"], "2 bytes taken"),
    (Outcome(error=errno.ENOSPC, step="write"), ["write"], "ENOSPC: No space left on device, in write()"),
    (Outcome(error=errno.EACCES, step="open"), ["write"], "EACCES: Permission denied, in open()"),
    (Outcome(limit="seconds", step="open", seconds=5.0), ["timeout"], "open() not back after 5.0 s"),
    (Outcome(limit="bytes"), ["max_bytes"], "more than 10"),
    (Outcome(died=True, step="write"), ["write"], "the process died in write()"),
    (Outcome(limit="seconds", step="write", stuck=7), ["timeout", "stuck"], "not back"),
    (Outcome(taken=3, stuck=7), ["stuck"], "process 7 stuck in the kernel"),
]


@pytest.mark.parametrize(("asked", "good", "bad", "expected", "found"), CONTENT)
def test_content(asked, good, bad, expected, found):
    entry = normalise({"path": "/proc/x", **asked})
    if good is not None:
        assert _match.match_content(entry, good) == []
    (mismatch,) = _match.match_content(entry, bad)
    assert (mismatch["check"], mismatch["expected"], mismatch["found"]) == (next(iter(asked)), expected, found)
    assert all(isinstance(value, str) for value in mismatch.values())


def test_every_mismatch_is_told_and_not_only_the_first():
    entry = normalise({"path": "/proc/x", "equals": "a", "contains": ["b", "c"], "matches": "d", "lines": 2})
    checks = [mismatch["check"] for mismatch in _match.match_content(entry, "x")]
    assert checks == ["equals", "contains", "contains", "matches", "lines"]


def test_equals_has_a_diff_with_the_missing_newline():
    (mismatch,) = _match.match_content({"equals": "a\nhi\n"}, "a\nhi")
    assert mismatch["diff"].split("\n")[2:] == [
        "@@ first difference: line 2, column 3 @@",
        " a",
        "-hi",
        "+hi",
        "\\ no newline at the end",
    ]


@pytest.mark.parametrize(("asked", "seen", "checks"), METADATA)
def test_metadata(asked, seen, checks):
    entry = normalise({"path": "/proc/x", **asked})
    assert [mismatch["check"] for mismatch in _match.match_metadata(entry, seen)] == checks


@pytest.mark.parametrize(("outcome", "checks", "found"), OUTCOMES)
def test_outcomes(outcome, checks, found):
    mismatches = _match.match_write(LIMITS, 3, outcome)
    assert [mismatch["check"] for mismatch in mismatches] == checks
    assert not found or found in mismatches[0]["found"]
    assert all(mismatch["todo"] for mismatch in mismatches), "each says what to do"


def test_a_read_that_went_well_is_no_mismatch():
    assert _match.match_read(LIMITS, Outcome(data=b"x")) == []
