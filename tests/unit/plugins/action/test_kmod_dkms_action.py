# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources go out packed, by module; a failure names the host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.procfleet.procfs.plugins.action import kmod_dkms
from ansible_collections.procfleet.procfs.plugins.module_utils._build import unpack

FOLDER = str(Path(__file__).parents[4] / "files/kmod/proc_demo")
ASKED = [{"name": "proc_demo", "note": {}, "folders": {"proc_demo": FOLDER}}]


@pytest.fixture
def sent(monkeypatch):
    """Record what goes to the module of this name."""
    calls = []

    def execute(_self, module_name, module_args, task_vars):
        calls.append(module_args)
        return dict(task_vars.get("answer", {}))

    monkeypatch.setattr(kmod_dkms.ActionModule, "_execute_module", execute)
    return calls


def test_it_packs(action, sent, tmp_path):
    action(kmod_dkms, modules=ASKED).run(None, {})
    unpack(sent[0]["archives"]["proc_demo"], str(tmp_path))
    assert (tmp_path / "proc_demo/Kbuild").is_file()
    assert sent[0]["modules"] == ASKED


def test_nothing_is_packed_where_nothing_is_registered(action, sent):
    action(kmod_dkms, check=True, modules=ASKED).run(None, {})
    action(kmod_dkms, modules=ASKED, state="absent").run(None, {})
    assert all("archives" not in one for one in sent)


@pytest.mark.parametrize("modules", [None, [], ["m"], [{"name": "m"}], [{"folders": 5, "name": "m"}]])
def test_what_is_malformed_is_left_to_the_module(action, sent, modules):
    action(kmod_dkms, modules=modules).run(None, {})
    assert sent == [{"modules": modules, "archives": {}}]


def test_sources_that_are_not_there(action, sent, tmp_path):
    with pytest.raises(AnsibleActionFail, match=r"The sources cannot be packed: "):
        action(kmod_dkms, modules=[{"name": "m", "folders": {"m": str(tmp_path)}}]).run(None, {})
    assert sent == []


def test_a_failure_names_the_host(action, sent):
    said = action(kmod_dkms, modules=ASKED).run(
        None, {"inventory_hostname": "web1", "answer": {"failed": True, "msg": "no"}}
    )
    assert said["msg"] == "On web1: no"
