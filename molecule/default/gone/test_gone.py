# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""After unload.yml nothing of the modules is in the kernel, now or after a boot; then absent takes the files."""

from __future__ import annotations

import pytest

MODULES = ("proc_demo", "simpledriver", "procDriver")


@pytest.mark.parametrize("path", ["/proc/myinfo", "/proc/simpledriver_dir", "/proc/1999_proc"])
def test_there_is_no_such_file_or_directory(host, path):
    assert "No such file or directory" in host.run(f"cat {path}").stderr


def test_nothing_is_loaded_and_nothing_will_be(info):
    for name, module in info(*MODULES)["modules"].items():
        assert module["state"] == "absent"
        assert module["persist"] == {"load": False, "options": f"blacklist {name}\n"}
        assert module["installed"], "unloaded keeps the files"


def test_a_reboot_does_not_bring_them_back(info, reboot):
    reboot()
    assert {module["state"] for module in info(*MODULES)["modules"].values()} == {"absent"}


def test_unloading_again_changes_nothing(play):
    done = play("playbooks/unload.yml")
    assert (done.status, done.count("changed")) == (0, 0), done.output


def test_absent_takes_the_files_away(play, files):
    assert play("deploy.yml", "--check", kmod_state="absent").count("changed") == 1
    done = play("deploy.yml", kmod_state="absent")
    assert (done.status, done.count("changed")) == (0, 1), done.output
    assert not [line for line in files() if "procfleet" in line]
    assert play("deploy.yml", kmod_state="absent").count("changed") == 0
