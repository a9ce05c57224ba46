# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A kernel that is to be booted: what is prepared for it, and what stands in its way."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._plan import Options, plan
from ansible_collections.procfleet.procfs.plugins.plugin_utils._select import select
from ansible_collections.procfleet.procfs.plugins.plugin_utils._upgrade import (
    obstacles,
    plan_preparation,
    plan_reboot,
    summary,
)
from ansible_collections.procfleet.procfs.tests.states import ABSENT

CHOSEN = select([str(Path(__file__).parents[3] / "fixtures/kmod")], ["stubborn"])
OPTIONS = Options("prepared", True, True, [], ["linux-headers-{release}", "make"])
OLD, NEW, MAGIC = "6.1", "6.12", "6.12 SMP preempt mod_unload modversions "


def seen(release=NEW, running=OLD, compiler="gcc-12", headers=True, **state):
    known = {"arch": "x86_64", "modules_supported": True, "sig_enforce": False, "lockdown": "none", "vermagic": MAGIC}
    return {
        "kernel": {**known, "release": release, "running": running, "compiler": {"name": compiler, "command": ""}},
        "kernels": [NEW, OLD],
        "os": {"id": "debian", "family": "debian"},
        "headers": {"present": headers, "make": "/usr/bin/make", "compiler": "/usr/bin/gcc-12"},
        "kconfig": {"CONFIG_PROC_FS": "y"},
        "modules": {"stubborn": {**ABSENT, **state}},
    }


def fingerprint():
    return plan(CHOSEN, seen(), OPTIONS)["fingerprints"]["stubborn"]


def prepared(**more):
    """The module as it lies there for the new kernel, set for boot."""
    path = "/lib/modules/6.12/updates/procfleet/stubborn.ko"
    installed = {"path": path, "sha256": "sum", "build_id": "b" * 40, "vermagic": MAGIC}
    persist = {"load": True, "options": "options stubborn hold_ms=0\n"}
    state = {"installed": installed, "fingerprint": fingerprint(), "resolves_to": path, "persist": persist}
    return seen(**{**state, "copies": [], **more})


def test_what_is_prepared():
    planned = plan_preparation(CHOSEN, seen(), OPTIONS)
    assert planned["headers"] == []
    assert [one["name"] for one in planned["build"]] == ["stubborn"]
    assert [one["ship"] for one in planned["modules"]] == [True]
    assert planned["reasons"] == {"stubborn": ["build not installed", "not so set for boot"]}
    assert "stubborn: prepared for 6.12, build " in planned["prediction"]["after"]


def test_what_is_prepared_already():
    planned = plan_preparation(CHOSEN, prepared(), OPTIONS)
    assert (planned["build"], planned["modules"], planned["reasons"]) == ([], [], {})


def test_for_the_running_kernel_nothing_is_prepared():
    planned = plan_preparation(CHOSEN, seen(OLD), OPTIONS)
    assert (planned["build"], planned["modules"], planned["packages"], planned["headers"]) == ([], [], [], [])
    assert obstacles(planned, seen(OLD), {}, True) == [
        f"stubborn is not as wanted: {'; '.join(planned['reasons']['stubborn'])}. Run deploy.yml"
    ]


def test_the_running_kernel_may_be_booted_again_or_not():
    running = {"release": NEW, "running": NEW, "state": "live", "build_id": "b" * 40, "parameters": {"hold_ms": "0"}}
    there = prepared(**running)
    planned = plan_preparation(CHOSEN, there, OPTIONS)
    assert obstacles(planned, there, {}, True) == []
    assert summary(planned, there)[0] == "kernel 6.12 runs already, and may be booted again"
    (line,) = obstacles(planned, prepared(**running, copies=[COPY]), {}, True)
    assert "holds another copy of stubborn" in line


