# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection as somebody installs it: whole, without what is this clone's, and of use from anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(tool, *words, folder, **environment):
    """Run one of Ansible's tools as a user does who has no clone: with settings and a home of their own."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(folder), "ANSIBLE_COLLECTIONS_PATH": str(folder), **environment}
    command = [str(Path(sys.executable).parent / tool), *map(str, words)]
    done = subprocess.run(command, cwd=folder, env=plain, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder in which the collection is installed from its archive."""
    folder = tmp_path_factory.mktemp("installed")
    run("ansible-galaxy", "collection", "build", ROOT, "--output-path", folder, folder=folder)
    (archive,) = folder.glob("procfleet-procfs-*.tar.gz")
    run("ansible-galaxy", "collection", "install", "--offline", "-p", folder, archive, folder=folder)
    return folder


def test_it_holds_what_it_needs_and_nothing_of_this_clone(installed):
    found = {path.name for path in (installed / "ansible_collections/procfleet/procfs").iterdir()}
    assert {"README.md", "LICENSE", "docs", "files", "meta", "playbooks", "plugins", "roles"} <= found
    assert not [name for name in found if name.startswith(".") or name in ("bench", "collections")]


def test_its_playbooks_are_found_by_their_names(installed):
    names = sorted(path.name for path in ROOT.glob("playbooks/*.yml"))
    asked = [f"procfleet.procfs.{Path(name).stem}" for name in names]
    said = run("ansible-playbook", "-i", "one,", *asked, "--list-tasks", folder=installed)
    found = [line.rpartition("/")[2] for line in said.splitlines() if line.startswith("playbook: ")]
    assert found == names


def test_its_modules_have_their_manuals(installed):
    said = run("ansible-doc", "-t", "module", "procfleet.procfs.kmod", folder=installed)
    assert "Brings a list of modules to one state in one call" in " ".join(said.split())
