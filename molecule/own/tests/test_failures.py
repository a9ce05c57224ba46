# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules that do not load, warn, or hold on: what happens is said, and the host stays in a known state."""

from __future__ import annotations

import shutil
import time


def test_a_failed_load_explains_itself_and_the_others_are_deployed(play, info):
    done = play("deploy.yml", kmod_modules=["multi", "failing"])
    assert done.status != 0
    said = done.flat()
    assert "failing does not load" in said
    assert "No such device; the kernel says: " in said
    assert "The host is as it was before" in said
    modules = info("multi", "failing")["modules"]
    assert modules["multi"]["state"] == "live"
    assert (modules["failing"]["state"], modules["failing"]["installed"]) == ("absent", None)
    assert modules["failing"]["persist"] == {"load": False, "options": None}


def test_a_reload_that_fails_brings_the_former_back(play, info):
    good = [{"name": "failing", "parameters": {"fail": False}}]
    assert play("deploy.yml", kmod_modules=good).status == 0
    before = info("failing")["modules"]["failing"]
    assert before["parameters"] == {"fail": "N"}
    done = play("deploy.yml", kmod_modules=[{"name": "failing", "parameters": {"fail": True}}])
    assert done.status != 0
    assert "The host is as it was before" in done.flat()
    assert info("failing")["modules"]["failing"] == before
    assert play("deploy.yml", kmod_modules=good, kmod_state="absent").status == 0


def test_a_module_that_warns_is_not_kept(play, info):
    done = play("deploy.yml", kmod_modules=["warns"])
    assert done.status != 0
    assert "warns made the kernel warn or fault as it was loaded" in done.flat()
    assert "the kernel says: WARNING: " in done.flat()
    assert "reboot this host" in done.flat()
    assert info("warns")["modules"]["warns"]["state"] == "absent"


def test_an_unknown_parameter_is_refused_before_loading(host, info):
    before = info("multi")["modules"]
    request = '{"modules": [{"name": "multi", "parameters": {"colour": "red"}}]}'
    result = host.ansible("procfleet.procfs.kmod", request, check=False, become=True)
    assert "multi has no parameter colour" in result["msg"]
    assert info("multi")["modules"] == before


def test_with_a_reader_inside_nothing_hangs_and_all_stays_as_it_was(play, host, info):
    assert play("deploy.yml", kmod_modules=["stubborn"]).status == 0
    before = info("multi", "stubborn")["modules"]
    with host.sudo():
        host.check_output("setsid cat /proc/stubborn/blocking >/dev/null 2>&1 </dev/null & sleep 1; true")
        started = time.monotonic()
        unload = play("playbooks/unload.yml", kmod_modules=["stubborn"], kmod_timeout=3)
        assert time.monotonic() - started < 200
        assert info("stubborn")["modules"]["stubborn"]["state"] == "live"
        cycle = play("playbooks/cycle.yml", kmod_modules=["multi", "stubborn"], kmod_timeout=3)
        host.check_output("pkill -x cat")
    assert unload.status != 0
    assert "stubborn cannot be unloaded: inside it is cat (process " in unload.flat()
    assert cycle.status != 0
    assert "While unloading what a failure left: stubborn cannot be unloaded: inside it is cat" in cycle.flat()
    after = info("multi", "stubborn")["modules"]
    assert after == before
    assert host.file("/proc/multi").exists
    assert play("playbooks/unload.yml", kmod_modules=["stubborn"]).status == 0


def test_a_thread_of_its_own_and_a_parameter_not_given_keep_no_module_from_leaving_or_coming_back(
    play, host, info, root, tmp_path
):
    assert play("deploy.yml", kmod_modules=["threaded"]).status == 0
    before = info("threaded")["modules"]["threaded"]
    assert (before["state"], before["parameters"]) == ("live", {"lines": ""})
    with host.sudo():
        assert "threaded_work" in host.check_output("cat /proc/$(pgrep -x threaded)/stack")
    shutil.copytree(root / "tests/fixtures/kmod/threaded", tmp_path / "threaded")
    source = tmp_path / "threaded/threaded.c"
    source.write_text(source.read_text().replace('"at work\\n"', '"asleep\\n"'))
    done = play("deploy.yml", kmod_paths=[str(tmp_path)], kmod_modules=["threaded"])
    assert done.status != 0
    assert "threaded does not hold what it must at /proc/threaded" in done.flat()
    assert "The host is as it was before" in done.flat()
    after = info("threaded")["modules"]["threaded"]
    assert [after[key] for key in ("state", "build_id", "manifest")] == [
        before[key] for key in ("state", "build_id", "manifest")
    ]


