# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The house is as it says: documentation equals argument specs, each file of the core has its tests, contracts hold."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import basic
from ansible_collections.procfleet.procfs.plugins.plugin_utils._contract import Contract

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"
PREFIX = "ansible_collections.procfleet.procfs.plugins"
DOCUMENTED = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
MODULES = [name for name in DOCUMENTED if "def main(" in (PLUGINS / f"modules/{name}.py").read_text()]
ACTIONS = [name for name in DOCUMENTED if name not in MODULES]  # all of their work is in plugins/action/
CONTRACTS = sorted([*ROOT.glob("files/kmod/*/kmod.yml"), *ROOT.glob("tests/fixtures/kmod/*/kmod.yml")])
COUNTED = ("type", "elements", "required", "default", "choices")


@pytest.mark.parametrize("path", sorted(ROOT.glob("playbooks/*.yml")), ids=lambda path: path.stem)
def test_no_play_gathers_facts_whatever_the_settings_say(path):
    plays = [play for play in yaml.safe_load(path.read_text()) if "hosts" in play]
    assert plays
    assert all(play.get("gather_facts") is False for play in plays)


def documented(options):
    """The part of DOCUMENTATION's options that a spec holds as well."""
    found = {}
    for name, option in (options or {}).items():
        assert option["description"], name
        found[name] = {key: option[key] for key in COUNTED if key in option}
        if "suboptions" in option:
            found[name]["options"] = documented(option["suboptions"])
    return found


def specified(spec):
    found = {}
    for name, option in spec.items():
        found[name] = {key: option[key] for key in COUNTED if key in option}
        found[name].setdefault("type", "str")
        if "options" in option:
            found[name]["options"] = specified(option["options"])
    return found


class Asked(Exception):
    """Carries what AnsibleModule was made with."""


def spec_of(name, monkeypatch):
    def made(_self, *, argument_spec, **_options):
        raise Asked(argument_spec)

    monkeypatch.setattr(basic.AnsibleModule, "__init__", made)
    module = importlib.import_module(f"{PREFIX}.modules.{name}")
    with pytest.raises(Asked) as caught:
        module.main()
    return module, caught.value.args[0]


def test_there_is_something_to_look_at():
    assert {"kmod", "kmod_build", "kmod_info", "proc_assert"} <= set(MODULES)
    assert {"kmod_builders", "kmod_contract", "kmod_plan", "kmod_record", "kmod_report"} <= set(ACTIONS)
    assert {path.stem for path in (PLUGINS / "action").glob("*.py")} <= set(DOCUMENTED)
    assert {path.parent.name for path in CONTRACTS} >= {"proc_demo", "simpledriver", "procDriver"}


@pytest.mark.parametrize("name", MODULES)
def test_documentation_of_a_module(name, monkeypatch):
    module, spec = spec_of(name, monkeypatch)
    said = yaml.safe_load(module.DOCUMENTATION)
    assert said["module"] == name
    assert documented(said.get("options")) == specified(spec)


@pytest.mark.parametrize("name", ACTIONS)
def test_documentation_of_an_action(name):
    module = importlib.import_module(f"{PREFIX}.modules.{name}")
    action = importlib.import_module(f"{PREFIX}.action.{name}").ActionModule
    said = yaml.safe_load(module.DOCUMENTATION)
    assert said["module"] == name
    assert documented(said["options"]) == specified(action.ARGUMENTS)


@pytest.mark.parametrize("name", ACTIONS)
def test_documentation_of_an_action_is_all_there_is(name):
    promise, *rest = ast.parse((PLUGINS / f"modules/{name}.py").read_text()).body
    assert ast.unparse(promise) == "from __future__ import annotations"
    assert [ast.unparse(one.targets[0]) for one in rest] == ["DOCUMENTATION", "EXAMPLES", "RETURN"]
    assert all(isinstance(one.value, ast.Constant) for one in rest)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_examples_and_returns_are_yaml(name):
    module = importlib.import_module(f"{PREFIX}.modules.{name}")
    tasks = yaml.safe_load(module.EXAMPLES)
    options = yaml.safe_load(module.DOCUMENTATION).get("options") or {}
    for task in tasks:
        assert set(task.get(f"procfleet.procfs.{name}") or {}) <= set(options), task
    assert all({"description", "returned", "type"} <= set(one) for one in yaml.safe_load(module.RETURN).values())


@pytest.mark.parametrize("path", sorted((PLUGINS / "module_utils").glob("_*.py")), ids=lambda path: path.stem)
def test_each_file_of_the_core_has_its_tests(path):
    if path.name != "__init__.py":
        assert (ROOT / f"tests/unit/plugins/module_utils/test{path.stem}.py").is_file()


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.parent.name)
def test_each_contract_holds(path):
    contract = Contract(path.parent)
    entries = contract.entries({})
    assert any(entry["state"] == "present" for entry in entries)
    assert contract.gone({})
    assert contract.version == yaml.safe_load(path.read_text())["version"]


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.parent.name)
def test_each_contract_speaks_of_its_source(path):
    """MODULE_VERSION and module_param are what the contract says they are."""
    contract = Contract(path.parent)
    text = "".join(file.read_text() for file in path.parent.glob("*.c"))
    assert f'MODULE_VERSION("{contract.version}")' in text
    for name in contract.declared:
        assert f"({name}," in text, name
