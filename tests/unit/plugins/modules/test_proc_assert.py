# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shell: what AnsibleModule is asked for, what comes out, and that the documentation says the same."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.procfleet.procfs.plugins.modules import proc_assert

GOOD = {"path": "/proc/version", "contains": "Linux version"}


@pytest.fixture
def run(capsys):
    def run(**arguments):
        basic._ANSIBLE_ARGS = None
        with patch_module_args(arguments), pytest.raises(SystemExit) as caught:
            proc_assert.main()
        return caught.value.code, json.loads(capsys.readouterr().out)

    return run


def test_what_holds(run):
    code, result = run(entries=[GOOD])
    assert code == 0
    assert result["changed"] is False
    assert result["failed_entries"] == []
    assert result["entries"][0]["holds"]
    assert result["shown"][0] == "/proc/version"
    assert result["shown"][1].startswith("    Linux version")


def test_what_does_not_hold(run):
    code, result = run(entries=[GOOD, {"path": "/proc/procfleet-none"}, {"path": "/proc/version", "mode": "0600"}])
    assert code == 1
    assert result["msg"].startswith("2 of 3 entries do not hold on this host:\n\n/proc/procfleet-none\n")
    assert result["failed_entries"] == ["/proc/procfleet-none", "/proc/version"]
    assert [entry["holds"] for entry in result["entries"]] == [True, False, False]
    assert result["shown"][0] == "/proc/version"


@pytest.mark.parametrize(
    ("entries", "key", "part"),
    [
        ([{"path": "/proc/version", "mode": 292}], "mode", 'such as "0444"'),
        ([{"path": "/proc/version", "equals": True}], "equals", "must be a string"),
        ([{"path": "/etc/passwd"}], "path", "must lie under"),
        ([{"path": "/proc/version", "numbers": [{"pattern": "(a)"}]}], "numbers", "bounds nothing"),
    ],
)
def test_what_is_not_valid(run, entries, key, part):
    code, result = run(entries=entries)
    assert code == 1
    assert part in result["msg"]
    assert result["key"] == key
    assert (result["entries"], result["failed_entries"], result["shown"]) == ([], [], [])


def test_nothing_to_check_fails(run):
    code, result = run(entries=[])
    assert code == 1
    assert "zero checks prove nothing" in result["msg"]


def test_a_comma_does_not_cut_a_text(run):
    _, result = run(entries=[{"path": "/proc/version", "contains": "no, such"}])
    assert [failure["expected"] for failure in result["entries"][0]["failures"]] == ["no, such"]


def test_the_calls_defaults_reach_entries_and_an_entry_has_its_own(run):
    entries = [{"path": "/proc/procfleet-none"}, {"path": "/proc/procfleet-none", "retries": 0}]
    _, result = run(entries=entries, retries=1, delay=0)
    assert [entry["attempts"] for entry in result["entries"]] == [2, 1]


def test_check_mode_reaches_the_flow(run):
    code, result = run(entries=[{"path": "/proc/version", "write": "x"}], _ansible_check_mode=True)
    assert code == 0
    assert result["entries"][0]["write_skipped"]


def documented(options):
    """Documentation as an argument spec."""
    spec = {}
    for name, option in options.items():
        spec[name] = {key: value for key, value in option.items() if key not in ("description", "suboptions")}
        if "suboptions" in option:
            spec[name]["options"] = documented(option["suboptions"])
    return spec


def test_documentation_and_argument_spec_agree():
    assert documented(yaml.safe_load(proc_assert.DOCUMENTATION)["options"]) == proc_assert.SPEC


def test_return_documents_each_key_and_no_other(run):
    fields = yaml.safe_load(proc_assert.RETURN)
    _, result = run(entries=[{"path": "/proc/procfleet-none"}])
    assert set(result["entries"][0]) == set(fields["entries"]["contains"])
    assert set(result["entries"][0]["failures"][0]) == set(fields["entries"]["contains"]["failures"]["contains"])
    assert set(fields) - set(result) == {"key", "entry"}
    assert set(result) - set(fields) == {"changed", "failed", "msg", "invocation"}


def test_examples_are_valid_entries(run):
    for task in yaml.safe_load(proc_assert.EXAMPLES):
        _, result = run(**task["procfleet.procfs.proc_assert"], _ansible_check_mode=True, delay=0)
        assert result["entries"], result["msg"]


def test_partial_leaves_the_verdict_to_the_caller(run):
    code, result = run(entries=[{"path": "/proc/procfleet-none"}], partial=True)
    assert code == 0
    assert result["failed_entries"] == ["/proc/procfleet-none"]
    assert "expected present" in result["explanation"]
