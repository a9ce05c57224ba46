# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A rollout as its two actions make it: who is in which wave, and what the gate says."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.procfleet.procfs.plugins.action import kmod_gate, kmod_waves

PLAN = {"fingerprints": {"m": "f" * 64}, "depends": {"m": []}, "entries": {"m": []}, "modules": [{"name": "m"}]}
BUILDER = {**PLAN, "fingerprints": {}, "modules": []}
VARIABLES = {
    "plan": "__kmod_plan",
    "loaded": "__kmod_loaded",
    "asserted": "__kmod_asserted",
    "contract": "__kmod_wanted",
}
LOADED = {
    "modules": {"m": {"changed": True}},
    "failed_modules": {},
    "asserted": {"entries": []},
    "taint": {"flags": ""},
}
LOST = {"unreachable": True, "msg": "timed out"}


def planned(plan=PLAN, **more):
    return {"__kmod_plan": plan, **more}


@pytest.fixture
def begin(action, hostvars):
    def run(hosts, sizes, check=False, batch=None, groups=None, **more):
        groups = {"all": list(hosts), **(groups or {})}
        variables = {
            "hostvars": hostvars(hosts),
            "ansible_play_batch": batch or list(hosts),
            "ansible_play_hosts_all": list(hosts),
            "groups": groups,
        }
        return action(kmod_waves, check=check, waves=sizes, **more).run(None, variables)

    return run


@pytest.fixture
def gate(action, hostvars):
    def run(rollout, hosts, check=False, **more):
        given = {"rollout": rollout, "registered": VARIABLES, **more}
        return action(kmod_gate, check=check, **given).run(None, {"hostvars": hostvars(hosts)})

    return run


def members(rollout):
    return [(wave["name"], wave["hosts"]) for wave in rollout["waves"]]


def test_the_waves_of_a_fleet(begin):
    hosts = {"b": planned(BUILDER), "w1": planned(), "w2": planned(), "w3": planned({**PLAN, "modules": []})}
    rollout = begin(hosts, [1, "100%"])
    assert members(rollout) == [("unchanged", ["w3"]), ("canary", ["w1"]), ("wave 2", ["w2"])]
    assert (rollout["open"], rollout["changed"]) == (0, False)
    assert begin(hosts, [1])["id"] != rollout["id"]


def test_a_canary_by_its_group_or_by_a_pattern(begin):
    hosts = {name: planned() for name in ("w1", "w2", "db1", "db2")}
    assert members(begin(hosts, ["db", "100%"], groups={"db": ["db1", "db2"]})) == [
        ("canary", ["db1", "db2"]),
        ("wave 2", ["w1", "w2"]),
    ]
    assert members(begin(hosts, ["db:!db1", "100%"], groups={"db": ["db1", "db2"]}))[0] == ("canary", ["db2"])


def test_a_canary_that_was_lost_stops_all_and_is_named(begin):
    hosts = {"w1": planned(), "db1": {"__kmod_seen": LOST}}
    with pytest.raises(AnsibleActionFail, match="The wave 'db1' has no host that could be deployed to: db1 did not"):
        begin(hosts, ["db1", "100%"], batch=["w1"])
    assert members(begin(hosts, [1, "100%"], batch=["w1"])) == [("all", ["w1"])]


def test_a_canary_that_failed_after_its_plan_stops_all_as_well(begin):
    hosts = {"w1": planned(), "db1": planned(), "db2": planned()}
    with pytest.raises(
        AnsibleActionFail, match=r"The wave 'db1' has no host .*: db1 did not answer, failed before the"
    ):
        begin(hosts, ["db1", "100%"], batch=["w1", "db2"])
    rest = begin(hosts, ["db*", "100%"], batch=["w1", "db2"])
    assert members(rest) == [("canary", ["db2"]), ("wave 2", ["w1"])]


def test_in_check_mode_all_at_once(begin):
    assert members(begin({"w1": planned(), "w2": planned()}, [1], check=True)) == [("all", ["w1", "w2"])]


