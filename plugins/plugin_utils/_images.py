# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The store on the controller: every build by its fingerprint, so that no host need build what another one built."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._elf import ARCHITECTURES, describe
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import (
    make_dir,
    read_bytes,
    read_json,
    sha256,
    write_atomic,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._names import normalise
from ansible_collections.procfleet.procfs.plugins.plugin_utils._trust import check_trust

LOCK_TIMEOUT = 60.0
TURN_TIMEOUT = 600.0  # many signatures may come before ours, and a token takes its time
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
# What `uname -m` says -> what an image of it says, where the two have different words.
_FAMILIES = {"i386": "i686", "i486": "i686", "i586": "i686", "armv5tel": "armv7l", "armv6l": "armv7l"}


class ImageStore:
    """Built modules in a folder, one file for the image and one for its record, which is written last.

    An entry is whole or not there, and it is never replaced while it is whole.
    :param folder: where; it is made at the first write.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(os.path.expandvars(folder)).expanduser()

    def put(
        self, name: str, fingerprint: str, encoded: str, expected: str, signer: dict[str, Any] | None = None
    ) -> None:
        """Keep an image that a builder sent, if this build is not here yet.

        :param encoded: the image in base64.
        :param expected: the SHA-256 that the builder says it has.
        :param signer: who signed it, as `_certificate.read_certificate` has it.
        :raises KmodError: when it arrived damaged, or the disk is full; then nothing is kept.
        """
        path = self._path(name, fingerprint, "ko")
        image = _decoded(name, encoded, expected)
        record = {**describe(image), "sha256": expected, "fingerprint": fingerprint, "signer": signer}
        with _one_writer(path.parent):
            if self.get(name, fingerprint) is None:
                write_atomic(str(path), image, 0o600)
                self._write(name, fingerprint, "json", record)
        self.forget_failure(name, fingerprint)

    def get(self, name: str, fingerprint: str) -> tuple[bytes, dict[str, Any]] | None:
        """Return an image, what it says of itself and its `signer`; None if it is not there, or not whole any more."""
        record = read_json(str(self._path(name, fingerprint, "json")))
        image = read_bytes(str(self._path(name, fingerprint, "ko")))
        if image is None or record.get("sha256") != sha256(image):
            return None
        said = describe(image)
        return image, {**said, "signer": record.get("signer")} if said["signed"] else said

    def damaged(self, name: str, fingerprint: str) -> bool:
        """Say whether a build lies here that is not the one that was put."""
        return self._path(name, fingerprint, "json").exists() and self.get(name, fingerprint) is None

    def note_failure(self, name: str, fingerprint: str, host: str, lines: list[str]) -> None:
        """Remember why a build is not here, for the hosts that wait for it."""
        self._write(name, fingerprint, "failed", {"host": host, "lines": lines})

    def forget_failure(self, name: str, fingerprint: str) -> None:
        """Take back what an earlier run noted: it is tried again, or it is here now."""
        with contextlib.suppress(OSError):
            self._path(name, fingerprint, "failed").unlink()

    def pass_failure(self, name: str, fingerprint: str, heir: str) -> None:
        """Note for what would have been made of a build why that build is not here."""
        note = read_json(str(self._path(name, fingerprint, "failed")))
        if note:
            self._write(name, heir, "failed", note)
        else:
            self.forget_failure(name, heir)

    def failure(self, name: str, fingerprint: str) -> str:
        """Return why a build is not here, for people."""
        note = read_json(str(self._path(name, fingerprint, "failed")))
        host, lines = note.get("host"), note.get("lines")
        if not host or not isinstance(lines, list):
            return f"{name} was not built: the host that was to build it did not deliver"
        return "\n  ".join([f"{name} does not build on {host}; what ran before runs on:", *map(str, lines)])

    def turn(self) -> contextlib.AbstractContextManager[None]:
        """Hold the whole store for what only one may do at a time."""
        return _one_writer(self.folder, TURN_TIMEOUT)

    def _write(self, name: str, fingerprint: str, kind: str, value: dict[str, Any]) -> None:
        write_atomic(str(self._path(name, fingerprint, kind)), json.dumps(value).encode(), 0o600)

    def _path(self, name: str, fingerprint: str, kind: str) -> Path:
        if not _DIGEST.match(str(fingerprint)):
            raise KmodError(
                f"{str(fingerprint)[:80]!r} is no fingerprint", "the store takes 64 hexadecimal digits", "Correct it"
            )
        return self.folder / fingerprint[:2] / f"{normalise(name)}-{fingerprint[:32]}.{kind}"


@contextlib.contextmanager
def _one_writer(folder: Path, timeout: float | None = None) -> Iterator[None]:
    """Keep all others from writing below the folder meanwhile, where its file system knows locks.

    :raises KmodError: when another one holds it all the time.
    """
    timeout = LOCK_TIMEOUT if timeout is None else timeout
    try:
        make_dir(str(folder))
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise KmodError(f"The store cannot be written at {folder}", why, "Make room, or correct kmod_store") from error
    deadline = time.monotonic() + timeout
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise KmodError(
                        f"The store cannot be written at {folder}",
                        f"others, of this run or of another controller, have held it for {timeout:g} s",
                        "Wait for them, or end them, and run again",
                    ) from None
                time.sleep(0.05)
                continue
            except OSError:  # no locks there: what two builders make of one build is the same
                pass
            break
        yield
    finally:
        os.close(descriptor)


def _decoded(name: str, encoded: str, expected: str) -> bytes:
    """Return the image that was sent, if it is a module of this name and has the sum that was said."""
    try:
        image = base64.b64decode(encoded, validate=True)
    except (ValueError, TypeError) as error:
        raise KmodError(f"The build of {name} arrived damaged", str(error), "Run again") from error
    if sha256(image) != expected:
        raise KmodError(f"The build of {name} arrived damaged", "its SHA-256 is not the builder's", "Run again")
    said = describe(image)["name"]
    if said and normalise(said) != normalise(name):
        raise KmodError(f"The builder sent {said} as {name}", "", "Look at that host before you run again")
    return image


def fit(name: str, record: dict[str, Any], kernel: dict[str, Any]) -> None:
    """Refuse an image that the host's kernel would not take, before it is sent.

    :param record: what the image says of itself.
    :param kernel: the host's kernel, as `kmod_info` returns it.
    :raises KmodError: naming release and architecture of both.
    """
    if record["release"] != kernel["release"] or record["arch"] != _family(kernel["arch"]):
        raise KmodError(
            f"The build of {name} is for {record['release']} ({record['arch']}), the host runs "
            f"{kernel['release']} ({kernel['arch']})",
            "",
            "It was not sent; run again to build the right one",
        )
    if not (record["signed"] and record.get("signer") is None):  # whose it is, is then the kernel's to say
        check_trust([name], record.get("signer"), kernel)


def _family(arch: str) -> str:
    """Return the word that `_elf.describe` has for an architecture of `uname -m`."""
    return _FAMILIES.get(arch, arch if arch in ARCHITECTURES else "unknown")
