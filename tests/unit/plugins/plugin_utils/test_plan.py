# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan for one host: what a converged one needs (nothing), a fresh one, and those between."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._plan import Options, plan, plan_cycle
from ansible_collections.procfleet.procfs.plugins.plugin_utils._select import select
from ansible_collections.procfleet.procfs.tests.states import ABSENT

FIXTURES = Path(__file__).parents[3] / "fixtures/kmod"
CHOSEN = select([str(FIXTURES)], ["exporter", "importer", "stubborn"])
NAMES = ["exporter", "importer", "stubborn"]
OPTIONS = Options("loaded", True, True, [], ["linux-headers-{release}", "make-{arch}"])


def seen(modules=None, **kernel):
    compiler = {"name": "gcc-12", "command": "gcc-12", "major": 12}
    known = {"release": "6.1", "running": "6.1", "arch": "x86_64", "compiler": compiler, "modules_supported": True}
    return {
        "kernel": {**known, "sig_enforce": False, "lockdown": "none", **kernel},
        "os": {"id": "debian", "family": "debian"},
        "headers": {"present": True, "make": "/usr/bin/make", "compiler": "/usr/bin/gcc-12"},
        "kconfig": {"CONFIG_PROC_FS": "y"},
        "modules": {name: {**ABSENT, **(modules or {}).get(name, {})} for name in NAMES},
    }


PRINTS = plan(CHOSEN, seen(), OPTIONS)["fingerprints"]


TOLD = {"stubborn": "options stubborn hold_ms=0\n", "importer": "softdep importer pre: exporter\n"}


def deployed(name, **more):
    values = {"hold_ms": "0"} if name == "stubborn" else {}
    path = f"/lib/modules/6.1/updates/procfleet/{name}.ko"
    return {
        "state": "live",
        "holders": ["importer"] if name == "exporter" else [],
        "parameters": values,
        "build_id": "id-" + name,
        "installed": {"path": path, "sha256": "sum-" + name, "build_id": "id-" + name},
        "fingerprint": PRINTS[name],
        "resolves_to": path,
        "persist": {"load": True, "options": TOLD.get(name)},
        "modprobe": [],
        "builds": [PRINTS[name]],
        "elsewhere": [],
        "manifest": {"fingerprint": PRINTS[name], "parameters": values},
        **more,
    }


CONVERGED = {name: deployed(name) for name in NAMES}


def names(items):
    return [item["name"] for item in items]


def test_a_converged_host_is_only_asserted():
    planned = plan(CHOSEN, seen(CONVERGED), OPTIONS)
    assert (planned["packages"], planned["build"], planned["modules"], planned["reasons"]) == ([], [], [], {})
    assert planned["prediction"] == {"before": "", "after": ""}
    assert list(planned["entries"]) == NAMES
    assert planned["depends"] == {"exporter": [], "importer": ["exporter"], "stubborn": []}


def test_what_others_tell_the_boot_is_drift_and_refused():
    said = {**CONVERGED, "exporter": deployed("exporter", modprobe=["`blacklist exporter` in /x"])}
    planned = plan(CHOSEN, seen(said), OPTIONS)
    assert planned["reasons"] == {"exporter": ["the next boot goes by `blacklist exporter` in /x"]}
    assert list(planned["refused"]) == ["exporter"]
    assert plan(CHOSEN, seen(said), OPTIONS._replace(persist=False))["refused"] == {}


def test_a_fresh_host():
    planned = plan(CHOSEN, seen(), OPTIONS)
    assert names(planned["build"]) == names(planned["modules"]) == NAMES
    assert planned["build"][1]["depends"] == ["exporter"]
    assert planned["build"][1]["folder"] == str(FIXTURES / "importer")
    stubborn = planned["modules"][2]
    assert stubborn["path"] == f"/var/lib/procfleet/builds/6.1/stubborn-{PRINTS['stubborn'][:32]}/stubborn.ko"
    assert stubborn["parameters"] == {"hold_ms": "0"}
    assert set(planned["reasons"]) == set(NAMES)
    assert "stubborn: parameter hold_ms=0\n" in planned["prediction"]["after"]
    assert "/etc/modprobe.d/procfleet-stubborn.conf\n" in planned["prediction"]["after"]
    assert "stubborn: absent, build none\n" in planned["prediction"]["before"]


def test_packages_are_what_any_builder_for_this_kernel_would_need():
    assert plan(CHOSEN, seen(), OPTIONS)["packages"] == ["linux-headers-6.1", "make-x86_64"]
    assert plan(CHOSEN, seen(), OPTIONS._replace(packages=[]))["packages"] == []


def test_flags_come_along_for_they_make_another_build():
    planned = plan(CHOSEN, seen(), OPTIONS._replace(flags=["W=1"]))
    assert planned["flags"] == ["W=1"]
    assert not set(planned["fingerprints"].values()) & set(PRINTS.values())


