# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What several tests need: recorded files, and a host's directories moved below a temporary one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _dkms_trees, _modprobe, _modules, _names

RELEASE = "6.1.0-56-cloud-amd64"


@pytest.fixture(scope="session")
def data():
    """The folder of recorded files."""
    return Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def image(data):
    """A real module: data/elf/tiny.c, built for 6.1.0-56-cloud-amd64 and stripped."""
    return (data / "elf/tiny.module").read_bytes()


@pytest.fixture
def host(tmp_path, monkeypatch):
    """An empty host below tmp_path: state, /lib/modules, /etc, /sys/module, /proc/modules and /proc/cmdline."""
    monkeypatch.setattr(_names, "STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(_names, "MODULES_DIR", str(tmp_path / "modules"))
    monkeypatch.setattr(_names, "ETC_DIR", str(tmp_path / "etc"))
    monkeypatch.setattr(_names, "BOOT_DIR", str(tmp_path / "boot"))
    monkeypatch.setattr(_modules, "SYS_MODULE", str(tmp_path / "sys"))
    monkeypatch.setattr(_modules, "PROC_MODULES", str(tmp_path / "proc-modules"))
    monkeypatch.setattr(_modprobe, "FOLDERS", (str(tmp_path / "modprobe.d"),))
    monkeypatch.setattr(_modprobe, "CMDLINE", str(tmp_path / "cmdline"))
    monkeypatch.setattr(_dkms_trees, "SOURCES_DIR", str(tmp_path / "src"))
    monkeypatch.setattr(_dkms_trees, "DKMS_DIR", str(tmp_path / "dkms"))
    monkeypatch.setattr(_dkms_trees, "PACKAGES_DIR", str(tmp_path / "packages"))
    return tmp_path