@pytest.mark.parametrize(("given", "said"), [({"sizes": ["x%"]}, "kmod_waves"), ({"tolerance": "x"}, "kmod_tolerance")])
def test_what_is_wrong_is_said_before_anything_is_done(begin, given, said):
    with pytest.raises(AnsibleActionFail, match=said):
        begin({"w1": planned()}, given.pop("sizes", [1]), **given)


@pytest.mark.parametrize("strategy", ["free", "ansible.builtin.host_pinned"])
def test_a_strategy_that_does_not_keep_step_is_refused(begin, strategy):
    with pytest.raises(AnsibleActionFail, match=f"strategy is {strategy}: waves need hosts that keep in step"):
        begin({"w1": planned()}, [1], strategy=strategy)
    assert begin({"w1": planned()}, [1], strategy="ansible.builtin.linear")["open"] == 0


def test_serial_is_refused_for_each_batch_would_have_its_canary(begin):
    with pytest.raises(AnsibleActionFail, match="The play has `serial`: waves are of all its hosts"):
        begin({"w1": planned()}, [1], serial=[5])


def test_a_typo_is_found_in_check_mode_as_well(begin):
    with pytest.raises(AnsibleActionFail, match="kmod_waves holds 'x%'"):
        begin({"w1": planned()}, ["x%"], check=True)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"modules": {"m": {}}},
        {"modules": "x"},
        {"modules": {}, "failed_modules": {"m": "x"}},
        {"modules": {}, "asserted": {"entries": [{"path": "/proc/m"}]}},
        {"modules": {}, "asserted": []},
    ],
)
def test_a_host_that_talks_nonsense_sends_its_wave_back(begin, gate, nonsense):
    hosts = {"w1": planned(__kmod_loaded=LOADED), "w2": planned(__kmod_loaded=nonsense), "w3": planned()}
    after = gate(begin(hosts, [2, 1]), hosts)
    assert after["back"] == {"w1": ["m"], "w2": ["m"]}
    assert "w2: its answer makes no sense" in after["stopped"]


def test_nobody_to_roll_out_to(begin):
    assert begin({"b": planned(BUILDER)}, [1])["open"] is None


def test_gate_after_gate(begin, gate):
    hosts = {"w1": planned(__kmod_loaded=LOADED), "w2": planned(__kmod_loaded=LOADED)}
    first = gate(begin(hosts, [1]), hosts)
    assert first["open"] == 1
    second = gate(first, hosts)
    assert (second["open"], second["stopped"]) == (None, "")
    with pytest.raises(AnsibleActionFail, match="No wave is open"):
        gate(second, hosts)


@pytest.mark.parametrize(
    ("more", "open_wave", "back"),
    [
        ({}, None, {"w1": ["m"], "w2": ["m"]}),
        ({"rollback": False}, None, {}),
        ({"tolerance": "50%"}, 1, {"w2": ["m"]}),
        ({"check": True}, 1, {}),
    ],
)
def test_a_lost_host(begin, gate, more, open_wave, back):
    hosts = {"w1": planned(__kmod_loaded=LOADED), "w2": planned(__kmod_loaded=LOST), "w3": planned()}
    after = gate(begin(hosts, [2, 1]), hosts, **more)
    assert (after["open"], after["back"]) == (open_wave, back)


def own(state, rollback):
    return {"own": {"state": state, "rollback": rollback}}


def test_whoever_comes_first_does_not_decide_for_the_others(begin, gate):
    hosts = {
        "w1": planned(__kmod_loaded=LOADED, __kmod_wanted=own("loaded", False)),
        "w2": planned(__kmod_loaded=LOADED, __kmod_wanted=own("loaded", True)),
        "w3": planned(__kmod_loaded=LOST, __kmod_wanted=own("absent", True)),
    }
    assert gate(begin(hosts, ["100%"]), hosts)["back"] == {"w2": ["m"]}
