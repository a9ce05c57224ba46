# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's store: what comes out is what was put in, or nothing; and nothing wrong is sent."""

from __future__ import annotations

import base64
import errno
import fcntl
import os
import threading

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _files
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import describe
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256
from ansible_collections.procfleet.procfs.plugins.plugin_utils import _images
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore, fit

PRINT, OTHER = "a" * 64, "b" * 64
RELEASE = "6.1.0-56-cloud-amd64"


@pytest.fixture
def store(tmp_path):
    return ImageStore(str(tmp_path / "store"))


@pytest.fixture
def put(store, image):
    def put(data=image, name="tiny", fingerprint=PRINT, digest=None):
        store.put(name, fingerprint, base64.b64encode(data).decode(), digest or sha256(data))

    return put


def files(store):
    return sorted(path.relative_to(store.folder).as_posix() for path in store.folder.rglob("*") if path.is_file())


def file_of(store, kind):
    (path,) = store.folder.rglob("*." + kind)
    return path


def test_there_and_back(store, put, image):
    assert store.get("tiny", PRINT) is None
    put()
    kept, said = store.get("tiny", PRINT)
    assert kept == image
    assert (said["name"], said["release"], said["arch"], said["signed"]) == ("tiny", RELEASE, "x86_64", False)
    assert files(store) == [f"aa/tiny-{'a' * 32}.{kind}" for kind in ("json", "ko")]
    assert not store.damaged("tiny", PRINT)
    assert store.get("tiny", OTHER) is None
    assert store.get("other", PRINT) is None


def test_nobody_else_reads_or_writes_it(store, put):
    put()
    store.note_failure("m", PRINT, "b1", ["no"])
    assert {oct(path.stat().st_mode & 0o777) for path in store.folder.rglob("*") if path.is_file()} == {"0o600"}
    assert all(not path.stat().st_mode & 0o022 for path in (store.folder, store.folder / "aa"))


def test_a_folder_of_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ImageStore("~/s").folder == ImageStore("$HOME/s").folder == tmp_path / "s"


@pytest.mark.parametrize("where", [0, 1000, -1])
def test_a_flipped_bit_is_found_and_mended(store, put, image, where):
    put()
    path = file_of(store, "ko")
    noisy = bytearray(image)
    noisy[where] ^= 1
    path.write_bytes(noisy)
    assert store.get("tiny", PRINT) is None
    assert store.damaged("tiny", PRINT)
    put()
    assert store.get("tiny", PRINT)[0] == image
    assert not store.damaged("tiny", PRINT)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "5", "{}", '{"sha256": 5}', '{"sha256": null}', '{"sha256": "../../x"}', "\0"]
)
def test_a_record_of_another_shape(store, put, text):
    put()
    file_of(store, "json").write_text(text)
    assert store.get("tiny", PRINT) is None
    assert store.damaged("tiny", PRINT)
    put()
    assert store.get("tiny", PRINT)


def test_what_a_record_says_of_the_image_is_not_believed(store, put, image):
    """An older version kept less in it, and a hand may have been there."""
    put()
    file_of(store, "json").write_text('{"sha256": "%s", "release": "6.2"}' % sha256(image))
    assert store.get("tiny", PRINT)[1] == describe(image)


@pytest.mark.parametrize("kind", ["ko", "json"])
def test_half_an_entry_is_none(store, put, kind):
    put()
    file_of(store, kind).unlink()
    assert store.get("tiny", PRINT) is None


def test_a_write_that_was_cut_off_is_no_entry(store, put, monkeypatch):
    """Power goes between the image and its record."""
    write = _images.write_atomic

    def cut(path, data, mode):
        if path.endswith(".json"):
            raise KeyboardInterrupt
        write(path, data, mode)

    monkeypatch.setattr(_images, "write_atomic", cut)
    with pytest.raises(KeyboardInterrupt):
        put()
    assert store.get("tiny", PRINT) is None
    assert not store.damaged("tiny", PRINT)
    monkeypatch.undo()
    put()
    assert store.get("tiny", PRINT)


def test_a_full_disk(store, put, monkeypatch):
    put(fingerprint=OTHER)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(_files.os, "fsync", full)
    with pytest.raises(KmodError, match=r"Writing .*tiny.* failed: No space left on device. Make room"):
        put()
    monkeypatch.undo()
    assert store.get("tiny", PRINT) is None
    assert store.get("tiny", OTHER)
    assert len(files(store)) == 2


