# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the steps of all hosts returned, as one reads it that looks at all of them."""

from __future__ import annotations

import runpy
import sys

import pytest
from ansible.errors import AnsibleError
from ansible_collections.procfleet.procfs.plugins.plugin_utils import _action
from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import registered

VARIABLES = {"built": "b", "loaded": "l", "asserted": None}


def steps_of(found):
    class HostVars:
        def raw_get(self, _host):
            return found

    ((host, steps),) = registered(HostVars(), ["web1"], VARIABLES)
    assert host == "web1"
    return steps


@pytest.mark.parametrize("found", [{}, {"b": None, "l": {}}])
def test_steps_that_were_left_out_are_empty(found):
    assert steps_of(found) == {"built": {}, "loaded": {}, "asserted": {}}


def test_a_build_of_its_own():
    found = {"b": {"runs": 1}, "l": {"changed": True}}
    assert steps_of(found) == {"built": {"runs": 1}, "loaded": {"changed": True}, "asserted": {}}


@pytest.mark.parametrize("built", [{"runs": 1}, {"failed": True, "msg": "no"}])
def test_a_build_in_the_call_that_loads_is_a_step_as_well(built):
    found = {"b": {}, "l": {"changed": True, "built": built}}
    assert steps_of(found) == {"built": built, "loaded": {"changed": True}, "asserted": {}}
    assert found["l"]["built"] == built  # what is registered stays as it is


def test_an_answer_that_makes_no_sense_is_no_build():
    assert steps_of({"l": {"built": "x"}})["built"] == {}


def test_a_python_that_is_too_old_for_the_controller_is_named(monkeypatch):
    """Ansible shows its own errors as a line, and any other as a traceback."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 12, "final", 0))
    with pytest.raises(
        AnsibleError, match=r"cannot work on this controller: Ansible runs on Python .*3.11 or newer is"
    ):
        runpy.run_path(_action.__file__)
