# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which sizes and settings are asked for."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.bench import growth


def test_sizes():
    assert growth.sizes({}) == [10, 100]
    assert growth.sizes({"BENCH_HOSTS": "1000, 5"}) == [5, 1000]


@pytest.mark.parametrize("text", ["0", "1001", "ten", "-1", "10 x"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="1 to 1000"):
        growth.sizes({"BENCH_HOSTS": text})


def test_settings():
    assert list(growth.settings({})) == ["ansible.cfg"]
    assert "forks 5" in growth.settings({"BENCH_SETTINGS": "all"})
    with pytest.raises(ValueError, match="empty or all"):
        growth.settings({"BENCH_SETTINGS": "some"})


def test_a_setting_may_be_a_playbook_that_goes_before_ours():
    facts = growth.settings({"BENCH_SETTINGS": "all"})["facts gathered"]
    playbooks = [word.rpartition("/")[2] for word in growth.command("ours", facts) if word.endswith(".yml")]
    assert playbooks == ["facts.yml", "deploy.yml"]
    assert growth.command("ping", facts) == growth.PLAYS["ping"]
    assert growth.command("ours", growth.Setting({})) == growth.PLAYS["ours"]


def test_rounds():
    assert growth.rounds({}) == growth.rounds({"BENCH_ROUNDS": ""}) == 1
    assert growth.rounds({"BENCH_ROUNDS": "3"}) == 3


@pytest.mark.parametrize("text", ["0", "-1", "three", "100", "1 2"])
def test_what_is_no_number_of_rounds_is_refused(text):
    with pytest.raises(ValueError, match="1 to 99"):
        growth.rounds({"BENCH_ROUNDS": text})