def test_one_that_is_not_installed_tells_by_its_headers():
    planned = plan_preparation(CHOSEN, seen(compiler="", headers=False), OPTIONS)
    assert (planned["headers"], planned["modules"]) == (["linux-headers-6.12"], [])


@pytest.mark.parametrize(("headers", "packages"), [(True, ["make"]), (False, [])])
def test_one_of_which_nothing_tells(headers, packages):
    with pytest.raises(KmodError, match=r"how kernel 6\.12 was built.*installed are 6\.12, 6\.1"):
        plan_preparation(CHOSEN, seen(compiler="", headers=headers), OPTIONS._replace(packages=packages))


def test_a_host_that_only_builds_is_not_asked():
    assert plan_preparation([], seen(compiler="", headers=False), OPTIONS)["headers"] == []


def test_a_kernel_without_modules_is_said_at_once():
    host = seen()
    host["kernel"]["modules_supported"] = False
    with pytest.raises(KmodError, match=r"Kernel 6\.12 has no module support \(CONFIG_MODULES\)"):
        plan_preparation(CHOSEN, host, OPTIONS)


def test_a_kernel_that_would_refuse_them_is_said_at_once():
    host = seen()
    host["kernel"].update(sig_enforce=True)
    with pytest.raises(KmodError, match=r"Kernel 6\.12 would refuse stubborn"):
        plan_preparation(CHOSEN, host, OPTIONS)


def test_what_must_be_back_after_a_reboot():
    planned = plan_reboot(CHOSEN, prepared(), OPTIONS._replace(state="loaded"))
    assert planned["reasons"] == {}
    assert [(one["name"], one["path"]) for one in planned["modules"]] == [
        ("stubborn", "/lib/modules/6.12/updates/procfleet/stubborn.ko")
    ]


def test_a_host_that_runs_it_is_not_rebooted():
    planned = plan_reboot(CHOSEN, prepared(release=OLD), OPTIONS._replace(state="loaded"))
    assert planned["modules"] == []
    assert "not loaded" in planned["reasons"]["stubborn"]
    assert obstacles(planned, prepared(release=OLD), {}, True) == [
        f"stubborn is not as wanted: {'; '.join(planned['reasons']['stubborn'])}. Run deploy.yml"
    ]


COPY = {"path": "usr/lib/modules/6.12/extra/stubborn.ko", "initrd": "/boot/initrd.img-6.12", "build_id": "old"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"fingerprint": "another"}, "is not prepared: its build for 6.12 is not installed. Run preflight.yml"),
        ({"resolves_to": "/lib/modules/6.12/extra/stubborn.ko"}, "modprobe would take /lib/modules/6.12/extra/"),
        ({"resolves_to": None}, "modprobe would take nothing"),
        ({"persist": {"load": False, "options": None}}, "is not set for boot"),
        ({"modprobe": ["`blacklist stubborn` in /x"]}, "cannot be set for boot as it is to be loaded: there is"),
        (
            {"copies": [COPY]},
            "/boot/initrd.img-6.12 holds another copy of stubborn, which may be loaded first: usr/lib/mod",
        ),
    ],
)
def test_what_stands_in_the_way(more, said):
    planned = plan(CHOSEN, prepared(), OPTIONS)
    (line,) = obstacles(planned, prepared(**more), {}, True)
    assert said in line


def test_an_image_that_bears_another_vermagic():
    there = prepared()
    there["modules"]["stubborn"]["installed"]["vermagic"] = "6.12 SMP mod_unload "
    (line,) = obstacles(plan(CHOSEN, prepared(), OPTIONS), there, {}, True)
    assert line == f"stubborn bears '6.12 SMP mod_unload ', that kernel's own modules {MAGIC!r}"


