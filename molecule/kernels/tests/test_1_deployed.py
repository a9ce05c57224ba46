# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The same deploy on every kernel: what it leaves, and that a second one finds nothing to do."""

from __future__ import annotations

import re

import pytest

MODULES = ("proc_demo", "simpledriver", "procDriver")
# What this scenario is about: the kernel, its compiler, and the Python that our modules run on. The last machine is of
# Debian's testing, which moves on: it is at least that.
IS = {
    "bullseye": ((5, 10), 10, (3, 9)),
    "bookworm": ((6, 1), 12, (3, 11)),
    "trixie": ((6, 12), 14, (3, 13)),
    "forky": ((7, 2), 16, (3, 14)),
}


def test_every_machine_was_made(machine, missing):
    if machine in missing:
        pytest.fail(missing[machine], pytrace=False)


def test_it_is_what_it_stands_for(name, host, info, told):
    seen = info()
    compiler = seen["headers"]["compiler"]
    gcc = host.check_output(f"{compiler} -dumpfullversion")
    python = host.check_output("python3 -c 'import platform; print(platform.python_version())'")
    virtualisation = host.run("systemd-detect-virt").stdout.strip()
    told[name].update(compiler=f"gcc {gcc}", python=python, virtualisation=virtualisation)
    major = seen["kernel"]["compiler"]["major"]
    assert gcc.startswith(f"{major}.")
    kernel, version = (tuple(map(int, text.split(".")[:2])) for text in (seen["kernel"]["release"], python))
    if name == "forky":
        assert all(now >= then for now, then in zip((kernel, major, version), IS[name], strict=True))
    else:
        assert (kernel, major, version) == IS[name]


def test_the_deploy_went_well(name, deployed):
    part = deployed[name]
    assert (part["state"], part["error"], part["failures"], part["reboot"]) == ("ok", "", [], [])
    assert {module["state"] for module in part["modules"].values()} == {"ok"}
    assert set(part["modules"]) == set(MODULES)


@pytest.mark.parametrize(
    ("path", "text", "mode"),
    [
        ("/proc/myinfo", "Hello from kernel space!\nModule: proc_demo\nStatus: Running and happy\n", 0o444),
        ("/proc/1999_proc/mydrive", "Hello\n", 0o444),
        ("/proc/simpledriver_dir/simpledriver_file", "hi\n", 0o600),
    ],
)
def test_the_entries_say_it(deployed, host, path, text, mode):
    with host.sudo():
        entry = host.file(path)
        assert entry.content_string == text
        assert entry.mode == mode


def test_what_runs_is_what_was_built_with_its_parameters(deployed, info):
    seen = info(*MODULES)
    for module in seen["modules"].values():
        assert module["state"] == "live"
        assert module["build_id"] and module["build_id"] == module["installed"]["build_id"]
        assert module["installed"]["vermagic"].startswith(seen["kernel"]["release"] + " ")
    assert seen["modules"]["simpledriver"]["parameters"] == {"mode": "384", "size": "4096"}


def test_no_published_mistake_bites(deployed, host, root):
    host.ansible("copy", f"src={root}/tests/guest/stress.py dest=/run/stress.py mode=0755", check=False, become=True)
    release = host.check_output("uname -r")
    images = " ".join(f"/lib/modules/{release}/updates/procfleet/{name}.ko" for name in MODULES)
    with host.sudo():
        done = host.run(f"timeout 900 python3 /run/stress.py {images}")
        host.run("rm /run/stress.py")
    assert done.rc == 0, done.stdout + done.stderr
    passed = re.search(r"^(\d+) passed, 0 failed$", done.stdout, re.MULTILINE)
    assert passed and int(passed.group(1)) > 10, done.stdout


@pytest.fixture(scope="module")
def predicted(played):
    """What check mode says of hosts that are converged."""
    return played("deploy.yml", "--check", "--diff")


def test_check_mode_has_nothing_to_say(predicted, name):
    counts = predicted.of(name)
    assert (counts["changed"], counts["failed"], counts["unreachable"]) == (0, 0, 0), predicted.output