def test_a_place_that_cannot_be_written(tmp_path, image):
    (tmp_path / "file").write_text("")
    store = ImageStore(str(tmp_path / "file/store"))
    with pytest.raises(KmodError, match=r"The store cannot be written at .*: Not a directory"):
        store.put("tiny", PRINT, base64.b64encode(image).decode(), sha256(image))


@pytest.mark.parametrize("encoded", ["", "%%%", "é", None, 5, ["x"], "AAAA"])
def test_what_arrives_damaged_is_not_kept(store, image, encoded):
    with pytest.raises(KmodError, match="The build of tiny arrived damaged"):
        store.put("tiny", PRINT, encoded, sha256(image))
    assert not store.folder.exists()


@pytest.mark.parametrize("content", [b"no module", b"", b"\x7fELF"])
def test_what_is_no_module_is_not_kept(store, put, content):
    with pytest.raises(KmodError, match="image is damaged"):
        put(content)
    assert not store.folder.exists()


def test_another_module_under_this_name(store, put):
    with pytest.raises(KmodError, match="The builder sent tiny as other"):
        put(name="other")
    assert not store.folder.exists()


def test_a_whole_entry_is_not_replaced(store, put, image):
    put()
    put(image + b"another")
    assert store.get("tiny", PRINT)[0] == image


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("../x", PRINT),
        ("a/b", PRINT),
        ("", PRINT),
        ("tiny", "../" * 22),
        ("tiny", "a" * 63),
        ("tiny", "A" * 64),
        ("tiny", PRINT + "\n"),
        ("tiny", None),
        ("tiny", ""),
    ],
)
def test_nothing_leaves_the_folder(store, image, name, fingerprint):
    """Both may come from a host's answer."""
    encoded = base64.b64encode(image).decode()
    for call in (
        lambda: store.put(name, fingerprint, encoded, sha256(image)),
        lambda: store.get(name, fingerprint),
        lambda: store.damaged(name, fingerprint),
        lambda: store.note_failure(name, fingerprint, "h", ["x"]),
        lambda: store.forget_failure(name, fingerprint),
        lambda: store.failure(name, fingerprint),
    ):
        with pytest.raises(KmodError, match=r"is not a module name|is no fingerprint"):
            call()
    assert not store.folder.exists()


def test_both_spellings_of_a_name_are_one(store, image):
    store.note_failure("a-b", PRINT, "h", ["x"])
    assert "a_b does not build on h" in store.failure("a_b", PRINT)


def test_two_controllers_at_once(store, image):
    """Whatever they write, whoever reads finds one of both whole, or none."""
    made = [image + bytes(size) for size in (1, 2)]
    found, stop = [], threading.Event()

    def write(data):
        for _ in range(20):
            ImageStore(str(store.folder)).put("tiny", PRINT, base64.b64encode(data).decode(), sha256(data))

    def read():
        while not stop.is_set():
            found.append(store.get("tiny", PRINT))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(data,)) for data in made]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    first = next(one for one in found if one)
    assert first[0] in made
    assert all(one is None for one in found[: found.index(first)])
    assert all(one == first for one in found[found.index(first) :])


def test_another_controller_that_never_ends(store, put, monkeypatch):
    monkeypatch.setattr(_images, "LOCK_TIMEOUT", 0.1)
    (store.folder / "aa").mkdir(parents=True)
    descriptor = os.open(store.folder / "aa", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(KmodError, match=r"of this run or of another controller, have held it for 0\.1 s\. Wait"):
            put()
    finally:
        os.close(descriptor)
    put()
    assert store.get("tiny", PRINT)


def test_a_file_system_without_locks(store, put, monkeypatch):
    def none(_descriptor, _kind):
        raise OSError(errno.ENOLCK, "")

    monkeypatch.setattr(_images.fcntl, "flock", none)
    put()
    assert store.get("tiny", PRINT)


def test_why_a_build_is_not_there(store, put):
    assert store.failure("tiny", PRINT) == "tiny was not built: the host that was to build it did not deliver"
    store.note_failure("tiny", PRINT, "b1", ["tiny.c:1: no", "more"])
    assert store.failure("tiny", PRINT) == (
        "tiny does not build on b1; what ran before runs on:\n  tiny.c:1: no\n  more"
    )
    assert store.get("tiny", PRINT) is None
    assert not store.damaged("tiny", PRINT)
    put()
    assert "did not deliver" in store.failure("tiny", PRINT)


def test_a_failure_is_forgotten(store):
    store.forget_failure("tiny", PRINT)
    store.note_failure("tiny", PRINT, "b1", ["no"])
    store.forget_failure("tiny", PRINT)
    assert "did not deliver" in store.failure("tiny", PRINT)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"host": "b1"}', '{"host": "b1", "lines": "no"}', '{"lines": []}'])
