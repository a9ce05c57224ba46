# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a call imports: its source is compiled on the host, each time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PLUGINS = "ansible_collections.procfleet.procfs.plugins"
SEEN = f"""
import sys
import {PLUGINS}.modules.{{module}}
print(*(name.rpartition(".")[2] for name in sys.modules if name.startswith("{PLUGINS}.module_utils.")))
"""
# Without these a deploy is done on most hosts: no DKMS, no copies asked for, all as it should be.
RARE = {"_dkms", "_dkms_apply", "_copies", "_build", "_packages"}


@pytest.mark.parametrize(
    ("module", "needed", "spared"),
    [
        ("kmod_info", {"_glance", "_keyrings", "_modules"}, RARE | {"_kmod", "_transaction"}),
        ("kmod", {"_kmod", "_transaction", "_modules"}, RARE | {"_keyrings", "_fingerprint", "_upcoming"}),
        ("proc_assert", {"_assert", "_entry"}, RARE | {"_kmod", "_modules", "_kernel"}),
    ],
)
def test_a_call_imports_only_what_it_needs(module, needed, spared):
    command = [sys.executable, "-c", SEEN.format(module=module)]
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=path, capture_output=True, text=True, check=True, timeout=60)
    imported = set(done.stdout.split())
    assert needed <= imported
    assert not imported & spared
