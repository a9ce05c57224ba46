# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deciding for one module: every way in which it can differ from what is wanted, and none where it does not."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._decide import boot_files, decide, parameters_of
from ansible_collections.procfleet.procfs.tests.states import ABSENT

WANTED = {
    "name": "m",
    "state": "loaded",
    "install": True,
    "persist": True,
    "sha256": "sum",
    "build_id": "id",
    "fingerprint": "print",
    "parameters": {"mode": "0644", "hidden": "5"},
    "depends": [],
}
TYPES = {"mode": "ushort", "hidden": "int"}
PATH = "/lib/modules/6.1/updates/procfleet/m.ko"
CONVERGED = {
    "state": "live",
    "holders": [],
    "parameters": {"mode": "420"},
    "build_id": "id",
    "installed": {"path": PATH, "sha256": "sum", "build_id": "id"},
    "fingerprint": "print",
    "resolves_to": PATH,
    "persist": {"load": True, "options": "options m hidden=5 mode=0644\n"},
    "modprobe": [],
    "builds": ["print"],
    "elsewhere": [],
    "manifest": {"fingerprint": "print", "parameters": {"mode": "0644", "hidden": "5"}, "former": None},
}


def steps(decision):
    return {name for name in ("install", "unload", "load", "boot", "purge") if getattr(decision, name)}


def test_nothing_to_do():
    decision = decide(WANTED, CONVERGED, TYPES)
    assert not decision.changes
    assert decision.reasons == []


def test_a_fresh_host():
    decision = decide(WANTED, ABSENT, TYPES)
    assert steps(decision) == {"install", "load", "boot"}
    assert decision.reasons == ["build not installed", "not so set for boot", "not loaded"]


@pytest.mark.parametrize(
    ("seen", "expected", "reason"),
    [
        ({"state": "absent", "build_id": None, "parameters": {}}, {"load"}, "not loaded"),
        ({"build_id": "old"}, {"unload", "load"}, "another image loaded (build-id old)"),
        ({"build_id": None}, {"unload", "load"}, "another image loaded (build-id unknown)"),
        ({"parameters": {"mode": "384"}}, {"unload", "load"}, "parameter mode is 384 instead of 0644"),
        (
            {"manifest": {"fingerprint": "print", "parameters": {"hidden": "6"}}},
            {"unload", "load"},
            "parameter hidden is 6 instead of 5",
        ),
        ({"parameters": {"mode": "420", "hidden": None}}, set(), ""),
        ({"manifest": {}}, set(), ""),
        ({"installed": None, "fingerprint": None, "resolves_to": None}, {"install"}, "build not installed"),
        ({"installed": {"path": PATH, "sha256": "cut"}, "fingerprint": None}, {"install"}, "build not installed"),
        ({"fingerprint": None, "manifest": {}}, {"install"}, "build not installed"),
        ({"fingerprint": "other"}, {"install"}, "build not installed"),
        ({"resolves_to": None}, {"install"}, "modprobe would take nothing"),
        ({"resolves_to": "/lib/x/extra/m.ko"}, {"install"}, "modprobe would take /lib/x/extra/m.ko"),
        ({"persist": {"load": False, "options": None}}, {"boot"}, "not so set for boot"),
        ({"persist": {"load": True, "options": None}}, {"boot"}, "not so set for boot"),
        ({"persist": {"load": None, "options": CONVERGED["persist"]["options"]}}, {"boot"}, "not so set for boot"),
        ({"persist": {"load": True, "options": "options m mode=0600\n"}}, {"boot"}, "not so set for boot"),
        ({"modprobe": ["`a`", "`b`"]}, {"boot"}, "the next boot goes by `a` and `b`"),
        ({"state": "going"}, {"load"}, "neither loaded nor gone, but going"),
        ({"state": "coming"}, {"load"}, "neither loaded nor gone, but coming"),
        ({"state": "builtin", "build_id": None, "installed": None}, set(), "built into the kernel"),
        ({"state": "builtin", "modprobe": ["`m.x=1`"]}, set(), "built into the kernel"),
    ],
)
def test_each_difference(seen, expected, reason):
    decision = decide(WANTED, {**CONVERGED, **seen}, TYPES)
    assert steps(decision) == expected
    assert decision.reasons == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("persist", "there", "boot"),
    [
        (False, {"load": True, "options": "options m mode=0644\n"}, True),
        (False, {"load": False, "options": "options m mode=0644\n"}, True),
        (False, {"load": True, "options": None}, True),
        (False, {"load": False, "options": None}, False),
        (True, {"load": True, "options": "options m hidden=5 mode=0644\n"}, False),
    ],
)
def test_the_next_boot(persist, there, boot):
    decision = decide({**WANTED, "persist": persist}, {**CONVERGED, "persist": there}, TYPES)
    assert decision.boot is boot
    assert decision.changes is boot


@pytest.mark.parametrize("left", ["persist", "install"])
def test_who_does_not_set_for_boot_need_not_know_what_others_say_of_it(left):
    seen = {**CONVERGED, "modprobe": ["`blacklist m`"], "persist": ABSENT["persist"]}
    assert not decide({**WANTED, left: False}, seen, TYPES).changes


def test_without_install_files_and_boot_are_left_alone():
    wanted = {**WANTED, "install": False}
    assert steps(decide(wanted, ABSENT, TYPES)) == {"load"}
    assert steps(decide(wanted, {**CONVERGED, "persist": ABSENT["persist"], "fingerprint": None}, TYPES)) == set()


