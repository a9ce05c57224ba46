# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""States of a module as `kmod_info` returns them, for tests that decide on them."""

from __future__ import annotations

# Never seen on this host.
ABSENT = {
    "state": "absent",
    "holders": [],
    "parameters": {},
    "build_id": None,
    "installed": None,
    "fingerprint": None,
    "resolves_to": None,
    "persist": {"load": False, "options": None},
    "modprobe": [],
    "builds": [],
    "elsewhere": [],
    "manifest": {},
    "dkms": None,
}
