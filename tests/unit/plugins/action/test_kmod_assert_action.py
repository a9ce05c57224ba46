# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host is asked once more only where the look leaves a question."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.action import kmod_assert

A, B = {"path": "/proc/a"}, {"path": "/proc/b"}
PLAN = {"depends": {"a": [], "b": ["a"]}, "entries": {"a": [A], "b": [B]}, "reasons": {}}
HELD = {"changed": False, "entries": [{**A, "holds": True}, {**B, "holds": True}], "failed_entries": [], "shown": []}


@pytest.fixture
def ask(action, monkeypatch):
    """Return a function that asserts, and returns the result and what was executed."""

    def run(check=False, plan=PLAN, **arguments):
        calls = []

        def execute(_self, name, arguments, task_vars):
            calls.append((name, arguments))
            return {"entries": ["asked"]}

        monkeypatch.setattr(kmod_assert.ActionModule, "_execute_module", execute)
        return action(kmod_assert, check=check, plan=plan, **arguments).run(None, {}), calls

    return run


def test_what_the_look_has_asserted(ask):
    assert ask(seen={"asserted": HELD}) == (HELD, [])


@pytest.mark.parametrize("asserted", [None, {**HELD, "entries": HELD["entries"][:1]}, {**HELD, "entries": []}])
def test_what_the_look_leaves_open(ask, asserted):
    result, calls = ask(seen={"asserted": asserted}, retries=3, delay=2)
    assert result["entries"] == ["asked"]
    arguments = {"entries": [A, B], "partial": True, "retries": 3, "delay": 2.0}
    assert calls == [("procfleet.procfs.proc_assert", arguments)]


@pytest.mark.parametrize(
    ("later", "calls"),
    [
        ({"building": {"jobs": {"h": []}}, "wave": 0}, 0),
        ({"building": {"jobs": {"h": [], "other": [{"release": "6.1"}]}}}, 1),
        ({"wave": 1}, 1),
        ({"wave": None, "building": {}}, 0),
    ],
)
def test_a_look_that_is_long_ago_says_nothing_of_now(ask, later, calls):
    assert len(ask(seen={"asserted": HELD}, **later)[1]) == calls


def test_a_look_that_asserted_nothing(ask):
    assert len(ask(seen={})[1]) == 1


@pytest.mark.parametrize(
    ("check", "plan"),
    [(False, {"depends": {}, "entries": {}, "reasons": {}}), (True, {**PLAN, "reasons": {"a": ["not loaded"]}})],
    ids=["nothing", "predicted"],
)
def test_left_out(ask, check, plan):
    result, calls = ask(check, plan, seen={"asserted": HELD})
    assert (result["skipped"], calls) == (True, [])


def test_in_check_mode_what_is_there_is_asserted(ask):
    assert ask(True, seen={"asserted": HELD})[0] == HELD
