# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What differs from the wanted state is shown by check mode and mended by deploy; nothing else is touched."""

from __future__ import annotations

ENTRY = "/proc/simpledriver_dir/simpledriver_file"
OPEN = [{"name": "simpledriver", "parameters": {"mode": "0644"}}, "proc_demo", "procDriver"]


def test_check_mode_on_a_converged_host_reports_none(play):
    done = play("deploy.yml", "--check", "--diff")
    assert done.status == 0, done.output
    assert done.count("changed") == 0
    assert "+++ after" not in done.output


def test_a_parameter_is_drift(play, host, info):
    before = info("simpledriver", "proc_demo")["modules"]
    predicted = play("deploy.yml", "--check", "--diff", kmod_modules=OPEN)
    assert predicted.count("changed") == 1
    assert "parameter mode is 384 instead of 0644" in predicted.output
    with host.sudo():
        assert host.file(ENTRY).mode == 0o600
        applied = play("deploy.yml", kmod_modules=OPEN)
        assert (applied.status, applied.count("changed")) == (0, 1), applied.output
        assert host.file(ENTRY).mode == 0o644
    after = info("simpledriver", "proc_demo")["modules"]
    assert after["simpledriver"]["parameters"]["mode"] == "420"
    assert after["simpledriver"]["build_id"] == before["simpledriver"]["build_id"]
    assert after["proc_demo"]["manifest"] == before["proc_demo"]["manifest"]
    assert play("deploy.yml").count("changed") == 1  # and back
    with host.sudo():
        assert host.file(ENTRY).mode == 0o600


def test_a_module_taken_out_by_hand_is_noticed_and_brought_back(play, host):
    with host.sudo():
        host.check_output("rmmod proc_demo")
        noticed = play("playbooks/verify.yml")
        assert noticed.status != 0
        assert "/proc/myinfo state: expected present" in noticed.flat()
        assert "proc_demo is not as wanted: not loaded" in noticed.output
        assert "procDriver is not as wanted" not in noticed.output
        assert play("deploy.yml").count("changed") == 1
        assert host.file("/proc/myinfo").exists
    assert play("playbooks/verify.yml").status == 0
