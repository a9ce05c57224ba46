# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter as a playbook calls it."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.procfleet.procfs.plugins.filter import kmod_entries

ENTRIES = kmod_entries.FilterModule().filters()["kmod_entries"]
PLAN = {"depends": {"a": [], "b": ["a"]}, "entries": {"a": [{"path": "/proc/a"}], "b": [{"path": "/proc/b"}]}}


@pytest.mark.parametrize("loaded", [(), ({},), (None,), ({"failed_modules": {}},), ({"skipped": True},)])
def test_all(loaded):
    assert [entry["path"] for entry in ENTRIES(PLAN, *loaded)] == ["/proc/a", "/proc/b"]


def test_what_failed_and_what_depends_on_it_is_not_asserted():
    assert ENTRIES(PLAN, {"failed_modules": {"b": {"msg": "no"}}}) == [{"path": "/proc/a"}]
    assert ENTRIES(PLAN, {"failed_modules": {"a": {"msg": "no"}}}) == []


def test_documentation():
    said = yaml.safe_load(kmod_entries.DOCUMENTATION)
    assert said["name"] in kmod_entries.FilterModule().filters()
    assert set(said["options"]) == {"_input", "loaded"}
