# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When and on what something was measured."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path


def machine_size() -> str:
    """Return what all of it ran on; the lab decides about KVM in the same way."""
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    kvm = (
        os.environ.get("LAB_ACCEL", "kvm") == "kvm"
        and os.access("/dev/kvm", os.W_OK)
        and (" vmx" in cpu or " svm" in cpu)
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {'KVM' if kvm else 'no KVM'}"


def now() -> str:
    """Return the time, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
