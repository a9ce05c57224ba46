# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a plan asks of DKMS: nothing where all is as wanted, and never a fight with procfleet's own builds."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._dkms import note_of
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._plan import Options, plan, plan_cycle
from ansible_collections.procfleet.procfs.plugins.plugin_utils._select import select
from ansible_collections.procfleet.procfs.tests.states import ABSENT

FIXTURES = Path(__file__).parents[3] / "fixtures/kmod"
NAMES = ["exporter", "importer"]
CHOSEN = select([str(FIXTURES)], NAMES)
OFF = Options("loaded", True, True, [], ["headers"], None, False)
ON = OFF._replace(dkms=True, dkms_packages=("dkms", "linux-headers{flavour}"))
RELEASE = "6.1.0-56-cloud-amd64"
BY_DKMS = f"/lib/modules/{RELEASE}/updates/dkms"


def seen(modules, headers=(), command=None):
    return {
        "kernel": {
            "release": RELEASE,
            "arch": "x86_64",
            "compiler": {"name": "gcc-12", "command": "gcc-12", "major": 12},
            "modules_supported": True,
            "sig_enforce": False,
            "lockdown": "none",
        },
        "os": {"id": "debian", "family": "debian"},
        "headers": {"present": True, "make": "/usr/bin/make", "compiler": "/usr/bin/gcc-12"},
        "kconfig": {"CONFIG_PROC_FS": "y"},
        "dkms": {"command": command, "headers": list(headers)},
        "modules": {name: {**ABSENT, **modules.get(name, {})} for name in NAMES},
    }


PLANNED = plan(CHOSEN, seen({}), ON)
NOTES = {one["name"]: one["note"] for one in PLANNED["dkms"]["modules"]}


def live(name, by="procfleet", **dkms):
    folder = BY_DKMS if by == "dkms" else f"/lib/modules/{RELEASE}/updates/procfleet"
    path = f"{folder}/{name}.ko"
    state = {
        "version": NOTES[name]["version"],
        "others": [],
        "kernels": [RELEASE] if by == "dkms" else [],
        "doubled": [],
        "unbuilt": [],
    }
    return {
        "state": "live",
        "build_id": "id-" + name,
        "installed": {"path": path, "sha256": "sum-" + name, "build_id": "id-" + name, "by": by},
        "fingerprint": PLANNED["fingerprints"][name],
        "resolves_to": path,
        "persist": {"load": True, "options": "softdep importer pre: exporter\n" if name == "importer" else None},
        "dkms": None if dkms.get("version", "") is None else {**state, **dkms},
    }


def all_live(**more):
    return {name: live(name, **more) for name in NAMES}


def test_a_fresh_host_is_given_all():
    work = PLANNED["dkms"]
    assert (work["state"], work["packages"]) == ("registered", ["dkms", "linux-headers-cloud-amd64"])
    importer = work["modules"][1]
    assert importer["folders"] == {name: str(FIXTURES / name) for name in NAMES}
    assert importer["note"]["depends"] == {"importer": ["exporter"], "exporter": []}
    contracts = {contract.name: contract for contract, _overrides in CHOSEN}
    sources = {name: contracts[name].sources for name in NAMES}
    assert importer["note"] == note_of(
        "importer", contracts["importer"].version, sources, importer["note"]["depends"], []
    )
    assert list(work["modules"][0]["note"]["sources"]) == ["exporter"]
    assert "importer: registered with DKMS, " in PLANNED["prediction"]["after"]
    assert "package linux-headers-cloud-amd64 installed\n" in PLANNED["prediction"]["after"]


def test_only_packages_that_lack_are_installed():
    planned = plan(CHOSEN, seen({}, ["linux-headers-cloud-amd64"], "/usr/sbin/dkms"), ON)
    assert planned["dkms"]["packages"] == []


@pytest.mark.parametrize("by", ["procfleet", "dkms"])
def test_a_host_on_which_all_is_as_wanted_is_only_looked_at(by):
    planned = plan(CHOSEN, seen(all_live(by=by)), ON)
    assert (planned["modules"], planned["reasons"], planned["dkms"]["modules"]) == ([], {}, [])
    assert (planned["dkms"]["packages"], planned["prediction"]["after"]) == ([], "")


