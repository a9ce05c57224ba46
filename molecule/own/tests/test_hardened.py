# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A hardened host: it denies modules to its boot, and gives root a strict umask."""

from __future__ import annotations

import pytest

CONF = "/etc/modprobe.d/local.conf"
SUDOERS = "/etc/sudoers.d/umask"


@pytest.fixture
def denied(host):
    """A host on which somebody has denied `multi` to all that loads modules by themselves."""
    with host.sudo():
        host.check_output(f"echo 'blacklist multi' > {CONF}")
        yield
        host.check_output(f"rm -f {CONF}")


def test_a_module_that_no_boot_would_load_is_not_said_to_be_set_for_it(play, host, info, denied):
    before = info("multi")["modules"]["multi"]
    assert (before["state"], before["modprobe"]) == ("live", [f"`blacklist multi` in {CONF}"])
    done = play("playbooks/verify.yml", kmod_modules=["multi"])
    assert done.status != 0
    assert f"multi is not as wanted: the next boot goes by `blacklist multi` in {CONF}" in done.flat()
    done = play("deploy.yml", kmod_modules=["multi"])
    assert done.status != 0
    assert f"multi cannot be set for boot as it is to be loaded: there is `blacklist multi` in {CONF}" in done.flat()
    assert info("multi")["modules"]["multi"] == before
    # So it would be after a reboot: what the boot runs leaves it out.
    host.check_output("rmmod multi && systemctl restart systemd-modules-load")
    assert info("multi")["modules"]["multi"]["state"] == "absent"
    # Whoever loads it for now alone may.
    assert play("deploy.yml", kmod_modules=["multi"], kmod_persist=False).status == 0
    host.check_output(f"rm {CONF}")
    assert play("deploy.yml", kmod_modules=["multi"]).status == 0
    after = info("multi")["modules"]["multi"]
    assert [after[key] for key in ("state", "build_id", "persist")] == [
        before[key] for key in ("state", "build_id", "persist")
    ]


def test_a_strict_umask_hides_nothing_from_the_hosts_users(play, host):
    with host.sudo():
        host.check_output(f"echo 'Defaults umask=0077' > {SUDOERS}")
        try:
            assert host.check_output("umask") == "0077"
            assert play("deploy.yml", kmod_modules=["multi"], kmod_state="absent").status == 0
            assert play("deploy.yml", kmod_modules=["multi"]).status == 0
        finally:
            host.check_output(f"rm {SUDOERS}")
    # A user sees where modprobe looks, and what it would load.
    with host.sudo("nobody"):
        path = host.check_output("/sbin/modinfo -n multi")
        assert path.endswith("/updates/procfleet/multi.ko")
        assert host.check_output("cat /etc/modules-load.d/procfleet-multi.conf") == "multi"
        assert host.file(path).mode == 0o644
