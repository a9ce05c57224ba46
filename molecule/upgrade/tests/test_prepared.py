# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From 6.1 to 6.12, prepared from the controller: asked, refused, prepared, booted, and back again. In this order."""

from __future__ import annotations

import json

import pytest

testinfra_hosts = ["ansible://prepared"]
# A test that does not ask for the machine would be moved behind those that do.
pytestmark = pytest.mark.usefixtures("host")

NAMES = ("proc_demo", "simpledriver", "procDriver")
IMAGE = "linux-image-6.12-cloud-amd64"
HOOK = "/etc/initramfs-tools/hooks/by-hand"
# Another build of the module, as somebody's hand has put it into the initrd: one bit of its build-id differs.
STALE = r"""#!/bin/sh
[ "$1" = prereqs ] && exit 0
folder=usr/lib/modules/$version/updates/procfleet
mkdir -p "$DESTDIR/$folder"
python3 - "/$folder/proc_demo.ko" "$DESTDIR/$folder/proc_demo.ko" <<'END'
import sys
image = open(sys.argv[1], "rb").read()
place = image.index(b"\3\0\0\0GNU\0") + 8  # the build-id's note; there are others
open(sys.argv[2], "wb").write(image[:place] + bytes([image[place] ^ 1]) + image[place + 1:])
END
"""


@pytest.fixture
def seen_in(info):
    """Return a function that looks at all modules in one kernel."""
    return lambda release="": info(*NAMES, release=release)


@pytest.fixture
def on(play):
    """Return a function that runs a playbook on this machine alone."""

    def run(playbook, *options, **variables):
        return play(playbook, "--limit", "prepared,localhost", *options, **variables)

    return run


@pytest.fixture(scope="module")
def memory():
    """What one test leaves to the next."""
    return {}


def ids(seen):
    return {name: one["build_id"] for name, one in seen["modules"].items()}


def prepared_ids(seen):
    return {name: (one["installed"] or {}).get("build_id") for name, one in seen["modules"].items()}


def boot(host, release):
    """Choose the kernel that the machine's boot loader starts."""
    with host.sudo():
        host.check_output(f"ln -sfn boot/vmlinuz-{release} /vmlinuz && ln -sfn boot/initrd.img-{release} /initrd.img")


def test_there_is_no_other_kernel_yet(on, seen_in, memory):
    seen = seen_in("next")
    memory["old"] = seen["kernel"]["release"]
    assert seen["kernels"] == [memory["old"]]
    assert memory["old"].startswith("6.1.")
    memory["old ids"] = ids(seen)
    assert all(memory["old ids"].values())
    done = on("playbooks/preflight.yml")
    assert (done.status, done.count("changed")) == (0, 0)
    assert f"kernel {memory['old']} runs already, and may be booted again" in done.flat()


def test_headers_that_nobody_offers(on, files, memory):
    before = files()
    done = on("playbooks/preflight.yml", kmod_release="6.99.0-none-amd64")
    assert done.status != 0
    assert "linux-headers-6.99.0-none-amd64" in done.flat()
    assert "could not be installed on prepared" in done.flat()
    assert f"linux-headers-{memory['old']}" in done.flat()  # what is offered
    assert files() == before


def test_a_prediction_writes_nothing(on, host, files, memory):
    with host.sudo():
        host.check_output("apt-get update -qq")
    offered = host.check_output("apt-cache depends %s | sed -n 's/.*Depends: linux-image-//p'", IMAGE)
    memory["new"] = offered
    assert offered.startswith("6.12.")
    before = files()
    done = on("playbooks/preflight.yml", "--check", "--diff", kmod_release=offered)
    assert done.status == 0, done.output
    assert done.count("changed") > 0
    assert files() == before


def test_a_kernel_that_is_only_offered_is_prepared(on, seen_in, memory):
    done = on("playbooks/preflight.yml", kmod_release=memory["new"])
    assert done.status == 0, done.output
    # Debian's headers of this kernel depend on the kernel itself.
    assert f"kernel {memory['new']} may be booted (running: {memory['old']})" in done.flat()
    assert ids(seen_in()) == memory["old ids"]
    memory["new ids"] = prepared_ids(seen_in(memory["new"]))
    assert all(memory["new ids"].values())
    assert not set(memory["new ids"].values()) & set(memory["old ids"].values())


