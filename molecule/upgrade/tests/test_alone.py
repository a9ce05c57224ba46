# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host that upgrades its kernel by itself keeps its modules; deploy, status and absent know of it. In this order."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

testinfra_hosts = ["ansible://alone"]
# A test that does not ask for the machine would be moved behind those that do.
pytestmark = pytest.mark.usefixtures("host")

MODULES = ("proc_demo", "simpledriver")
UPGRADE = ("linux-image-6.12-cloud-amd64", "linux-headers-6.12-cloud-amd64")
OURS = "/lib/modules/{}/updates/procfleet/{}.ko"
DKMS = "/lib/modules/{}/updates/dkms/{}.ko.xz"  # as the modules of that kernel
EPHEMERAL = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.fixture
def deploy(play):
    """Return a function that runs a playbook on this machine alone, and returns its run and its part of the record."""

    def run(playbook="deploy.yml", *options, **variables):
        report = EPHEMERAL / "report"
        shutil.rmtree(report, ignore_errors=True)
        done = play(playbook, "--limit", "alone", *options, kmod_report_dir=str(report), **variables)
        assert done.status == 0, done.output
        if "--check" in options:
            return done, {}
        return done, json.loads((report / "record.json").read_text())["hosts"][0]["modules"]

    return run


@pytest.fixture
def release(host):
    """The running kernel."""
    return host.check_output("uname -r")


@pytest.fixture(scope="session")
def remembered():
    """What a test leaves for those after it."""
    return {}


def test_the_sources_are_registered_and_nothing_was_built(host, info, release, remembered):
    seen = info(*MODULES)
    for name, module in seen["modules"].items():
        assert module["dkms"]["version"], module
        assert (module["dkms"]["others"], module["dkms"]["kernels"]) == ([], [])
        assert module["installed"]["path"] == OURS.format(release, name)
        assert module["installed"]["by"] == "procfleet"
    assert seen["dkms"]["command"] and "linux-headers-cloud-amd64" in seen["dkms"]["headers"]
    with host.sudo():
        said = host.check_output("dkms status")
        assert sorted(said.splitlines()) == sorted(
            f"procfleet-{name}/{one['dkms']['version']}: added" for name, one in seen["modules"].items()
        )
        assert host.check_output("find /usr/src/procfleet-* ! -user root -o ! -type d ! -perm 0644") == ""
    remembered.update(first=release, versions={name: one["dkms"]["version"] for name, one in seen["modules"].items()})


def test_dkms_leaves_the_running_kernel_alone(host, release):
    with host.sudo():
        done = host.run(f"dkms autoinstall --kernelver {release}")
        assert (done.rc, done.stdout) == (0, ""), done.stderr
        hook = host.run(f"/etc/kernel/header_postinst.d/dkms {release}")
        assert hook.rc == 0, hook.stdout
        built = host.run(f"dkms install -m procfleet-proc_demo -v {_version(host, 'proc_demo')} -k {release}")
        assert built.rc != 0 and "should not be built" in built.stderr
        assert "added" in host.check_output("dkms status -m procfleet-proc_demo")
        assert host.check_output("systemctl --failed --plain --no-legend") == ""
    assert not host.file(f"/lib/modules/{release}/updates/dkms").exists


def _version(host, name):
    return host.check_output(f"ls /var/lib/dkms/procfleet-{name}")


def test_a_second_deploy_has_nothing_to_do(deploy):
    done, modules = deploy()
    assert done.count("changed") == 0
    assert {one["state"] for one in modules.values()} == {"ok"}


def test_the_host_upgrades_itself(host, remembered):
    """As unattended upgrades would: new kernel, new headers; DKMS builds as the headers are configured."""
    with host.sudo():
        done = host.run(
            f"DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends {' '.join(UPGRADE)}"
        )
        assert done.rc == 0, done.stdout + done.stderr
        found = set(host.check_output("ls /lib/modules").splitlines()) - {remembered["first"]}
        assert len(found) == 1
        remembered["second"] = found.pop()
        said = host.check_output("dkms status").splitlines()
    assert len(said) == len(MODULES)
    assert all(f", {remembered['second']}, x86_64: installed" in line for line in said), said
    for name in MODULES:
        assert host.file(DKMS.format(remembered["second"], name)).exists
    assert not host.file(f"/lib/modules/{remembered['first']}/updates/dkms").exists


def test_preflight_takes_what_dkms_has_built(play, remembered):
    done = play("playbooks/preflight.yml", "--limit", "alone,localhost")
    assert (done.status, done.count("changed")) == (0, 0), done.output
    assert f"kernel {remembered['second']} may be booted (running: {remembered['first']})" in done.flat()


