# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""With `-e kmod_soak=300`, or from an INI inventory, numbers and booleans come as text: each use of one converts it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment, nodes

ROLE = Path(__file__).parents[3] / "roles/kmod"
SPEC = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
TYPED = {name for name, option in SPEC.items() if option["type"] in ("bool", "int")}
# Ansible's own that convert what they are given.
CONVERTED = {"ansible.builtin.pause": {"seconds"}, "ansible.builtin.reboot": {"reboot_timeout"}}
OURS = "procfleet.procfs."
ALONE = re.compile(r"\{\{ \w+ \}\}")


def unconverted(node):
    """Return the typed variables in an expression that no `int` or `bool` is applied to."""
    if isinstance(node, nodes.Name):
        return {node.name} & TYPED
    if isinstance(node, nodes.Filter) and node.name in ("bool", "int") and isinstance(node.node, nodes.Name):
        return set()
    return {name for child in node.iter_child_nodes() for name in unconverted(child)}


def texts(value):
    if isinstance(value, dict):
        value = list(value.values())
    return [text for one in value for text in texts(one)] if isinstance(value, list) else [str(value)]


def converts(module):
    """Return the arguments of a module that Ansible converts by its argument spec."""
    if not module.startswith(OURS):
        return CONVERTED.get(module, set())
    found = importlib.import_module(f"ansible_collections.procfleet.procfs.plugins.modules.{module[len(OURS) :]}")
    options = yaml.safe_load(found.DOCUMENTATION)["options"]
    return {name for name, option in options.items() if option.get("type") in ("bool", "int", "float")}


def wrong(task):
    """Return the expressions of a task that take a typed variable as it comes."""
    for key, value in task.items():
        typed = converts(key) if isinstance(value, dict) else set()
        as_it_is = [one for name, one in value.items() if name in typed and ALONE.fullmatch(str(one))] if typed else []
        for text in texts(value):
            if text in as_it_is:
                continue
            template = f"{{{{ {text} }}}}" if key in ("when", "that") and "{{" not in text else text
            if unconverted(Environment(autoescape=False).parse(template)):  # noqa: S701 - nothing is rendered
                yield f"{key}: {text}"


def flat(tasks):
    for task in tasks:
        inner = [flat(task.get(key, [])) for key in ("block", "rescue", "always")]
        yield {key: value for key, value in task.items() if key not in ("block", "rescue", "always")}
        for one in inner:
            yield from one


def test_the_typed_variables_are_known():
    assert {"kmod_soak", "kmod_rollback", "kmod_persist", "kmod_dkms", "kmod_timeout"} <= TYPED


@pytest.mark.parametrize("path", sorted((ROLE / "tasks").glob("*.yml")), ids=lambda path: path.stem)
def test_no_task_takes_text_for_a_number_or_a_boolean(path):
    assert [line for task in flat(yaml.safe_load(path.read_text())) for line in wrong(task)] == []


def test_no_variable_of_the_role_does():
    assert list(wrong(yaml.safe_load((ROLE / "vars/main.yml").read_text()))) == []


def test_what_is_wrong_is_found():
    assert list(wrong({"when": "kmod_soak > 0"}))
    assert list(wrong({"when": ["x", "not kmod_rollback"]}))
    assert list(wrong({"ansible.builtin.set_fact": {"x": "{{ kmod_persist }}"}}))
    assert list(wrong({f"{OURS}kmod": {"persist": "{{ kmod_persist and kmod_dkms | bool }}"}}))
    assert not list(wrong({"when": "kmod_soak | int > 0", f"{OURS}kmod": {"persist": "{{ kmod_persist }}"}}))
