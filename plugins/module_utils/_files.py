# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files on the target: whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import lzma
import os
import tempfile
import zlib
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError


def read_text(path: str, limit: int = 1 << 20) -> str | None:
    """Return a file's text, at most `limit` bytes of it; None where it cannot be read."""
    data = read_bytes(path, limit)
    return None if data is None else data.decode("utf-8", "replace")


def read_bytes(path: str, limit: int = 1 << 26) -> bytes | None:
    """Return a file's bytes, at most `limit` of them; None where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read(limit)
    except OSError:
        return None


def read_image(path: str) -> bytes | None:
    """Return a module's image, unpacked where it lies packed; None where it cannot be read."""
    data = read_bytes(path)
    return None if data is None else unpacked(data)


def unpacked(data: bytes, limit: int = 1 << 26) -> bytes:
    """Return what is in bytes that were packed by xz or gzip; others as they are, and what is damaged or too large."""
    unpacker: Any = None
    if data.startswith(b"\xfd7zXZ\0"):
        unpacker = lzma.LZMADecompressor()
    if data.startswith(b"\x1f\x8b"):
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        content = unpacker.decompress(data, limit) if unpacker else b""
    except (lzma.LZMAError, zlib.error):
        return data
    return bytes(content) if unpacker and unpacker.eof else data


def read_json(path: str) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where there is none or it is damaged."""
    try:
        value = json.loads(read_text(path) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def sha256(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def make_dir(path: str) -> None:
    """Make a directory for root alone to write to, and its parents."""
    os.makedirs(path, mode=0o755, exist_ok=True)


def write_atomic(path: str, data: bytes, mode: int = 0o644) -> None:
    """Write a file so that any reader, and any power cut, finds the old one or the new one.

    :raises KmodError: when the disk is full or the place cannot be written; the old file is intact.
    """
    temporary = None
    try:
        make_dir(os.path.dirname(path))
        descriptor, temporary = tempfile.mkstemp(prefix=".procfleet-", dir=os.path.dirname(path))
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.rename(temporary, path)
        sync_dir(os.path.dirname(path))
    except OSError as error:
        if temporary:
            remove(temporary)
        raise KmodError(
            "Writing %s failed" % path,
            os.strerror(error.errno or 0),
            "Make room or make the place writable, then run again; the former file is untouched",
        ) from error


def write_json(path: str, value: dict[str, Any]) -> None:
    """Write an object as JSON, whole or not at all."""
    write_atomic(path, json.dumps(value, indent=1, sort_keys=True).encode() + b"\n")


def sync_dir(path: str) -> None:
    """Make a rename in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: str) -> bool:
    """Remove a file if it is there; True if it was."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def remove_empty_dirs(*paths: str) -> None:
    """Remove directories that hold nothing, in the given order; others stay."""
    for path in paths:
        with contextlib.suppress(OSError):
            os.rmdir(path)
