# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Entries that misbehave: each limit holds, the message says which one was hit, and the others are still checked."""

from __future__ import annotations

import json

import pytest


@pytest.fixture(scope="module", autouse=True)
def hostile(play):
    """The module with the entries, for as long as these tests run."""
    done = play("deploy.yml", kmod_modules=["hostile"])
    assert done.status == 0, done.output
    yield
    assert play("deploy.yml", kmod_modules=["hostile"], kmod_state="absent").status == 0


@pytest.fixture
def ask(host):
    """Return a function that asserts entries on the machine and returns the module's result."""

    def run(*entries):
        arguments = json.dumps({"entries": list(entries), "timeout": 2, "partial": True})
        return host.ansible("procfleet.procfs.proc_assert", arguments, check=False, become=True)

    return run


def test_all_of_them_at_once(ask):
    result = ask(
        {"path": "/proc/hostile/endless", "contains": "never there", "max_bytes": 10000},
        {"path": "/proc/hostile/blocking", "equals": "never\n"},
        {"path": "/proc/hostile/killable", "equals": "never\n"},
        {"path": "/proc/hostile/eio", "write": "x"},
        {"path": "/proc/hostile/nul", "equals": "before\0between\0after\n"},
        {"path": "/proc/hostile/calm", "equals": "calm\n"},
    )
    checks = [[failure["check"] for failure in entry["failures"]] for entry in result["entries"]]
    assert checks == [["max_bytes"], ["timeout"], ["timeout"], ["write"], [], []]
    assert "EIO" in result["explanation"]
    for entry in result["entries"]:
        assert entry["seconds"] < 30


def test_what_changes_at_every_read_is_retried_and_given_up(ask):
    result = ask({"path": "/proc/hostile/changing", "equals": "read 0\n", "retries": 2, "delay": 0.1})
    assert result["entries"][0]["attempts"] == 3
    assert "-read 0" in result["entries"][0]["failures"][0]["diff"]
