# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a built module says of itself: sections, modinfo, build-id. See elf(5) and gabi's notes."""

from __future__ import annotations

import struct
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

_GNU_BUILD_ID = 3
# e_machine -> what `uname -m` says there.
_MACHINES = {62: "x86_64", 183: "aarch64", 21: "ppc64le", 22: "s390x", 243: "riscv64", 3: "i686", 40: "armv7l"}
ARCHITECTURES = frozenset(_MACHINES.values())
_SIGNATURE_TRAILER = b"~Module signature appended~\n"


def sections(image: bytes) -> dict[str, bytes]:
    """Return the content of each named section of an ELF image.

    :raises KmodError: when the image is not ELF or is cut short.
    """
    try:
        return _sections(image)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise KmodError("The module's image is damaged", str(error), "Build it anew") from error


def _sections(image: bytes) -> dict[str, bytes]:
    if image[:4] != b"\x7fELF":
        raise ValueError("not an ELF file")
    order = "<" if image[5] == 1 else ">"
    is64 = image[4] == 2
    # e_shoff; then e_shentsize, e_shnum, e_shstrndx
    offset = struct.unpack_from(order + ("Q" if is64 else "I"), image, 40 if is64 else 32)[0]
    size, count, names_index = struct.unpack_from(order + "HHH", image, 58 if is64 else 46)
    # sh_name, sh_type, sh_flags, sh_addr, sh_offset, sh_size
    layout = order + ("IIQQQQ" if is64 else "IIIIII")
    headers = [struct.unpack_from(layout, image, offset + i * size) for i in range(count)]
    names = _content(image, headers[names_index])
    return {_string(names, header[0]): _content(image, header) for header in headers}


def _content(image: bytes, header: tuple[int, ...]) -> bytes:
    kind, start, length = header[1], header[4], header[5]
    if kind == 8:  # SHT_NOBITS has no content in the file
        return b""
    if start + length > len(image):
        raise ValueError("a section ends behind the end of the file")
    return image[start : start + length]


def _string(table: bytes, start: int) -> str:
    return table[start : table.index(b"\0", start)].decode("ascii", "replace")


def build_id(note: bytes) -> str | None:
    """Return the build-id in a `.note.gnu.build-id` section, in hexadecimal."""
    for order in "<>":
        if len(note) < 16:
            return None
        name_size, size, kind = struct.unpack_from(order + "III", note)
        if kind == _GNU_BUILD_ID and name_size == 4 and note[12:16] == b"GNU\0":
            return note[16 : 16 + size].hex()
    return None


def modinfo(section: bytes) -> dict[str, list[str]]:
    """Return the `.modinfo` section as tag -> values, in their order."""
    tags: dict[str, list[str]] = {}
    for entry in section.decode("utf-8", "replace").split("\0"):
        tag, sign, value = entry.partition("=")
        if sign:
            tags.setdefault(tag, []).append(value)
    return tags


def describe(image: bytes) -> dict[str, Any]:
    """Return what an image says: build_id, vermagic, release, arch, version, depends, parameters, signed.

    `parameters` maps each name to its kernel type (`ushort`, `bool`, `charp`, `array of int`; "" if unsaid).
    """
    content = sections(image)
    tags = modinfo(content.get(".modinfo", b""))
    vermagic = (tags.get("vermagic") or [""])[0]
    parameters = {entry.partition(":")[0]: "" for entry in tags.get("parm", [])}
    parameters.update(entry.partition(":")[::2] for entry in tags.get("parmtype", []))
    return {
        "name": (tags.get("name") or [""])[0],
        "build_id": build_id(content.get(".note.gnu.build-id", b"")),
        "vermagic": vermagic,
        "release": vermagic.split(" ")[0],
        "version": (tags.get("version") or [""])[0],
        "depends": [name for name in (tags.get("depends") or [""])[0].split(",") if name],
        "parameters": parameters,
        "arch": _MACHINES.get(struct.unpack_from("<H" if image[5] == 1 else ">H", image, 18)[0], "unknown"),
        "signed": image.endswith(_SIGNATURE_TRAILER),
    }
