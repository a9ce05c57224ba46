# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter as a playbook calls it."""

from __future__ import annotations

import yaml
from ansible_collections.procfleet.procfs.plugins.filter import kmod_entries

ENTRIES = kmod_entries.FilterModule().filters()["kmod_entries"]
PLAN = {"depends": {"a": [], "b": ["a"]}, "entries": {"a": [{"path": "/proc/a"}], "b": [{"path": "/proc/b"}]}}


def test_all_in_load_order():
    assert [entry["path"] for entry in ENTRIES(PLAN)] == ["/proc/a", "/proc/b"]


def test_of_a_host_that_only_builds():
    assert ENTRIES({"depends": {}, "entries": {}}) == []


def test_documentation():
    said = yaml.safe_load(kmod_entries.DOCUMENTATION)
    assert said["name"] in kmod_entries.FilterModule().filters()
    assert set(said["options"]) == {"_input"}
