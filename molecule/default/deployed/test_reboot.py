# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was deployed is there after a reboot, with its parameters, and no controller had a hand in it."""

from __future__ import annotations

MODULES = ("proc_demo", "simpledriver", "procDriver")
OPEN = [{"name": "simpledriver", "parameters": {"mode": "0644"}}, "proc_demo", "procDriver"]


def test_modules_and_parameters_come_back_by_themselves(play, host, info, reboot):
    assert play("deploy.yml", kmod_modules=OPEN).status == 0
    before = info(*MODULES)["modules"]
    reboot()
    after = info(*MODULES)["modules"]
    for name in MODULES:
        assert after[name]["state"] == "live"
        for key in ("build_id", "parameters", "installed", "fingerprint", "persist", "manifest"):
            assert after[name][key] == before[name][key]
    with host.sudo():
        assert host.file("/proc/myinfo").content_string.startswith("Hello from kernel space!\n")
        assert host.file("/proc/simpledriver_dir/simpledriver_file").mode == 0o644
    done = play("deploy.yml", kmod_modules=OPEN)
    assert (done.status, done.count("changed")) == (0, 0), done.output
    assert play("deploy.yml").status == 0
