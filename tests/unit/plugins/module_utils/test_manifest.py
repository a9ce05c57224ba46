# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host notes of itself, and where the way back leads."""

from __future__ import annotations

import os

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _names, _store
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256, write_atomic, write_json
from ansible_collections.procfleet.procfs.plugins.module_utils._manifest import (
    as_noted,
    former_state,
    next_manifest,
    read_manifest,
    settled,
    summary,
    way_back,
)
from ansible_collections.procfleet.procfs.tests.states import ABSENT

R = "6.1"
LIVE = {**ABSENT, "state": "live", "build_id": "b1", "installed": {"sha256": "s1"}, "persist": {"load": True}}
ENTRIES = [{"path": "/proc/m", "state": "present"}]


def module(number, **more):
    said = {"fingerprint": number * 64, "sha256": "s" + number, "build_id": "b" + number}
    return {**said, "parameters": {"p": "1"}, "depends": ["x"], "entries": ENTRIES, "rollout": "r" + number, **more}


def noted(number, **more):
    return {**module(number), "former": {"state": "absent"}, **more}


def test_a_first_note():
    assert next_manifest(module("1"), ABSENT, {}) == {**module("1"), "former": {"state": "absent"}}


def test_another_build_or_another_parameter_is_a_new_state():
    for change in (module("2"), module("1", rollout="r2", parameters={"p": "2"})):
        note = next_manifest(change, LIVE, noted("1"))
        assert note["rollout"] == "r2"
        assert note["former"] == {
            **{key: value for key, value in noted("1").items() if key not in ("rollout", "former")},
            "state": "loaded",
            "persist": True,
            "denied": False,
        }


def test_another_dependency_is_a_new_state_as_well():
    note = next_manifest(module("1", rollout="r2", depends=["y"]), LIVE, noted("1"))
    assert (note["rollout"], note["depends"], note["former"]["depends"]) == ("r2", ["y"], ["x"])
    older = {key: value for key, value in noted("1").items() if key != "depends"}
    assert next_manifest(module("1", rollout="r2"), LIVE, older)["rollout"] == "r1"


def test_what_was_denied_to_the_boot_is_noted():
    told = {"load": False, "options": "blacklist m\n"}
    resting = {**LIVE, "state": "absent", "build_id": None, "persist": told}
    former = next_manifest(module("2"), resting, noted("1"))["former"]
    assert (former["state"], former["persist"], former["denied"]) == ("unloaded", False, True)


def test_mending_a_drift_is_none():
    gone = {**LIVE, "state": "absent", "build_id": None}
    for seen in (LIVE, gone):
        note = next_manifest(module("1", rollout="r9"), seen, noted("1", former={"state": "absent"}))
        assert (note["rollout"], note["former"]) == ("r1", {"state": "absent"})


def test_loading_what_was_unloaded_on_purpose_is_one():
    resting = {**LIVE, "state": "absent", "build_id": None, "persist": {"load": False}}
    note = next_manifest(module("1", rollout="r9"), resting, noted("1"))
    assert (note["rollout"], note["former"]["state"]) == ("r9", "unloaded")


@pytest.mark.parametrize(
    ("seen", "before", "state"),
    [
        (LIVE, noted("1"), "loaded"),
        ({**LIVE, "state": "absent", "build_id": None}, noted("1"), "unloaded"),
        ({**ABSENT}, noted("1"), "absent"),  # somebody took the file away
        ({**ABSENT}, {}, "absent"),
        ({**LIVE, "build_id": "other"}, noted("1"), "foreign"),
        (LIVE, {}, "foreign"),
        ({**LIVE, "build_id": None}, {}, "foreign"),
    ],
)
def test_former_state(seen, before, state):
    assert former_state(seen, before)["state"] == state


def request(**more):
    return {"name": "m", "rollout": None, "gone": [{"path": "/proc/m", "state": "gone"}], **more}


def note(host, **more):
    _store.publish(R, "m", "1" * 64, b"image", {"build_id": "b1"})
    former = {**module("1", sha256=sha256(b"image")), "state": "loaded", "persist": True}
    write_json(_names.manifest_path(R, "m"), {**noted("2"), "former": former, **more})


def test_the_way_back(host):
    note(host)
    back = way_back(request(), R)
    assert (back["state"], back["persist"], back["fingerprint"]) == ("loaded", True, "1" * 64)
    assert (back["depends"], back["entries"]) == (["x"], ENTRIES)
    assert (back["parameters"], back["entries"]) == ({"p": "1"}, ENTRIES)
    assert os.path.exists(back["path"])
    left = settled(back["note"])
    assert (left["fingerprint"], left["former"], left["rollout"]) == ("1" * 64, None, None)


def test_only_what_the_rollout_brought_goes_back(host):
    note(host)
    assert way_back(request(rollout="another"), R) is None
    assert way_back(request(rollout="r2"), R)["state"] == "loaded"


def test_back_to_nothing(host):
    note(host, former={"state": "absent"})
    assert (way_back(request(), R)["state"], way_back(request(), R)["persist"]) == ("absent", False)


@pytest.mark.parametrize(
    ("former", "said"),
    [
        (None, "m has no former state on this host"),
        ({"state": "foreign", "build_id": "f00"}, r"what ran before \(build-id f00\) was not loaded by procfleet"),
        ({**module("7"), "state": "loaded", "persist": True}, "its former build is not here any more, or damaged"),
        ({**module("1"), "state": "loaded", "persist": True}, "its former build is not here any more, or damaged"),
    ],
)
def test_where_there_is_no_way_back(host, former, said):
    note(host, former=former)
    with pytest.raises(KmodError, match=said):
        way_back(request(), R)


def test_a_former_build_that_was_damaged_is_no_way_back(host):
    note(host)
    write_atomic("%s/m.ko" % _names.build_dir(R, "m", "1" * 64), b"image, damaged")
    with pytest.raises(KmodError, match="or damaged"):
        way_back(request(), R)


def test_what_stays_is_asked_for_as_it_is_noted(host):
    assert as_noted(request(), R) == {}
    note(host)
    asked = as_noted(request(rollout="another"), R)["m"]
    assert (asked["state"], asked["fingerprint"], asked["rollout"]) == ("loaded", "2" * 64, "r2")
    assert (asked["path"], asked["persist"]) == (_names.installed_path(R, "m"), False)
    write_atomic(_names.load_conf("m"), b"m")
    assert as_noted(request(), R)["m"]["persist"] is True
    assert as_noted(request(), R)["m"]["depends"] == ["x"]


def test_a_note_of_an_older_version_says_nothing_of_what_it_depends_on(host):
    former = {key: value for key, value in module("1", sha256=sha256(b"image")).items() if key != "depends"}
    note(host, former={**former, "state": "loaded", "persist": True})
    assert way_back(request(depends=["y"]), R)["depends"] == []
    assert settled(former)["depends"] is None


def test_a_call_that_was_cut_off_does_not_forget_the_former_build():
    running = {**LIVE, "build_id": "b2"}  # loaded, and then the process was killed before it took note
    former = next_manifest(module("2"), running, noted("1"))["former"]
    assert (former["state"], former["fingerprint"]) == ("loaded", "1" * 64)
    assert next_manifest(module("2"), running, {})["former"]["state"] == "foreign"


def test_the_entries_stay_on_the_host(host):
    note(host)
    short = summary(read_manifest(R, "m"))
    assert "entries" not in short and "entries" not in short["former"]
    assert short["former"]["fingerprint"] == "1" * 64
    assert summary({}) == {}