def test_without_a_controller_the_modules_are_there(host, reboot, remembered, info):
    reboot()
    assert host.check_output("uname -r") == remembered["second"]
    with host.sudo():
        said = host.file("/proc/myinfo").content_string
        assert said == "Hello from kernel space!\nModule: proc_demo\nStatus: Running and happy\n"
        assert host.file("/proc/simpledriver_dir/simpledriver_file").mode == 0o600
    for name, module in info(*MODULES)["modules"].items():
        assert module["state"] == "live"
        assert module["installed"]["path"] == DKMS.format(remembered["second"], name) == module["resolves_to"]
        assert module["installed"]["by"] == "dkms"
        assert module["build_id"] == module["installed"]["build_id"]
    assert host.file(OURS.format(remembered["first"], "proc_demo")).exists, "the former kernel's build stays"


def test_deploy_takes_that_for_what_is_wanted(deploy):
    done, modules = deploy()
    assert done.count("changed") == 0
    assert "Hello from kernel space!" in done.output
    for one in modules.values():
        assert (one["state"], one["installed"]["by"]) == ("ok", "dkms")
        assert one["wanted"] == {key: one["installed"][key] for key in ("fingerprint", "build_id")} == one["loaded"]
        assert one["contract"]["failed"] == 0


def test_status_says_that_it_is_of_dkms(deploy):
    done, _modules = deploy("playbooks/status.yml")
    assert "by DKMS" in done.output


@pytest.fixture(scope="session")
def changed(root):
    """The modules, of which one has another line of source."""
    folder = EPHEMERAL / "kmod"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root / "files/kmod", folder)
    source = folder / "proc_demo/proc_demo.c"
    source.write_text(source.read_text() + "/* another line */\n")
    return {"kmod_paths": [str(folder)]}


def test_other_sources_are_predicted(deploy, changed, info):
    done, _none = deploy("deploy.yml", "--check", "--diff", **changed)
    assert done.count("changed") == 1
    assert "proc_demo: registered with DKMS" in done.output
    assert info("proc_demo")["modules"]["proc_demo"]["installed"]["by"] == "dkms"


def test_deploy_takes_over_where_sources_change(host, deploy, changed, info, remembered):
    done, modules = deploy(**changed)
    assert {one["state"] for one in modules.values()} == {"ok"}, done.output
    seen = info(*MODULES)["modules"]
    module = seen["proc_demo"]
    assert module["installed"]["path"] == OURS.format(remembered["second"], "proc_demo") == module["resolves_to"]
    assert module["build_id"] == module["installed"]["build_id"]
    assert module["dkms"] == {
        "version": module["dkms"]["version"],
        "others": [],
        "kernels": [],
        "doubled": [],
        "unbuilt": [],
    }
    assert module["dkms"]["version"] != remembered["versions"]["proc_demo"]
    assert seen["simpledriver"]["installed"]["by"] == "dkms"
    assert seen["simpledriver"]["dkms"]["version"] == remembered["versions"]["simpledriver"]
    with host.sudo():
        assert host.check_output("modprobe --show-depends proc_demo").split() == ["insmod", module["resolves_to"]]
        found = host.check_output("find /lib/modules -name 'proc_demo.ko*'").splitlines()
        assert host.run(f"dkms autoinstall --kernelver {remembered['second']}").rc == 0
    assert sorted(found) == sorted(OURS.format(one, "proc_demo") for one in (remembered["first"], remembered["second"]))
    again, _modules = deploy(**changed)
    assert again.count("changed") == 0, again.output


def test_unloaded_stays_registered(host, deploy, changed, info, remembered):
    deploy("playbooks/unload.yml", **changed)
    for module in info(*MODULES)["modules"].values():
        assert (module["state"], module["persist"]["load"]) == ("absent", False)
        assert module["installed"] and module["dkms"]["version"]


def test_absent_leaves_nothing(host, deploy, changed, info, remembered):
    deploy("deploy.yml", kmod_state="absent", **changed)
    with host.sudo():
        assert host.check_output("dkms status") == ""
        assert host.check_output("find /usr/src /var/lib/dkms -name '*procfleet*'") == ""
        assert host.check_output("find /lib/modules -path '*updates/dkms*'") == ""
        assert not host.file(f"/lib/modules/{remembered['second']}/updates/procfleet").exists
    for module in info(*MODULES)["modules"].values():
        assert (module["state"], module["installed"], module["dkms"]) == ("absent", None, None)
    again, _modules = deploy("deploy.yml", kmod_state="absent", **changed)
    assert again.count("changed") == 0, again.output
