# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files whole or not at all, also when the disk is full."""

from __future__ import annotations

import errno
import gzip
import lzma
import os
import resource
import signal
import stat

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _files
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "folder/file"
    path.parent.mkdir()
    path.write_bytes(b"former")
    return path


def fail(number):
    def failing(*_arguments):
        raise OSError(number, os.strerror(number))

    return failing


def test_write(file):
    _files.write_atomic(str(file), b"new", 0o600)
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["file"]


def test_write_makes_the_folder(tmp_path):
    _files.write_atomic(str(tmp_path / "a/b/c"), b"x")
    assert stat.S_IMODE((tmp_path / "a/b/c").stat().st_mode) == 0o644


@pytest.mark.parametrize(("call", "number"), [("fsync", errno.ENOSPC), ("fchmod", errno.EIO), ("rename", errno.EROFS)])
def test_a_failing_write_leaves_the_former_file(file, monkeypatch, call, number):
    monkeypatch.setattr(_files.os, call, fail(number))
    with pytest.raises(KmodError) as caught:
        _files.write_atomic(str(file), b"new")
    assert caught.value.what == "Writing %s failed" % file
    assert caught.value.why == os.strerror(number)
    assert "former file is untouched" in caught.value.todo
    assert file.read_bytes() == b"former"
    assert os.listdir(file.parent) == ["file"]


def test_a_full_disk(file):
    """The kernel itself refuses the bytes, at a limit of this process."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(KmodError, match=r"Writing .* failed: File too large"):
            _files.write_atomic(str(file), b"x" * 100000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert file.read_bytes() == b"former"
    assert os.listdir(file.parent) == ["file"]


def test_a_file_in_the_place_of_a_folder(file):
    with pytest.raises(KmodError, match=r"Writing .* failed"):
        _files.write_atomic(str(file / "below"), b"x")


def test_read(file):
    assert _files.read_bytes(str(file)) == b"former"
    assert _files.read_bytes(str(file), 3) == b"for"
    assert _files.read_text(str(file)) == "former"
    assert _files.read_text(str(file) + "x") is None
    assert _files.read_bytes(str(file.parent)) is None
    file.write_bytes(b"\xff")
    assert _files.read_text(str(file)) == "\ufffd"


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'{"a": 1', {}),
        (b"", {}),
        (b"[1]", {}),
        (b"null", {}),
        (b"\xff\xfe{}", {}),
        (b"\0" * 50, {}),
    ],
)
def test_read_json(file, content, value):
    file.write_bytes(content)
    assert _files.read_json(str(file)) == value


def test_json_there_and_back(file):
    _files.write_json(str(file), {"b": None, "a": ["ü"]})
    assert _files.read_json(str(file)) == {"b": None, "a": ["ü"]}
    assert _files.read_json(str(file) + "x") == {}


def test_remove(file):
    assert _files.remove(str(file)) is True
    assert _files.remove(str(file)) is False


def test_remove_empty_dirs(file):
    inner = file.parent / "inner"
    inner.mkdir()
    _files.remove_empty_dirs(str(inner), str(file.parent), "/no/such/place")
    assert not inner.exists()
    assert file.exists()


def test_sha256():
    assert _files.sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("pack", [bytes, lzma.compress, gzip.compress])
def test_an_image_is_unpacked(tmp_path, pack):
    (tmp_path / "x").write_bytes(pack(b"image" * 100))
    assert _files.read_image(str(tmp_path / "x")) == b"image" * 100


@pytest.mark.parametrize("pack", [lzma.compress, gzip.compress])
def test_a_damaged_one_stays_as_it_is(pack):
    packed = pack(b"image" * 100)
    damaged = packed[:12] + b"\xff" * 20
    assert _files.unpacked(damaged) == damaged
    assert _files.read_image("/none") is None


@pytest.mark.parametrize("pack", [lzma.compress, gzip.compress])
def test_one_that_would_fill_the_memory_is_not_unpacked(pack):
    packed = pack(b"\0" * 5000)
    assert _files.unpacked(packed, 4000) == packed
