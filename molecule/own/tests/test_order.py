# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Several files in one module, and modules that use each other's symbols."""

from __future__ import annotations

import shutil
import time


def test_a_module_of_several_files(host):
    assert host.file("/proc/multi").content_string == "Built from two files\n"


def test_what_exports_is_loaded_first_and_held(info):
    modules = info("exporter", "importer")["modules"]
    assert modules["exporter"]["holders"] == ["importer"]
    assert modules["importer"]["manifest"]["fingerprint"]


def test_what_is_in_use_is_not_unloaded_and_its_user_is_named(play, info):
    before = info("exporter", "importer")["modules"]
    done = play("playbooks/unload.yml", kmod_modules=["exporter"])
    assert done.status != 0
    assert "exporter is in use by importer" in done.flat()
    assert "Unload importer first" in done.flat()
    assert info("exporter", "importer")["modules"] == before


def test_a_change_below_takes_what_uses_it_along(play, host, info, root, tmp_path):
    shutil.copytree(root / "tests/fixtures/kmod/exporter", tmp_path / "exporter")
    shutil.copytree(root / "tests/fixtures/kmod/importer", tmp_path / "importer")
    source = tmp_path / "exporter/exporter.c"
    source.write_text(source.read_text() + f"\nstatic const long another __used = {time.time_ns()};\n")
    before = info("exporter", "importer", "multi")["modules"]
    with host.sudo():
        host.check_output("dmesg --clear")
        done = play("deploy.yml", kmod_paths=[str(tmp_path)], kmod_modules=["importer"])
        log = host.check_output("cat /var/lib/procfleet/log/build-*.log")
        said = [line for line in host.check_output("dmesg --notime").splitlines() if "loaded" in line]
    assert done.status == 0, done.output
    assert said == ["importer: unloaded", "exporter: unloaded", "exporter: loaded", "importer: loaded"]
    assert log.count("Entering directory '/usr/src") == 1  # one make for both
    assert "/exporter/exporter.ko" in log
    assert "/importer/importer.ko" in log
    after = info("exporter", "importer", "multi")["modules"]
    assert after["exporter"]["fingerprint"] != before["exporter"]["fingerprint"]
    assert after["importer"]["fingerprint"] != before["importer"]["fingerprint"]
    assert after["multi"] == before["multi"]
    assert play("deploy.yml").status == 0


def test_what_only_the_contract_knows_of_is_loaded_first_at_boot_as_well(play, host, info, root, tmp_path):
    shutil.copytree(root / "tests/fixtures/kmod/multi", tmp_path / "multi")
    contract = tmp_path / "multi/kmod.yml"
    contract.write_text(contract.read_text().replace("depends: []", "depends: [crc7]"))
    assert play("deploy.yml", kmod_paths=[str(tmp_path)], kmod_modules=["multi"]).status == 0
    with host.sudo():
        host.check_output("rmmod multi; rmmod crc7; systemctl restart systemd-modules-load")
        assert host.file("/sys/module/crc7").exists
        assert info("multi")["modules"]["multi"]["state"] == "live"
        host.check_output("rmmod multi crc7")
    assert play("deploy.yml").status == 0
    assert not host.file("/sys/module/crc7").exists


def test_a_cycle_takes_the_kernels_own_modules_out_again(play, host, root, tmp_path):
    folder = tmp_path / "multi"
    shutil.copytree(root / "tests/fixtures/kmod/multi", folder)
    contract = folder / "kmod.yml"
    contract.write_text(contract.read_text().replace("depends: []", "depends: [crc7]"))
    note = "install crc7 touch /run/crc7-was-here && /sbin/modprobe --ignore-install crc7"
    with host.sudo():
        assert not host.file("/sys/module/crc7").exists
        host.check_output(f"echo '{note}' > /etc/modprobe.d/note.conf")
        done = play("playbooks/cycle.yml", kmod_paths=[str(tmp_path)], kmod_modules=["multi"])
        host.check_output("rm /etc/modprobe.d/note.conf")
        assert done.status == 0, done.output
        assert host.file("/run/crc7-was-here").exists
        assert not host.file("/sys/module/crc7").exists
        assert host.file("/proc/multi").exists  # it was loaded before