def test_only_the_registration_lacks():
    planned = plan(CHOSEN, seen(all_live(version=None)), ON)
    assert (planned["modules"], planned["build"]) == ([], [])
    assert planned["reasons"] == {name: ["not registered with DKMS"] for name in NAMES}
    assert len(planned["dkms"]["modules"]) == 2


def test_other_flags_are_other_sources():
    planned = plan(CHOSEN, seen(all_live(by="dkms")), ON._replace(flags=["W=1"]))
    assert planned["reasons"]["exporter"][-1] == "other sources registered with DKMS"
    assert [one["ship"] for one in planned["modules"]] == [True, True]


def test_dkms_gives_way_to_a_signed_build():
    signer = {"id": "c" * 64, "name": "x", "key_id": "aa", "serial": "1"}
    planned = plan(CHOSEN, seen(all_live(by="dkms")), ON._replace(signer=signer))
    assert planned["reasons"]["exporter"][-1] == "DKMS's build gives way to ours"
    assert [one["note"] for one in planned["dkms"]["modules"]] == list(NOTES.values())


def test_both_in_one_kernel_is_mended():
    planned = plan(CHOSEN, seen({"exporter": live("exporter", doubled=["6.12"]), "importer": live("importer")}), ON)
    assert planned["reasons"] == {"exporter": ["DKMS's build beside ours for 6.12"]}
    assert [one["name"] for one in planned["dkms"]["modules"]] == ["exporter"]


def test_it_is_taken_back_and_ours_takes_its_place():
    planned = plan(CHOSEN, seen(all_live(by="dkms")), OFF)
    assert planned["dkms"]["state"] == "absent"
    assert planned["dkms"]["modules"] == [{"name": name} for name in NAMES]
    assert [one["name"] for one in planned["build"]] == NAMES
    assert [one["ship"] for one in planned["modules"]] == [True, True]
    assert "registered with DKMS, and not to be" in planned["reasons"]["exporter"]
    assert "exporter: taken from DKMS\n" in planned["prediction"]["after"]


def test_nothing_is_taken_back_where_nothing_is():
    assert plan(CHOSEN, seen(all_live(version=None)), OFF)["dkms"]["modules"] == []


def test_unloaded_stays_registered_and_absent_does_not():
    assert plan(CHOSEN, seen(all_live()), ON._replace(state="unloaded"))["dkms"]["modules"] == []
    planned = plan(CHOSEN, seen(all_live()), ON._replace(state="absent"))
    assert (planned["dkms"]["state"], len(planned["dkms"]["modules"])) == ("absent", 2)
    gone = plan(CHOSEN, seen({name: {"dkms": live(name)["dkms"]} for name in NAMES}), ON._replace(state="absent"))
    assert gone["modules"] == []
    assert len(gone["dkms"]["modules"]) == 2, "a registration alone is something to take away"


def test_a_cycle_leaves_it_alone_and_brings_back_what_dkms_has_built():
    planned = plan_cycle(CHOSEN, seen(all_live(by="dkms")), OFF)
    assert planned["dkms"]["modules"] == []
    assert planned["restore"][0]["path"] == f"{BY_DKMS}/exporter.ko"
    assert planned["restore"][0]["fingerprint"] == PLANNED["fingerprints"]["exporter"]


def test_a_family_whose_dkms_is_not_known_is_refused():
    with pytest.raises(KmodError, match=r"How debian brings DKMS is not known.*kmod_dkms to false"):
        plan(CHOSEN, seen({}), ON._replace(dkms_packages=()))
    assert plan([], seen({}), ON._replace(dkms_packages=()))["dkms"]["modules"] == [], (
        "a host that only builds has none"
    )
    assert plan(CHOSEN, seen({}), ON._replace(dkms_packages=(), state="absent"))


def test_a_module_that_is_built_in_is_not_registered():
    planned = plan(CHOSEN, seen({"exporter": {"state": "builtin"}}), ON)
    assert [one["name"] for one in planned["dkms"]["modules"]] == ["importer"]