def test_an_upgrade_leaves_nothing_to_prepare(on, host, seen_in, memory):
    with host.sudo():
        host.check_output("DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends %s", IMAGE)
    seen = seen_in("next")
    assert seen["kernels"] == [memory["new"], memory["old"]]
    assert seen["kernel"]["release"] == memory["new"]
    for one in seen["modules"].values():
        assert one["installed"]["vermagic"] == seen["kernel"]["vermagic"]
        assert one["resolves_to"] == one["installed"]["path"]
    done = on("playbooks/preflight.yml")
    assert (done.status, done.count("changed")) == (0, 0), done.output
    assert f"kernel {memory['new']} may be booted (running: {memory['old']})" in done.flat()


def test_a_host_that_is_not_prepared_is_not_booted(on, host, seen_in, memory):
    with host.sudo():
        host.check_output(f"rm /lib/modules/{memory['new']}/updates/procfleet/proc_demo.ko")
    boot_id = seen_in()["kernel"]["boot_id"]
    done = on("playbooks/reboot.yml")
    assert done.status != 0
    assert f"Kernel {memory['new']} must not be booted on prepared" in done.flat()
    assert "proc_demo is not prepared" in done.flat()
    assert "simpledriver is not prepared" not in done.flat()
    assert seen_in()["kernel"]["boot_id"] == boot_id
    done = on("playbooks/preflight.yml")
    assert done.status == 0, done.output
    assert prepared_ids(seen_in(memory["new"])) == memory["new ids"]


def test_a_copy_in_the_initrd_is_found_and_named(on, host, memory):
    update = f"update-initramfs -u -k {memory['new']}"
    with host.sudo():
        host.check_output("cat > %s <<'EOF'\n" + STALE + "EOF", HOOK)
        host.check_output(f"chmod 755 {HOOK} && {update}")
    stale = memory["new ids"]["proc_demo"]
    stale = f"{int(stale[:2], 16) ^ 1:02x}{stale[2:]}"
    for playbook in ("playbooks/preflight.yml", "playbooks/reboot.yml"):
        done = on(playbook)
        assert done.status != 0
        assert (
            f"/boot/initrd.img-{memory['new']} holds another copy of proc_demo, which may be loaded first"
            in done.flat()
        )
        assert f"build-id {stale}" in done.flat()
        assert "copy of simpledriver" not in done.flat()
    with host.sudo():
        host.check_output(f"rm {HOOK} && {update}")


def test_through_the_reboot(on, host, seen_in, memory, tmp_path):
    boot(host, memory["new"])
    before = seen_in()["kernel"]["boot_id"]
    done = on("playbooks/reboot.yml", kmod_report_dir=str(tmp_path), kmod_soak=5)
    assert done.status == 0, done.output
    assert "See that all of it still holds" in done.flat()
    seen = seen_in()
    assert (seen["kernel"]["release"], seen["kernel"]["boot_id"] != before) == (memory["new"], True)
    assert {one["state"] for one in seen["modules"].values()} == {"live"}
    assert ids(seen) == memory["new ids"]
    assert host.file("/proc/myinfo").content_string.splitlines()[0] == "Hello from kernel space!"
    record = json.loads((tmp_path / "record.json").read_text())
    (machine,) = record["hosts"]
    assert (machine["state"], machine["kernel"]["release"]) == ("ok", memory["new"])
    assert [(wave["name"], wave["outcome"]) for wave in record["waves"]] == [("all", "done")]


def test_the_old_kernels_build_is_still_there(seen_in, memory):
    seen = seen_in(memory["old"])
    assert prepared_ids(seen) == memory["old ids"]
    assert {one["resolves_to"] == one["installed"]["path"] for one in seen["modules"].values()} == {True}


@pytest.mark.parametrize("playbook", ["deploy.yml", "playbooks/reboot.yml"])
def test_nothing_is_left_to_do(on, playbook):
    done = on(playbook)
    assert (done.status, done.count("changed")) == (0, 0), done.output


def test_back_into_the_old_kernel(host, seen_in, reboot, memory):
    boot(host, memory["old"])
    reboot()
    seen = seen_in()
    assert seen["kernel"]["release"] == memory["old"]
    assert ids(seen) == memory["old ids"]


def test_a_boot_loader_that_starts_another_kernel_stops_the_wave(on, seen_in, memory):
    done = on("playbooks/reboot.yml")
    assert done.status != 0
    assert f"This host runs {memory['old']}, and not {memory['new']}" in done.flat()
    assert ids(seen_in()) == memory["old ids"]


def test_absent_leaves_nothing_in_any_kernel(on, host):
    done = on("deploy.yml", kmod_state="absent")
    assert done.status == 0, done.output
    with host.sudo():
        found = host.check_output("find /lib/modules /var/lib /etc -path '*procfleet*'")
        index = host.check_output("cat /lib/modules/*/modules.dep")
    assert found == ""
    assert "updates/procfleet" not in index