@pytest.mark.parametrize(
    ("state", "install", "seen", "expected"),
    [
        ("unloaded", True, CONVERGED, {"unload", "boot"}),
        ("unloaded", True, {**CONVERGED, "state": "absent"}, {"boot"}),
        ("unloaded", True, {**CONVERGED, "persist": ABSENT["persist"]}, {"unload", "boot"}),
        ("unloaded", True, {**CONVERGED, "persist": {"load": False, "options": "blacklist m\n"}}, {"unload"}),
        ("absent", True, {**ABSENT, "persist": {"load": None, "options": None}}, {"boot"}),
        ("unloaded", True, ABSENT, set()),
        ("unloaded", False, CONVERGED, {"unload"}),
        ("unloaded", True, {**CONVERGED, "state": "builtin"}, set()),
        ("absent", True, CONVERGED, {"unload", "boot", "purge"}),
        ("absent", True, ABSENT, set()),
        ("absent", True, {**ABSENT, "manifest": {"fingerprint": "x"}}, {"purge"}),
        ("absent", True, {**ABSENT, "builds": ["x"]}, {"purge"}),
        ("absent", True, {**ABSENT, "elsewhere": ["6.12"]}, {"purge"}),
        ("absent", False, {**ABSENT, "elsewhere": ["6.12"]}, set()),
        ("absent", True, {**ABSENT, "installed": {"path": PATH, "sha256": "x"}}, {"purge"}),
        ("absent", False, {**CONVERGED, "state": "absent"}, set()),
        ("absent", False, {**CONVERGED, "state": "absent", "builds": ["print", "left"]}, {"purge"}),
        ("absent", False, {**ABSENT, "builds": ["b"], "manifest": {"former": {"fingerprint": "b"}}}, set()),
    ],
)
def test_leaving(state, install, seen, expected):
    assert steps(decide({**WANTED, "state": state, "install": install}, seen, {})) == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (CONVERGED, set()),
        ({**CONVERGED, "state": "absent"}, set()),
        (ABSENT, {"install", "boot"}),
        ({**CONVERGED, "build_id": "another"}, set()),
        ({**CONVERGED, "resolves_to": None}, {"install"}),
        ({**CONVERGED, "persist": {"load": False, "options": None}}, {"boot"}),
        ({**ABSENT, "state": "builtin"}, set()),
        ({**CONVERGED, "manifest": {**CONVERGED["manifest"], "parameters": {"mode": "0600"}}}, {"install"}),
        ({**CONVERGED, "manifest": {}}, set()),
    ],
)
def test_preparing_never_loads(seen, expected):
    assert steps(decide({**WANTED, "state": "prepared"}, seen, TYPES)) == expected


def test_deciding_twice_is_deciding_once():
    """After the steps of a decision nothing is left: what a second run would see."""
    seen = {**ABSENT, **{key: CONVERGED[key] for key in ("state", "build_id", "installed", "fingerprint")}}
    seen["resolves_to"] = PATH
    seen["parameters"], seen["manifest"] = {"mode": "420"}, CONVERGED["manifest"]
    load, options = boot_files(WANTED, seen).values()
    seen["persist"] = {"load": load is not None, "options": options}
    assert not decide(WANTED, seen, TYPES).changes


def boot(seen=CONVERGED, **wanted):
    asked = {"name": "m", "state": "loaded", "persist": True, "parameters": {}, "depends": [], **wanted}
    return list(boot_files(asked, seen).items())


def test_boot_files():
    load, options = boot(parameters={"b": "x y", "a": "1"})
    assert load == ("/etc/modules-load.d/procfleet-m.conf", "m\n")
    assert options == ("/etc/modprobe.d/procfleet-m.conf", 'options m a=1 b="x y"\n')


@pytest.mark.parametrize(
    ("wanted", "load", "options"),
    [
        ({}, "m\n", None),
        ({"state": "prepared"}, "m\n", None),
        ({"depends": ["x", "y"]}, "m\n", "softdep m pre: x y\n"),
        ({"depends": ["x"], "parameters": {"a": "1"}}, "m\n", "options m a=1\nsoftdep m pre: x\n"),
        ({"persist": False, "parameters": {"a": "1"}, "depends": ["x"]}, None, None),
        ({"state": "unloaded", "parameters": {"a": "1"}}, None, "blacklist m\n"),
        ({"state": "unloaded", "note": {"state": "unloaded"}}, None, None),
        ({"state": "unloaded", "note": {"state": "unloaded", "denied": True}}, None, "blacklist m\n"),
        ({"state": "absent"}, None, None),
    ],
)
def test_what_the_next_boot_is_told(wanted, load, options):
    assert [text for _path, text in boot(**wanted)] == [load, options]


def test_what_no_boot_could_load_need_not_be_denied_to_it():
    assert [text for _path, text in boot(ABSENT, state="unloaded")] == [None, None]
    elsewhere = {**ABSENT, "elsewhere": ["6.12"]}
    assert [text for _path, text in boot(elsewhere, state="unloaded")] == [None, "blacklist m\n"]


def test_parameters_as_they_run():
    seen = {
        "parameters": {"mode": "384", "secret": None, "label": "(null)"},
        "manifest": {"parameters": {"mode": "0644", "secret": "5"}},
    }
    assert parameters_of(seen) == {"mode": "384", "secret": "5"}
    assert parameters_of({"parameters": {}, "manifest": {}}) == {}


def test_what_the_kernel_shows_and_would_not_take_again_is_left_out():
    shown = {"irqs": "", "label": 'say "x"', "own": "state: idle", "size": "4", "noted": "1"}
    seen = {"parameters": shown, "manifest": {"parameters": {"noted": "0"}}}
    types = {"irqs": "array of int", "label": "charp", "size": "int"}
    assert parameters_of(seen, types) == {"noted": "1", "size": "4"}
    assert parameters_of(seen) == {"noted": "1", "size": "4", "own": "state: idle"}
