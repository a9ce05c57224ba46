# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people see: no control characters, limits stated, 80 columns."""

from __future__ import annotations

import json

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _show


@pytest.mark.parametrize(
    ("data", "safe", "visible"),
    [
        (b"plain\n\ttext\n", "plain\n\ttext\n", "plain\n\ttext\n"),
        ("grüß".encode(), "grüß", "grüß"),
        (b"a\xff\0", "a\\xff\0", "a\\xff\\x00"),
        (b"\x1b[2J\r", "\x1b[2J\r", "\\x1b[2J\\x0d"),
        ("\x9b".encode(), "\x9b", "\\x9b"),
    ],
)
def test_safe_and_visible(data, safe, visible):
    text = data.decode("utf-8", "surrogateescape")
    assert _show.json_safe(text) == safe
    assert _show.visible(text) == visible
    json.dumps(safe).encode("utf-8")


def test_lone_surrogates_survive():
    assert _show.json_safe("\ud800") == "\\ud800"


def test_abbreviated_tells_how_much_is_missing():
    assert _show.abbreviated("a" * 2000) == "a" * 2000
    assert _show.abbreviated("a" * 2003) == "a" * 2000 + "[... 3 more characters]"


@pytest.mark.parametrize(
    ("expected", "found", "lines"),
    [
        ("hi\n", "ho\n", ["@@ first difference: line 1, column 2 @@", "-hi", "+ho"]),
        ("", "hi\n", ["@@ first difference: line 1, column 1 @@", "+hi"]),
        ("hi\n", "", ["@@ first difference: line 1, column 1 @@", "-hi"]),
        ("a\n", "a\nb\n", ["@@ first difference: line 2, column 1 @@", " a", "+b"]),
        ("a\n", "a\n\n", ["@@ first difference: line 2, column 1 @@", " a", "+"]),
    ],
)
def test_diff(expected, found, lines):
    assert _show.diff(expected, found).split("\n") == ["--- expected", "+++ found", *lines]


def test_diff_of_long_contents_is_short_and_shows_the_difference():
    expected = "".join(f"{number}\n" for number in range(10000))
    lines = _show.diff(expected, expected.replace("5000\n", "x\n")).split("\n")
    assert lines[2:8] == ["@@ first difference: line 5001, column 1 @@", " 4997", " 4998", " 4999", "-5000", "+x"]
    assert len(lines) <= 3 + 2 * 40
    line = _show.diff("a" * 5000 + "b\n", "a" * 5000 + "c\n").split("\n")
    assert "column 5001" in line[2]
    assert max(map(len, line)) < 250


def result(path, failures=(), content=None, attempts=1):
    return {
        "path": path,
        "holds": not failures,
        "failures": list(failures),
        "content": content,
        "attempts": attempts,
        "seconds": 1.25,
    }


def failure(check="mode", expected="0444", found="0644", diff="", todo=""):
    return {"check": check, "expected": expected, "found": found, "diff": diff, "todo": todo}


def test_failure_message():
    results = [
        result("/proc/a", [failure(), failure("lines", "3", "4", todo="Do this.")]),
        result("/proc/b"),
        result("/proc/c", [failure("equals", "x\n", "y\n", _show.diff("x\n", "y\n"), "Do this.")], attempts=3),
        result("/proc/d", [failure("contains", "x", "1\n2\n"), failure("matches", "y" * 40, "z" * 40)]),
    ]
    assert _show.failure_message(results).split("\n") == [
        "3 of 4 entries do not hold on this host:",
        "",
        "/proc/a",
        "  mode: expected 0444, found 0644",
        "  lines: expected 3, found 4",
        "",
        "/proc/c (3 attempts, 1.2 s)",
        "  equals:",
        "    --- expected",
        "    +++ found",
        "    @@ first difference: line 1, column 1 @@",
        "    -x",
        "    +y",
        "",
        "/proc/d",
        "  contains: expected",
        "      x",
        "    found",
        "      1",
        "      2",
        "  matches: expected " + "y" * 40,
        "    found " + "z" * 40,
        "",
        "What to do next:",
        "- Do this.",
    ]


def test_a_message_always_says_what_to_do_and_fits_80_columns():
    message = _show.failure_message([result("/proc/a", [failure()])])
    assert message.startswith("1 of 1 entry does not hold on this host:")
    assert "\nWhat to do next:\n- " in message
    assert max(map(len, message.split("\n"))) <= 80


def test_report_has_the_same_keys_for_nothing_and_for_all():
    good, empty = result("/proc/a", content="x\n\ny\x1b\n"), result("/proc/b", content="")
    bad = result("/proc/c", [failure()])
    assert _show.report([good, empty, bad]) == {
        "changed": False,
        "entries": [good, empty, bad],
        "failed_entries": ["/proc/c"],
        "explanation": _show.failure_message([good, empty, bad]),
        "shown": ["/proc/a", "    x", "    ", "    y\\x1b", "/proc/b"],
    }
    assert set(_show.report([])) == {"changed", "entries", "failed_entries", "explanation", "shown"}