@pytest.mark.parametrize("release", ["../x", "6.1 openssh-server", "", "*", "6.1/../.."])
def test_a_release_that_would_reach_a_path_or_name_a_package(release):
    """A host's answer becomes a package's name on another host, the builder."""
    with pytest.raises(KmodError, match="is not a kernel release"):
        plan(CHOSEN, seen(release=release), OPTIONS)


def test_what_has_to_be_sent():
    kept = {"builds": [PRINTS["stubborn"]]}
    fresh = plan(CHOSEN, seen({"stubborn": kept}), OPTIONS)["modules"]
    assert [item["ship"] for item in fresh] == [True, True, False]
    drifted = {**CONVERGED, "stubborn": deployed("stubborn", parameters={"hold_ms": "5"})}
    assert [item["ship"] for item in plan(CHOSEN, seen(drifted), OPTIONS)["modules"]] == [False, False, False]


def test_parameters_that_drifted_need_no_build():
    planned = plan(CHOSEN, seen({**CONVERGED, "stubborn": deployed("stubborn", parameters={"hold_ms": "5"})}), OPTIONS)
    assert planned["build"] == []
    assert planned["reasons"] == {"stubborn": ["parameter hold_ms is 5 instead of 0"]}
    assert "stubborn: parameter hold_ms=5\n" in planned["prediction"]["before"]


def test_a_build_that_is_installed_is_not_made_again_when_the_store_lost_it():
    """Neither for itself nor for another: what is installed serves."""
    host = seen(
        {
            **CONVERGED,
            "exporter": deployed("exporter", builds=[]),
            "stubborn": deployed("stubborn", builds=[], state="absent"),
        }
    )
    planned = plan(CHOSEN, host, OPTIONS)
    assert planned["build"] == []
    paths = {item["name"]: item["path"] for item in planned["modules"]}
    assert paths["exporter"] == "/lib/modules/6.1/updates/procfleet/exporter.ko"
    assert paths["stubborn"] == "/lib/modules/6.1/updates/procfleet/stubborn.ko"


def test_a_kept_build_is_used():
    host = seen({"stubborn": {"builds": [PRINTS["stubborn"]]}})
    assert names(plan(CHOSEN, host, OPTIONS)["build"]) == ["exporter", "importer"]


def test_what_is_built_in_is_neither_built_nor_loaded_but_asserted():
    planned = plan(CHOSEN, seen({"stubborn": {"state": "builtin"}}), OPTIONS)
    assert names(planned["build"]) == ["exporter", "importer"]
    builtin = planned["modules"][-1]
    assert (builtin["name"], builtin["ship"], builtin["gone"]) == ("stubborn", False, [])
    assert builtin["entries"] == planned["entries"]["stubborn"]
    assert "stubborn" in planned["entries"]


def test_another_compiler_is_another_build():
    other = plan(CHOSEN, seen(compiler={"name": "gcc-13"}), OPTIONS)["fingerprints"]
    assert not set(other.values()) & set(PRINTS.values())


@pytest.mark.parametrize(
    ("kernel", "part"),
    [
        ({"modules_supported": False}, "has no module support"),
        ({"sig_enforce": True}, "loads signed modules only"),
        ({"lockdown": "integrity"}, "loads signed modules only"),
    ],
)
def test_hosts_that_could_never_load_it(kernel, part):
    with pytest.raises(KmodError, match=part):
        plan(CHOSEN, seen(**kernel), OPTIONS)
    assert plan(CHOSEN, seen(**kernel), OPTIONS._replace(state="unloaded"))["build"] == []


def test_an_option_that_the_kernel_lacks():
    host = seen()
    host["kconfig"] = {"CONFIG_PROC_FS": None}
    with pytest.raises(KmodError, match=r"exporter needs CONFIG_PROC_FS: kernel 6.1 was built without"):
        plan(CHOSEN, host, OPTIONS)
    host["kconfig"] = {}
    assert plan(CHOSEN, host, OPTIONS)["build"]


def test_leaving():
    planned = plan(CHOSEN, seen(CONVERGED), OPTIONS._replace(state="absent"))
    assert planned["build"] == []
    assert planned["modules"][0] == {
        "name": "exporter",
        "depends": [],
        "log": {"load": ["exporter: loaded"], "unload": ["exporter: unloaded"]},
        "gone": planned["entries"]["exporter"],
    }
    assert all(entry["state"] == "gone" for entries in planned["entries"].values() for entry in entries)
    assert plan(CHOSEN, seen(), OPTIONS._replace(state="absent"))["modules"] == []


def test_a_cycle_of_what_is_loaded():
    planned = plan_cycle(CHOSEN, seen(CONVERGED), OPTIONS)
    assert names(planned["modules"]) == names(planned["restore"]) == NAMES
    assert planned["build"] == []
    assert planned["restore"][2] == {
        "name": "stubborn",
        "path": "/lib/modules/6.1/updates/procfleet/stubborn.ko",
        "fingerprint": PRINTS["stubborn"],
        "parameters": {"hold_ms": "0"},
        "depends": [],
    }
    assert {"path": "/proc/stubborn", "state": "gone"} in planned["modules"][2]["gone"]


