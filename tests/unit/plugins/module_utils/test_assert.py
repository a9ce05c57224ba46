# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The flow over real files: a temporary folder stands for /proc."""

from __future__ import annotations

import json
import os
import time

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _assert, _bounded, _entry
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError


@pytest.fixture
def proc(tmp_path, monkeypatch):
    monkeypatch.setattr(_entry, "ROOTS", (str(tmp_path),))
    for name, text in (("hello", "Hello\n"), ("store", "old\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o640)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("hello")
    return tmp_path


def no_sleep(seconds):
    raise AssertionError("slept although nothing was to be retried")


def check(proc, *entries, defaults=None, check_mode=False, sleep=no_sleep):
    absolute = [{**entry, "path": f"{proc}/{entry['path']}"} for entry in entries]
    return _assert.check_entries(absolute, defaults, check_mode, sleep)


def checks(result):
    return [failure["check"] for failure in result["failures"]]


def test_no_entries_is_an_error():
    with pytest.raises(KmodError, match="zero checks prove nothing"):
        _assert.check_entries([])


def test_nothing_is_touched_when_a_later_entry_is_not_valid(proc):
    with pytest.raises(KmodError) as caught:
        check(proc, {"path": "store", "write": "new"}, {"path": "hello", "mode": 416})
    assert caught.value.details["key"] == "mode"
    assert (proc / "store").read_text() == "old\n"


def test_a_result_that_holds(proc):
    (result,) = check(proc, {"path": "hello", "type": "file", "mode": "0640", "equals": "Hello\n"})
    assert result.pop("seconds") < 1
    assert result.pop("owner")
    assert result.pop("group")
    assert result == {
        "path": f"{proc}/hello",
        "state": "present",
        "type": "file",
        "mode": "0640",
        "target": "",
        "holds": True,
        "failures": [],
        "content": "Hello\n",
        "content_cut": False,
        "write_skipped": False,
        "attempts": 1,
    }


HOLDS_OR_NOT = [
    # (entry, the checks that fail)
    ({"path": "hello"}, []),
    ({"path": "folder", "type": "directory"}, []),
    ({"path": "link", "type": "link", "target": "hello"}, []),
    ({"path": "link", "type": "file", "equals": "Hello\n"}, []),
    ({"path": "none", "state": "gone"}, []),
    ({"path": "hello/below", "state": "gone"}, []),
    ({"path": "hello", "owner": str(os.getuid()), "group": str(os.getgid())}, []),
    ({"path": "none"}, ["state"]),
    ({"path": "link", "state": "gone"}, ["state"]),
    ({"path": "link", "type": "link", "target": "Hello"}, ["target"]),
    ({"path": "hello", "type": "link"}, ["type"]),
    ({"path": "hello", "type": "directory"}, ["type"]),
    ({"path": "folder", "contains": "x"}, ["read"]),
    ({"path": "folder", "type": "file", "contains": "x"}, ["type"]),
    ({"path": "hello", "mode": "0644", "equals": "hello\n"}, ["mode", "equals"]),
    ({"path": "hello", "owner": "no-such-user", "group": "no-such-group"}, ["owner", "group"]),
    ({"path": "hello", "max_bytes": 3, "equals": "Hello\n"}, ["max_bytes"]),
    ({"path": "hello", "max_bytes": 6}, []),
]


@pytest.mark.parametrize(("entry", "expected"), HOLDS_OR_NOT)
def test_entries(proc, entry, expected):
    (result,) = check(proc, entry)
    assert checks(result) == expected
    assert result["holds"] == (not expected)


def test_each_failing_entry_is_told_in_order(proc):
    results = check(proc, {"path": "none"}, {"path": "hello"}, {"path": "hello", "lines": 2}, {"path": "store"})
    assert [checks(result) for result in results] == [["state"], [], ["lines"], []]


def test_a_link_that_leaves_is_not_followed(proc):
    (proc / "out").symlink_to("/etc")
    results = check(proc, {"path": "out/passwd", "contains": "root"}, {"path": "out"}, {"path": "out", "type": "link"})
    assert [result["holds"] for result in results] == [False, False, True]
    assert results[0]["content"] is None
    assert "not followed" in results[0]["failures"][0]["found"]
    assert (results[0]["state"], results[2]["target"]) == ("unknown", "/etc")


def test_round_trip(proc):
    (result,) = check(proc, {"path": "store", "write": "hi\n", "equals": "hi\n", "mode": "0640"})
    assert (result["holds"], result["content"], result["write_skipped"]) == (True, "hi\n", False)


def test_entries_are_done_in_order(proc):
    before, _, after = check(
        proc,
        {"path": "store", "equals": "old\n"},
        {"path": "store", "write": "new\n"},
        {"path": "store", "equals": "new\n"},
    )
    assert before["holds"]
    assert after["holds"]


def test_nothing_is_written_when_the_entry_is_not_what_it_should_be(proc):
    (result,) = check(proc, {"path": "store", "mode": "0600", "write": "new", "equals": "new"})
    assert (checks(result), result["write_skipped"], result["content"]) == (["mode"], True, None)
    assert (proc / "store").read_text() == "old\n"


def test_check_mode_writes_nothing_and_says_so(proc):
    entries = [{"path": "store", "write": "new", "equals": "new"}, {"path": "hello", "equals": "x"}, {"path": "none"}]
    results = check(proc, *entries, check_mode=True)
    assert [(checks(result), result["write_skipped"]) for result in results] == [
        ([], True),
        (["equals"], False),
        (["state"], False),
    ]
    assert (proc / "store").read_text() == "old\n"


def test_a_write_that_fails_is_named_and_not_read_after(monkeypatch):
    monkeypatch.setattr(_entry, "ROOTS", ("/dev",))
    (result,) = _assert.check_entries([{"path": "/dev/full", "write": "x", "equals": "x"}])
    assert checks(result) == ["write"]
    assert "ENOSPC" in result["failures"][0]["found"]
    assert result["content"] is None


def test_retries_until_it_holds(proc):
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 2:
            (proc / "late").write_text("ready\n")

    (result,) = check(proc, {"path": "late", "equals": "ready\n"}, defaults={"retries": 5, "delay": 0.5}, sleep=sleep)
    assert (result["holds"], result["attempts"], slept) == (True, 3, [0.5, 0.5])


def test_retries_end(proc):
    slept = []
    (result,) = check(proc, {"path": "none", "retries": 2, "delay": 0.1}, sleep=slept.append)
    assert (result["holds"], result["attempts"], slept) == (False, 3, [0.1, 0.1])
    assert checks(result) == ["state"], "only the last attempt's failures count"


def test_retries_end_with_the_total_time(proc, monkeypatch):
    monkeypatch.setattr(_assert, "TOTAL_SECONDS", 0.0)
    (result,) = check(proc, {"path": "none", "retries": 9}, {"path": "hello"})[:1]
    assert (checks(result), result["attempts"]) == (["state", "retries"], 1)


def test_a_retry_does_not_write_again_what_was_taken(proc):
    def sleep(seconds):
        (proc / "store").write_text("done\n")

    (result,) = check(proc, {"path": "store", "write": "go\n", "equals": "done\n", "retries": 1}, sleep=sleep)
    assert (result["holds"], result["attempts"], result["write_skipped"]) == (True, 2, False)


def test_a_write_that_was_kept_back_is_done_in_a_later_attempt(proc):
    def sleep(seconds):
        (proc / "store").chmod(0o600)

    entry = {"path": "store", "mode": "0600", "write": "hi\n", "equals": "hi\n", "retries": 1}
    (result,) = check(proc, entry, sleep=sleep)
    assert (result["holds"], result["attempts"], result["write_skipped"]) == (True, 2, False)


def test_hostile_entries_hit_limits_and_the_others_are_still_checked(proc):
    os.mkfifo(proc / "hangs")
    (proc / "slow").write_text("a" * 40 + "!")
    (proc / "raw").write_bytes(b"a\0\xff\x1b")
    begun = time.monotonic()
    results = check(
        proc,
        {"path": "hangs", "contains": "x", "timeout": 0.5},
        {"path": "slow", "matches": "(a+)+$", "timeout": 0.05},
        {"path": "raw", "contains": "\0", "not_contains": "\ufffd"},
        {"path": "hello", "equals": "Hello\n"},
    )
    assert [checks(result) for result in results] == [["timeout"], ["timeout"], [], []]
    assert "open() not back" in results[0]["failures"][0]["found"]
    assert results[2]["content"] == "a\0\\xff\x1b"
    json.dumps(results).encode("utf-8")
    assert time.monotonic() - begun < 60  # it came back at all


def test_a_stuck_reader_is_not_retried(proc, monkeypatch):
    stuck = _bounded.Outcome(limit="seconds", step="read", seconds=5.0, stuck=7)
    monkeypatch.setattr(_assert, "read_file", lambda path, limit, seconds: stuck)
    (result,) = check(proc, {"path": "hello", "contains": "x", "retries": 9})
    assert (checks(result), result["attempts"]) == (["timeout", "stuck"], 1)


def test_long_content_is_cut_in_the_result_but_judged_whole(proc):
    (proc / "long").write_text("a" * 20000 + "end")
    (result,) = check(proc, {"path": "long", "matches": "end$"})
    assert (result["holds"], len(result["content"]), result["content_cut"]) == (True, 16384, True)


def test_the_real_proc():
    entries = [
        {"path": "/proc/version", "type": "file", "mode": "0444", "owner": "root", "matches": "^Linux version"},
        {"path": "/proc/self", "type": "link", "target": str(os.getpid())},
        {"path": "/proc/self/status", "numbers": [{"pattern": r"^Pid:\s+(\d+)", "equals": os.getpid()}]},
        {"path": "/proc/procfleet-none", "state": "gone"},
    ]
    assert [result["failures"] for result in _assert.check_entries(entries)] == [[]] * 4
