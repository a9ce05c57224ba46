# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real play on the controller: a host whose variables are wrong is told so before anybody is asked anything."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("playbook", ["deploy", "verify"])
def test_variables_that_are_wrong_stop_their_host_and_are_named(playbook, tmp_path):
    inventory, store = tmp_path / "hosts", tmp_path / "store"
    inventory.write_text("web1 kmod_soak=five\nweb2 kmod_state=lodaed\n", encoding="utf-8")
    command = ["ansible-playbook", "-i", str(inventory), f"playbooks/{playbook}.yml", "-e", f"kmod_store={store}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2, said
    assert "web1 has variables that procfleet.procfs.kmod does not take: argument 'kmod_soak' is of type str" in said
    assert "web2 has variables that procfleet.procfs.kmod does not take: value of kmod_state must be one of" in said
    assert "Look at kernel" not in said
    assert not store.exists()
