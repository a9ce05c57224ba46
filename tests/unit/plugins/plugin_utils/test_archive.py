# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sources on their way: the same bytes for the same content, and what arrives is what was sent."""

from __future__ import annotations

import os

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._build import unpack
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils import _archive


def make(folder, when):
    (folder / "sub").mkdir(parents=True)
    for name, content in {
        "Kbuild": b"k",
        "m.c": b"int x;",
        "sub/x.h": b"\xff",
        "m.o": b"left",
        "kmod.yml": b"c",
    }.items():
        (folder / name).write_bytes(content)
        os.utime(folder / name, (when, when))
    return folder


def test_there_and_unpacked(tmp_path):
    packed = _archive.pack({"my-mod": make(tmp_path / "my-mod", 1), "a": make(tmp_path / "a", 1)})
    unpack(packed, str(tmp_path / "work"))
    assert (tmp_path / "work/my_mod/sub/x.h").read_bytes() == b"\xff"
    assert sorted(os.listdir(tmp_path / "work/my_mod")) == ["Kbuild", "m.c", "sub"]
    assert sorted(os.listdir(tmp_path / "work")) == ["a", "my_mod"]


def test_the_same_bytes(tmp_path):
    one, other = make(tmp_path / "1/m", 1), make(tmp_path / "2/m", 10**9)
    os.chmod(other / "m.c", 0o600)
    assert _archive.pack({"m": one, "n": other}) == _archive.pack({"n": one, "m": other})
    (other / "m.c").write_bytes(b"int y;")
    assert _archive.pack({"m": one}) != _archive.pack({"m": other})


def test_no_time_is_in_it(tmp_path, monkeypatch):
    folder = make(tmp_path / "m", 1)
    before = _archive.pack({"m": folder})
    monkeypatch.setattr(_archive.gzip.time, "time", lambda: 5.0)
    assert _archive.pack({"m": folder}) == before


def test_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(_archive, "LIMIT", 1000)
    folder = make(tmp_path / "m", 1)
    (folder / "core").write_bytes(os.urandom(2000))
    with pytest.raises(KmodError, match="larger than 1000 bytes packed"):
        _archive.pack({"m": folder})