def test_an_unload_that_takes_too_long_is_bounded_and_the_next_run_mends_it(play, info):
    slow = [{"name": "stubborn", "parameters": {"hold_ms": 20000}}]
    assert play("deploy.yml", kmod_modules=slow).status == 0
    done = play("playbooks/unload.yml", kmod_modules=slow, kmod_timeout=3)
    assert done.status != 0
    assert "Unloading stubborn did not end within 3 s" in done.flat()
    for _ in range(20):
        if info("stubborn")["modules"]["stubborn"]["state"] == "absent":
            break
        time.sleep(2)
    assert play("deploy.yml", kmod_modules=["stubborn"]).status == 0


def test_a_full_disk_stops_the_build_and_the_old_module_runs_on(play, host, info):
    before = info("multi")["modules"]["multi"]
    with host.sudo():
        host.check_output("mount -t tmpfs -o size=4k tmpfs /var/lib/procfleet")
        try:
            done = play("deploy.yml", kmod_modules=["multi"])
        finally:
            host.check_output("umount /var/lib/procfleet")
    assert done.status != 0
    assert "No space left on device" in done.flat()
    assert info("multi")["modules"]["multi"] == before


def test_damaged_files_are_found_by_their_content_and_mended(play, host, info):
    before = info("multi")["modules"]["multi"]
    with host.sudo():
        host.check_output(
            "truncate -s 100 /lib/modules/*/updates/procfleet/multi.ko /var/lib/procfleet/builds/*/multi-*/multi.ko"
        )
    noticed = play("playbooks/verify.yml", kmod_modules=["multi"])
    assert "multi is not as wanted: build not installed" in noticed.output
    done = play("deploy.yml", kmod_modules=["multi"])
    assert done.status == 0, done.output
    after = info("multi")["modules"]["multi"]
    assert after["installed"] == before["installed"]  # built again, bit by bit the same


def test_another_file_that_modprobe_prefers_is_named(play, host, info):
    before = info("multi")["modules"]["multi"]
    other = before["resolves_to"].replace("updates/procfleet", "extra")
    with host.sudo():
        host.check_output(f"install -D {before['resolves_to']} {other}")
        host.check_output("mkdir -p /etc/depmod.d && echo 'override multi * extra' > /etc/depmod.d/local.conf")
        host.check_output("depmod")
        try:
            noticed = play("playbooks/verify.yml", kmod_modules=["multi"])
            assert f"multi is not as wanted: modprobe would take {other}" in noticed.flat()
            done = play("deploy.yml", kmod_modules=["multi"])
        finally:
            host.check_output(f"rm {other} /etc/depmod.d/local.conf && depmod")
    assert done.status != 0
    assert f"The next boot would not load multi from {before['resolves_to']}: modprobe takes {other}" in done.flat()
    assert info("multi")["modules"]["multi"] == before


def test_a_module_that_does_not_last_is_noticed_after_the_soak_and_goes_back(play, start, wait_until, host, info):
    before = info("multi")["modules"]["multi"]
    running = start("deploy.yml", kmod_modules=[{"name": "failing", "parameters": {"fail": False}}], kmod_soak=45)
    wait_until(lambda: info("failing")["modules"]["failing"]["state"] == "live")
    with host.sudo():
        host.check_output("rmmod failing")
    done = running.wait()
    assert done.status != 0
    assert "failing did not last: not loaded" in done.flat()
    assert "failing went back to its former state, for the wave `all` did not pass" in done.flat()
    after = info("failing", "multi")["modules"]
    assert (after["failing"]["state"], after["failing"]["installed"], after["failing"]["builds"]) == (
        "absent",
        None,
        [],
    )
    assert after["failing"]["persist"] == {"load": False, "options": None}
    assert after["multi"] == before


def test_a_contract_that_fails_can_be_looked_at(play, host, info, root, tmp_path):
    shutil.copytree(root / "tests/fixtures/kmod/multi", tmp_path / "multi")
    contract = tmp_path / "multi/kmod.yml"
    contract.write_text(contract.read_text().replace("Built from two files", "Built from three files"))
    source = tmp_path / "multi/main.c"
    source.write_text(source.read_text() + 'MODULE_INFO(edition, "second");\n')
    before = info("multi")["modules"]["multi"]
    done = play("deploy.yml", kmod_paths=[str(tmp_path)], kmod_modules=["multi"])
    assert done.status != 0
    assert "-Built from three files" in done.output
    back = info("multi")["modules"]["multi"]
    assert [back[key] for key in ("build_id", "manifest")] == [before[key] for key in ("build_id", "manifest")]
    done = play("deploy.yml", kmod_paths=[str(tmp_path)], kmod_modules=["multi"], kmod_rollback=False)
    assert done.status != 0
    assert info("multi")["modules"]["multi"]["build_id"] != before["build_id"]
    assert host.file("/proc/multi").content_string == "Built from two files\n"
    assert play("deploy.yml", kmod_modules=["multi"]).status == 0
