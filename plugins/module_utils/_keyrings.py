# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificates by which the kernel knows who may sign a module. See /proc/keys in proc(5), and keyctl(2)."""

from __future__ import annotations

import os
import re
import struct
import sys
from typing import Any, Callable, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._files import read_text

# Where a module's signer is looked for. The second links to the third. The last one is the firmware's (`db`) and shim's
# (MokList): the distributions' kernels look there as well, one from kernel.org may not.
TRUSTED = (".builtin_trusted_keys", ".secondary_trusted_keys", ".machine", ".platform")
PROC_KEYS = "/proc/keys"
_KEYCTL_READ = 11
_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "loongarch64": 219, "ppc64le": 271, "s390x": 280}
# serial, flags, usage, timeout, permissions, uid, gid, type, description: all that security/keys/proc.c prints.
_LINE = re.compile(r"([0-9a-f]+) (\S{7}) +\d+ +\S+ [0-9a-f]+ +\d+ +\d+ (\S+) +(.*)")
# A certificate's description ends in its subject key id, or in its serial number where it has none.
_CERTIFICATE = re.compile(r"(.*): ([0-9a-f]+): X509\.\S+ .*\[.*\]\Z")
_GONE = re.compile(r"[RDi]")  # revoked, dead, invalidated


class Key(NamedTuple):
    """One line of /proc/keys: the kernel's number of the key, its type (nine letters at most), its description."""

    serial: int
    type: str
    description: str


def probe_keyrings() -> dict[str, Any]:
    """Return {keyrings, trusted}: the keyrings that are there, and the certificates in them."""
    return trusted(parse_keys(read_text(PROC_KEYS) or ""), members)


def parse_keys(text: str) -> list[Key]:
    """Return the keys that can be used."""
    found = filter(None, map(_LINE.match, text.splitlines()))
    return [Key(int(one[1], 16), one[3], one[4]) for one in found if not _GONE.search(one[2])]


def trusted(keys: list[Key], members: Callable[[int], set[int] | None]) -> dict[str, Any]:
    """Return {keyrings, trusted}; each certificate is {name, id, keyring}, keyring "" where the kernel did not say.

    :param members: says what is in a keyring, by the kernel's numbers; None where that cannot be known.
    """
    names = {key.description.rpartition(": ")[0]: key.serial for key in keys if key.type == "keyring"}
    rings = {name: members(names[name]) for name in TRUSTED if name in names}
    unknown = None in rings.values()
    certificates = []
    for key in keys:
        found = _CERTIFICATE.match(key.description) if key.type.startswith("asymmetri") else None
        ring = next((name for name, held in rings.items() if held and key.serial in held), "")
        if found and (ring or unknown):
            certificates.append({"name": found[1], "id": found[2], "keyring": ring})
    return {"keyrings": list(rings), "trusted": certificates}


def members(keyring: int) -> set[int] | None:
    """Return the numbers of the keys in a keyring; None where the kernel cannot be asked."""
    number = _KEYCTL.get(os.uname().machine)
    if number is None or sys.maxsize < 1 << 32:  # a program of 32 bits has other numbers
        return None
    try:
        import ctypes  # noqa: PLC0415 - some distributions package it apart

        read = ctypes.CDLL(None).syscall
    except (ImportError, OSError, AttributeError):
        return None
    read.restype = ctypes.c_long
    room = ctypes.create_string_buffer(4096)
    length = read(ctypes.c_long(number), _KEYCTL_READ, ctypes.c_int(keyring), room, ctypes.c_size_t(len(room)))
    if not 0 <= length <= len(room):  # refused, or more than fits
        return None
    return set(struct.unpack_from("=%di" % (length // 4), room.raw))
