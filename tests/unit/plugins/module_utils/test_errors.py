# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The message of a KmodError: what, why, what to do; and details that Ansible leaves alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

PLUGINS = Path(__file__).parents[4] / "plugins"
# fail_json adds a file's attributes to a result with path or dest; the others are its own words.
TAKEN = {
    "path",
    "dest",
    "msg",
    "changed",
    "failed",
    "invocation",
    "warnings",
    "deprecations",
    "exception",
    "diff",
    "rc",
}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (("It failed",), "It failed."),
        (("It failed.", "the disk is full", "Make room."), "It failed: the disk is full. Make room."),
        (("It failed", "", "Run again"), "It failed. Run again."),
        (("It failed", "  ", ""), "It failed."),
    ],
)
def test_message(parts, message):
    assert KmodError(*parts).message == message
    assert str(KmodError(*parts)) == message


def test_the_message_follows_what_is_added_on_the_way():
    error = KmodError("It failed", "why", "Do", log=["x"])
    error.why += ". The host is as it was before"
    assert error.message == "It failed: why. The host is as it was before. Do."
    assert str(error) == error.message
    assert error.details == {"log": ["x"]}


def test_no_detail_has_a_name_that_ansible_takes():
    seen = set()
    for path in PLUGINS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "KmodError":
                names = {keyword.arg for keyword in node.keywords if keyword.arg}
                assert not names & TAKEN, (path, node.lineno)
                seen |= names
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                target = node.targets[0]
                if isinstance(target.value, ast.Attribute) and target.value.attr == "details":
                    assert target.slice.value not in TAKEN
                    seen.add(target.slice.value)
    assert {"timed_out", "restored", "log", "key"} <= seen