@pytest.mark.parametrize(
    ("more", "persist"),
    [
        ({}, True),
        ({"persist": {"load": False, "options": None}}, False),
        ({"modprobe": ["`blacklist stubborn` in /x"]}, False),
        ({"copies": [{**COPY, "build_id": "b" * 40}]}, True),
        ({"copies": [{**COPY, "build_id": None}]}, True),
        ({"copies": [{**COPY, "initrd": None}]}, True),
        ({"state": "builtin", "installed": None, "fingerprint": None}, True),
    ],
)
def test_what_may_be_booted(more, persist):
    assert obstacles(plan(CHOSEN, prepared(), OPTIONS), prepared(**more), {}, persist) == []


def test_what_failed_is_said_once():
    failed = {"failed_modules": {"stubborn": {"msg": "stubborn was not built"}}}
    assert obstacles(plan(CHOSEN, seen(), OPTIONS), seen(), failed, True) == ["stubborn was not built"]
    assert obstacles(plan(CHOSEN, prepared(), OPTIONS), prepared(), {"failed": True, "msg": "locked"}, True) == [
        "locked"
    ]


def test_what_is_said_of_a_kernel_that_may_be_booted():
    there = prepared(copies=[{**COPY, "initrd": None}])
    planned = plan(CHOSEN, there, OPTIONS)
    assert summary(planned, there) == [
        "kernel 6.12 may be booted (running: 6.1)",
        f"stubborn: build {fingerprint()[:12]}, build-id {'b' * 12}",
        "stubborn: another copy lies at usr/lib/modules/6.12/extra/stubborn.ko; modprobe takes ours",
    ]
    there["kernels"] = [OLD]
    assert summary(planned, there)[0].startswith("kernel 6.12 is not installed yet; once it is, it may be booted")
    there["modules"]["stubborn"]["state"] = "builtin"
    assert summary(planned, there)[1] == "stubborn: built into that kernel"


def test_what_is_said_where_nothing_is_to_be_prepared():
    assert "no modules" in summary(plan([], seen(), OPTIONS), seen())[0]


def test_what_is_about_to_be_booted_must_be_prepared_whole():
    """Other parameters for boot, and a kernel that is only expected, are obstacles then."""
    there = prepared(persist={"load": True, "options": "options stubborn hold_ms=777\n"})
    planned = plan_reboot(CHOSEN, there, OPTIONS._replace(state="loaded"))
    assert obstacles(planned, there, {}, True, now=True) == [
        "stubborn is not prepared: not so set for boot. Run preflight.yml"
    ]
    there = prepared()
    planned = plan_reboot(CHOSEN, there, OPTIONS._replace(state="loaded"))
    assert obstacles(planned, there, {}, True, now=True) == []
    assert "kmod_persist is false" in obstacles(planned, there, {}, False, now=True)[0]
    there["kernels"] = [OLD]
    assert obstacles(planned, there, {}, True, now=True) == [
        "it is not installed there; installed are 6.1. Install it first"
    ]


def test_a_host_without_modules_has_no_obstacles():
    assert obstacles(plan([], seen(), OPTIONS), seen(), {}, False, now=True) == []


def test_dkms_beside_ours_is_mended_by_a_deploy():
    there = prepared(resolves_to="/lib/modules/6.12/updates/dkms/stubborn.ko")
    (line,) = obstacles(plan(CHOSEN, prepared(), OPTIONS), there, {}, True)
    assert line.endswith("Run deploy.yml: it takes DKMS's away")


def test_a_copy_that_cannot_be_told_is_named():
    there = prepared(copies=[{**COPY, "build_id": None}])
    lines = summary(plan(CHOSEN, there, OPTIONS), there)
    assert "a copy of which the build-id cannot be told is in /boot/initrd.img-6.12" in lines[-1]


def test_a_signature_is_asked_about_again():
    """Secure Boot was turned on after the kernel was prepared."""
    there = prepared()
    there["kernel"].update(lockdown="integrity", secure_boot=True)
    with pytest.raises(KmodError, match="would refuse stubborn"):
        plan_reboot(CHOSEN, there, OPTIONS._replace(state="loaded"))
