# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The store: an entry is whole or not there, and only what is ours is removed."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _files, _names, _store
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

R = "6.1"
PRINT, OTHER, THIRD = "a" * 64, "b" * 64, "c" * 64


def publish(name="m", fingerprint=PRINT, image=b"image"):
    return _store.publish(R, name, fingerprint, image, {"build_id": "id"})


def test_publish(host):
    record = publish()
    assert record["path"] == str(host / ("state/builds/6.1/m-" + "a" * 32) / "m.ko")
    assert (record["size"], record["build_id"]) == (5, "id")
    assert _store.published(R, "m", PRINT) == record
    assert _store.fingerprints(R, "m") == [PRINT]
    assert os.listdir(host / "state/builds/6.1") == ["m-" + "a" * 32]


def test_nothing_published(host):
    assert _store.published(R, "m", PRINT) is None
    assert _store.fingerprints(R, "m") == []


@pytest.mark.parametrize("file", ["m.ko", "build.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"imag", b'{"sha256":'])
def test_a_damaged_entry_is_none_and_is_published_anew(host, file, content):
    path = os.path.join(os.path.dirname(publish()["path"]), file)
    if content is None:
        os.unlink(path)
    else:
        with open(path, "wb") as stream:
            stream.write(content)
    assert _store.published(R, "m", PRINT) is None
    assert _store.fingerprints(R, "m") == []
    publish()
    assert _store.published(R, "m", PRINT)


def test_a_full_disk_publishes_nothing(host, monkeypatch):
    publish("m", OTHER)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(_files.os, "fsync", full)
    with pytest.raises(KmodError, match="No space left on device"):
        publish()
    assert _store.fingerprints(R, "m") == [OTHER]
    assert os.listdir(host / "state/builds/6.1") == ["m-" + "b" * 32]


def test_a_name_that_begins_as_another(host):
    publish("m")
    publish("m_2", OTHER)
    _store.purge(R, "m")
    assert _store.fingerprints(R, "m_2") == [OTHER]


def test_prune_keeps_the_installed_and_the_former(host):
    for one in (PRINT, OTHER, THIRD):
        publish("m", one)
    _store.prune(R, "m", {"fingerprint": PRINT, "former": {"fingerprint": THIRD}})
    assert set(_store.fingerprints(R, "m")) == {PRINT, THIRD}
    _store.prune(R, "m", {"fingerprint": PRINT, "former": None})
    assert _store.fingerprints(R, "m") == [PRINT]


def test_purge_of_the_last_leaves_nothing(host):
    publish()
    _files.write_atomic(_names.installed_path(R, "m"), b"image")
    _files.write_json(_names.manifest_path(R, "m"), {})
    _files.write_atomic(_names.build_log(R), b"log")
    (host / "modules/6.1/modules.dep").write_text("")
    _store.purge(R, "m")
    assert not (host / "state").exists()
    assert os.listdir(host / "modules/6.1") == ["modules.dep"]


def test_purge_leaves_what_others_have(host):
    publish("m")
    publish("n", OTHER)
    _files.write_atomic(_names.build_log(R), b"log")
    _files.write_json(_names.manifest_path("5.10", "m"), {})
    _store.purge(R, "m")
    assert _store.fingerprints(R, "n") == [OTHER]
    assert os.path.exists(_names.build_log(R))
    _store.purge(R, "n")
    assert not os.path.exists(_names.build_log(R))
    assert os.path.exists(_names.manifest_path("5.10", "m"))


def test_other_kernels_that_have_something_of_a_module(host):
    _store.publish("6.1", "m", "a" * 64, b"x", {})
    _store.publish("6.12", "m", "b" * 64, b"x", {})
    _store.publish("6.12", "other", "b" * 64, b"x", {})
    _files.write_atomic(_names.installed_path("6.13", "m"), b"x")
    assert _store.elsewhere("6.1", "m") == ["6.12", "6.13"]
    assert _store.elsewhere("6.12", "m") == ["6.1", "6.13"]
    assert _store.elsewhere("6.1", "other") == ["6.12"]
    assert _store.elsewhere("6.1", "none") == []
