# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Adding a module is adding a folder: one that the repository does not ship, written into a temporary directory."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture
def own_folder(root, tmp_path):
    """A directory of modules with one in it."""
    shutil.copytree(root / "tests/fixtures/kmod/showcase", tmp_path / "showcase")
    return str(tmp_path)


def test_a_folder_is_all_it_takes(play, host, own_folder):
    chosen = [{"name": "showcase", "parameters": {"lines": 700, "label": "row"}}]
    done = play("deploy.yml", kmod_paths=[own_folder], kmod_modules=chosen)
    assert done.status == 0, done.output
    with host.sudo():
        assert host.file("/sys/module/showcase/parameters/lines").content_string == "700\n"
        assert host.file("/proc/showcase/inner/deep").is_directory
        assert host.file("/proc/showcase/inner/deep/label").content_string == "row\n"
        link = host.file("/proc/showcase/latest")
        assert link.is_symlink
        assert link.linked_to == "/proc/showcase/inner/lines"
        text = link.content_string
    assert len(text) > 4096
    assert text.splitlines()[-1] == "row 700 of 700"

    # Unloading takes all of it away again, and an empty choice is every module in the folder.
    done = play("deploy.yml", kmod_paths=[own_folder], kmod_modules=[], kmod_state="absent")
    assert done.status == 0, done.output
    assert not host.file("/proc/showcase").exists


def test_a_wrong_contract_is_refused_with_file_and_line(play, own_folder, files):
    before = files()
    contract = f"{own_folder}/showcase/kmod.yml"
    with open(contract, encoding="utf-8") as stream:
        text = stream.read()
    with open(contract, "w", encoding="utf-8") as stream:
        stream.write(text.replace("path: /proc/showcase/inner/deep/label", "path: /etc/passwd"))
    line = text.splitlines().index("  - path: /proc/showcase/inner/deep/label") + 1
    done = play("deploy.yml", kmod_paths=[own_folder], kmod_modules=["showcase"])
    assert done.status != 0
    assert f"showcase/kmod.yml:{line}: " in done.flat()
    assert "must lie under /proc or /sys" in done.flat()
    assert files() == before
