# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role's defaults are the argument specs, key by key and value by value, at every entry point."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.procfleet.procfs.plugins.plugin_utils._waves import UNCHANGED

ROLES = Path(__file__).parents[3] / "roles"
FILE = re.compile(r"\w+\.yml")


def load(path):
    return yaml.safe_load(path.read_text())


SPECS = [
    (role.name, entry, spec)
    for role in sorted(ROLES.iterdir())
    for entry, spec in load(role / "meta/argument_specs.yml")["argument_specs"].items()
]


def test_there_are_some():
    assert ("kmod", "main") in [(role, entry) for role, entry, _spec in SPECS]


@pytest.mark.parametrize(("role", "entry", "spec"), SPECS, ids=lambda value: value if isinstance(value, str) else "")
def test_defaults_are_the_spec(role, entry, spec):
    defaults = load(ROLES / role / "defaults/main.yml")
    optional = {name: option["default"] for name, option in spec["options"].items() if not option.get("required")}
    assert optional == defaults
    assert not set(defaults) & {name for name, option in spec["options"].items() if option.get("required")}
    assert all(name.startswith(role + "_") for name in spec["options"])


@pytest.mark.parametrize("role", sorted({role for role, _entry, _spec in SPECS}))
def test_every_entry_point_has_a_spec_and_every_spec_an_entry_point(role):
    included = set()
    for path in (ROLES / role / "tasks").glob("*.yml"):
        for task in walk(load(path)):
            files = [value for key, value in task.items() if key.endswith(("import_tasks", "include_tasks"))]
            included |= {
                word for value in [*files, *task.get("vars", {}).values()] for word in FILE.findall(str(value))
            }
    entries = {path.stem for path in (ROLES / role / "tasks").glob("*.yml") if path.name not in included}
    assert entries == {entry for name, entry, _spec in SPECS if name == role}


def walk(tasks):
    for task in tasks:
        yield task
        for block in ("block", "rescue", "always"):
            yield from walk(task.get(block, []))


def test_what_an_earlier_use_left_is_forgotten_as_it_is_where_there_was_none():
    forget = load(ROLES / "kmod/tasks/look.yml")[0]
    defaults = {name: value for name, value in load(ROLES / "kmod/vars/main.yml").items() if value == {}}
    assert len(defaults) > 5
    assert forget["ansible.builtin.set_fact"] == defaults


def test_every_playbook_leaves_the_check_of_the_variables_to_the_role():
    """Ansible's own would keep the whole spec in memory, once for each host."""
    tasks = [
        task
        for path in (ROLES.parent / "playbooks").glob("*.yml")
        for play in load(path)
        for task in walk(play.get("tasks", []))
    ]
    roles = [task["ansible.builtin.import_role"] for task in tasks if "ansible.builtin.import_role" in task]
    assert len(roles) > 5
    assert [role["rolespec_validate"] for role in roles] == [False] * len(roles)


def test_the_wave_that_only_looks_is_known_by_the_name_that_it_is_given():
    main = load(ROLES / "kmod/tasks/main.yml")
    (part,) = [task["vars"]["__kmod_part"] for task in walk(main) if "__kmod_part" in task.get("vars", {})]
    assert f"if __kmod_wave.name == '{UNCHANGED}' else" in part
