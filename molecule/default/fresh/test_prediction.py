# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""On a machine that has seen nothing of us: check mode predicts, and writes nothing."""

from __future__ import annotations


def test_check_mode_predicts_every_change_and_writes_nothing(play, files, host):
    before = files()
    packages = host.check_output("dpkg-query -W")
    done = play("deploy.yml", "--check", "--diff")
    assert done.status == 0, done.output
    assert done.count("changed") == 1
    release = host.check_output("uname -r")
    for change in (
        f"+package linux-headers-{release} installed",
        "+package make installed",
        "+proc_demo: build ",
        "+procDriver: live, build ",
        "+simpledriver: parameter mode=0600",
        "+/etc/modules-load.d/procfleet-proc_demo.conf",
        "+/etc/modprobe.d/procfleet-simpledriver.conf",
    ):
        assert change in done.output
    assert files() == before
    assert host.check_output("dpkg-query -W") == packages


def test_no_headers_and_no_compiler_are_there_yet(host):
    assert not host.exists("gcc-12")
    assert not host.file(f"/lib/modules/{host.check_output('uname -r')}/build").exists


def test_a_kernel_without_a_headers_package_is_refused(play, files):
    before = files()
    done = play("deploy.yml", kmod_headers_packages=["linux-headers-{release}-gone", "make"])
    assert done.status != 0
    said = done.flat()
    assert "could not be installed on default" in said
    assert "offers: linux-headers-" in said
    assert "Nothing was built" in said
    assert files() == before
