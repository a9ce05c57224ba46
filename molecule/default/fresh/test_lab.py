# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab's machine itself, before anything of ours has been there."""

from __future__ import annotations

RENAMING = "E:ID_RENAMING=1"  # udev's mark on a card that it has not done with
WAIT = "/usr/lib/systemd/systemd-networkd-wait-online --timeout=30 --operational-state=routable --interface"


def test_a_card_that_udev_is_still_renaming_gets_its_address(host):
    card = host.check_output("ip -o -4 address show to 10.0.2.15 | cut -d ' ' -f 2")
    mark = f"/run/udev/data/n{host.file(f'/sys/class/net/{card}/ifindex').content_string.strip()}"
    host.check_output(f"cp {mark} {mark}.kept && echo {RENAMING} >> {mark}")
    try:
        host.check_output(f"ip address flush dev {card} && networkctl reconfigure {card} && {WAIT}={card}")
    finally:
        host.check_output(f"mv {mark}.kept {mark}")
    assert "default via 10.0.2.2" in host.check_output("ip route")