def test_a_note_of_another_shape(store, text):
    store.note_failure("tiny", PRINT, "b1", ["no"])
    file_of(store, "failed").write_text(text)
    assert "did not deliver" in store.failure("tiny", PRINT)


KERNEL = {"release": "6.1", "arch": "x86_64", "sig_enforce": False, "lockdown": "none"}
SIGNER = {"id": "f" * 64, "subject": "CN=me", "issuer": "CN=me", "serial": "2b92", "key_id": "bb02"}
STRICT = {"sig_enforce": True, "keyrings": [".platform"], "trusted": []}
SAID = {"release": "6.1", "arch": "x86_64", "signed": False}


def test_a_signed_build_beside_the_unsigned_one(store, put, image):
    """The record says who signed; of an unsigned image it is not believed."""
    trailer = b"~Module signature appended~\n"
    put()
    encoded = base64.b64encode(image + trailer).decode()
    store.put("tiny", OTHER, encoded, sha256(image + trailer), SIGNER)
    signed, said = store.get("tiny", OTHER)
    assert (signed, said["signed"], said["signer"]) == (image + trailer, True, SIGNER)
    unsigned, said = store.get("tiny", PRINT)
    assert (unsigned, said["signed"], "signer" in said) == (image, False, False)


def test_only_one_at_a_time(store, monkeypatch):
    monkeypatch.setattr(_images, "TURN_TIMEOUT", 0.1)
    with store.turn(), pytest.raises(KmodError, match=r"have held it for 0\.1 s"), store.turn():
        pass
    with store.turn():
        pass


def test_what_fits():
    fit("m", SAID, KERNEL)
    fit("m", {**SAID, "signed": True}, {**KERNEL, "sig_enforce": True, "lockdown": "integrity"})
    trusted = [{"name": "me", "id": "bb02", "keyring": ".platform"}]
    fit("m", {**SAID, "signed": True, "signer": SIGNER}, {**KERNEL, **STRICT, "trusted": trusted})


@pytest.mark.parametrize(
    ("machine", "arch"),
    [
        ("i686", "i586"),
        ("i686", "i686"),
        ("armv7l", "armv6l"),
        ("armv7l", "armv7l"),
        ("aarch64", "aarch64"),
        ("unknown", "loongarch64"),
        ("unknown", "mips"),
    ],
)
def test_words_for_one_architecture(machine, arch):
    fit("m", {**SAID, "arch": machine}, {**KERNEL, "arch": arch})


@pytest.mark.parametrize(
    ("said", "kernel", "part"),
    [
        ({"release": "6.2"}, {}, r"The build of m is for 6.2 \(x86_64\), the host runs 6.1 \(x86_64\)"),
        ({"arch": "aarch64"}, {}, r"is for 6.1 \(aarch64\), the host runs 6.1 \(x86_64\)"),
        ({"arch": "unknown"}, {}, r"is for 6.1 \(unknown\)"),
        ({}, {"arch": "mips"}, r"the host runs 6.1 \(mips\)"),
        ({"release": ""}, {}, "is for  "),
        ({}, {"sig_enforce": True}, "would refuse m: .* our build is not signed"),
        ({}, {"lockdown": "integrity"}, "loads signed modules only"),
        ({}, {"lockdown": "confidentiality"}, "loads signed modules only"),
        ({"signed": True, "signer": SIGNER}, STRICT, "would refuse m: .* signed by CN=me .* is not enrolled"),
    ],
)
def test_what_does_not_fit(said, kernel, part):
    with pytest.raises(KmodError, match=part):
        fit("m", {**SAID, **said}, {**KERNEL, **kernel})