def test_a_cycle_brings_back_no_more_than_was_there(monkeypatch):
    monkeypatch.setattr(CHOSEN[1][0], "depends", ["exporter", "crc7"])
    planned = plan_cycle(CHOSEN, seen(CONVERGED), OPTIONS)
    assert planned["restore"][1]["depends"] == ["exporter"]  # crc7 is the kernel's own
    assert planned["modules"][1]["depends"] == ["exporter", "crc7"]


def test_a_cycle_of_a_fresh_host():
    planned = plan_cycle(CHOSEN, seen(), OPTIONS)
    assert names(planned["build"]) == names(planned["modules"]) == NAMES
    assert planned["restore"] == []


def test_a_cycle_that_could_not_bring_back_what_runs():
    host = seen({**CONVERGED, "stubborn": deployed("stubborn", build_id="another")})
    with pytest.raises(KmodError, match="stubborn is loaded, but not from the build that procfleet installed"):
        plan_cycle(CHOSEN, host, OPTIONS)


SIGNER = {"id": "c" * 64, "subject": "CN=me", "issuer": "CN=me", "serial": "2b92", "key_id": "bb02"}
SIGNING = OPTIONS._replace(signer=SIGNER)
STRICT = {"sig_enforce": True, "lockdown": "integrity", "keyrings": [".platform"], "trusted": []}
KNOWN = {**STRICT, "trusted": [{"name": "me", "id": "bb02", "keyring": ".platform"}]}
SIGNED = plan(CHOSEN, seen(), SIGNING)["fingerprints"]


def test_builders_make_what_they_made_before_and_the_hosts_get_it_signed():
    planned = plan(CHOSEN, seen(), SIGNING)
    assert {one["name"]: one["fingerprint"] for one in planned["build"]} == PRINTS
    assert planned["sign"] == [
        {"name": name, "build": PRINTS[name], "fingerprint": SIGNED[name]} for name in planned["depends"]
    ]
    assert {one["name"]: one["fingerprint"] for one in planned["modules"]} == SIGNED
    assert not set(SIGNED.values()) & set(PRINTS.values())


def test_a_builder_that_holds_the_unsigned_build_gets_the_signed_one():
    held = {name: {"builds": [PRINTS[name]]} for name in NAMES}
    planned = plan(CHOSEN, seen(held), SIGNING)
    assert all(one["ship"] and SIGNED[one["name"]][:32] in one["path"] for one in planned["modules"])
    assert names(planned["sign"]) == NAMES


def test_what_is_signed_and_there_is_not_signed_again():
    modules = {name: deployed(name, fingerprint=SIGNED[name]) for name in NAMES}
    planned = plan(CHOSEN, seen(modules), SIGNING)
    assert (planned["build"], planned["sign"], planned["modules"]) == ([], [], [])
    modules["stubborn"]["state"] = "absent"
    planned = plan(CHOSEN, seen(modules), SIGNING)
    assert (planned["build"], planned["sign"]) == ([], [])


def test_another_certificate_is_another_build():
    modules = {name: deployed(name, fingerprint=SIGNED[name]) for name in NAMES}
    other = SIGNING._replace(signer={**SIGNER, "id": "d" * 64})
    assert names(plan(CHOSEN, seen(modules), other)["sign"]) == NAMES
    assert names(plan(CHOSEN, seen(modules), OPTIONS)["modules"]) == NAMES


@pytest.mark.parametrize("state", ["unloaded", "absent"])
def test_what_leaves_needs_no_signature(state):
    planned = plan(CHOSEN, seen(CONVERGED, **STRICT), SIGNING._replace(state=state))
    assert (planned["sign"], names(planned["modules"])) == ([], NAMES)


def test_a_signer_that_the_kernel_knows():
    assert names(plan(CHOSEN, seen(None, **KNOWN), SIGNING)["modules"]) == NAMES
    assert plan_cycle(CHOSEN, seen(None, **KNOWN), SIGNING)["sign"]


@pytest.mark.parametrize("make", [plan, plan_cycle])
@pytest.mark.parametrize(
    ("options", "part"), [(OPTIONS, "our build is not signed"), (SIGNING, "signed by CN=me .* is not enrolled")]
)
def test_a_signer_that_the_kernel_does_not_know(make, options, part):
    with pytest.raises(KmodError, match=part):
        make(CHOSEN, seen(None, **STRICT), options)


def test_an_unsigned_build_that_lies_there_already_is_refused_as_well():
    """Secure Boot was turned on after the deploy: nothing has to be built, and yet it would not load."""
    rebooted = {name: deployed(name, state="absent", holders=[]) for name in NAMES}
    with pytest.raises(KmodError, match="would refuse exporter, importer, stubborn"):
        plan(CHOSEN, seen(rebooted, **STRICT), OPTIONS)


def test_a_converged_host_is_left_in_peace():
    assert plan(CHOSEN, seen(CONVERGED, **STRICT), OPTIONS)["modules"] == []
