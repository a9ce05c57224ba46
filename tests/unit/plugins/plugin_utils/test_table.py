# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table on a terminal of 80 columns, of which Ansible takes 8."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import host_part
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import record
from ansible_collections.procfleet.procfs.plugins.plugin_utils._table import WIDTH, table
from ansible_collections.procfleet.procfs.tests.fleet import RUN, digest, fleet, results


@pytest.mark.parametrize("size", [1, 3, 40, 300])
def test_it_fits(size):
    lines = table(fleet(size)).splitlines()
    assert max(map(len, lines)) <= WIDTH == 72
    assert lines == [line.rstrip() for line in lines]


def test_what_a_line_says():
    lines = table(record([host_part("web1", results(("proc_demo",)))], RUN)).splitlines()
    build = digest("proc_demo", "6.1.0-40-cloud-amd64")[:8]
    assert lines == [
        "HOST, MODULE                   WANTED   INSTALLED LOADED   STATE",
        "web1: kernel 6.1.0-40-cloud-amd64, taint OE",
        f"  proc_demo                    {build} {build}  {build} ok",
        "",
        "1 host: 1 ok",
    ]


def test_a_build_of_dkms_is_said_to_be_one():
    steps = results(("proc_demo",))
    steps["seen"]["modules"]["proc_demo"]["installed"]["by"] = "dkms"
    assert " ok, by DKMS\n" in table(record([host_part("web1", steps)], RUN))


def test_the_waves_and_why_they_were_stopped():
    text = table(fleet(8))
    assert "\n\ncanary: 1 host, done, 41 s\na quarter: 1 host, returned, 140 s\nthe rest: 6 hosts, not begun\n" in text
    assert "stopped: the wave `a quarter` did not pass: web0002.example.org: proc_demo" in " ".join(text.split())


def test_a_fleet_that_is_only_looked_at_has_no_waves():
    waves = ({"name": "unchanged", "hosts": ["web1"], "started": RUN.started, "seconds": 1, "outcome": "done"},)
    assert "unchanged" not in table(record([host_part("web1", results())], RUN._replace(waves=waves)))


def test_a_lost_host_says_why():
    text = table(record([host_part("web1", {"seen": {"unreachable": True, "msg": "No route to host"}})], RUN))
    assert "web1\n  unreachable: No route to host\n" in text


def test_a_large_fleet_lists_what_is_not_well():
    whole = fleet(1000)
    text = table(whole)
    assert "867 more hosts are as wanted" in text
    listed = [host["name"] for host in whole["hosts"] if f"\n{host['name']}" in text]
    assert listed == [host["name"] for host in whole["hosts"] if host["state"] != "ok"]


def test_long_names_are_never_cut_and_nothing_clears_the_screen():
    name = "a_module_with_a_name_of_fifty_six_characters_as_allowed"
    text = table(record([host_part("web1\x1b[2J", results((name,)))], RUN))
    assert f"  {name} " in text
    assert "\x1b" not in text
