# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a kernel has what a module needs of it, by that kernel's Module.symvers: no need to run it for that."""

from __future__ import annotations

import struct
from typing import Any, Iterator

from ansible_collections.procfleet.procfs.plugins.module_utils._elf import sections
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

# What the linker makes itself, and modpost leaves out as well.
_NOT_EXPORTED = frozenset(("", "__this_module", "_GLOBAL_OFFSET_TABLE_", ".TOC."))
_WEAK = 2


def parse_symvers(text: str) -> dict[str, int]:
    """Return symbol -> CRC of the lines of a Module.symvers: CRC, symbol, exporter, kind of export, namespace."""
    known = {}
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) >= 4 and fields[0].startswith("0x"):
            known[fields[1]] = int(fields[0], 16)
    return known


def unresolved(image: bytes, known: dict[str, int]) -> list[str]:
    """Return the symbols that a module needs and the kernel lacks, or has in another version, for people.

    :param known: symbol -> CRC, of the kernel and of our modules that export something.
    :raises KmodError: when the image is damaged.
    """
    content = sections(image)
    try:
        needed, versions = set(_undefined(image, content)), dict(_versions(image, content.get("__versions", b"")))
    except (struct.error, ValueError, IndexError) as error:
        raise KmodError("The module's image is damaged", str(error), "Build it anew") from error
    lacking = ["%s (not exported)" % name for name in sorted(needed - set(known))]
    other = [name for name, crc in versions.items() if name in known and known[name] not in (0, crc)]
    return lacking + ["%s (in another version)" % name for name in sorted(other)]


def _layout(image: bytes) -> tuple[str, bool]:
    return ("<" if image[5] == 1 else ">"), image[4] == 2


def _undefined(image: bytes, content: dict[str, bytes]) -> Iterator[str]:
    """Yield the names that the symbol table has no place for."""
    order, wide = _layout(image)
    # st_name, st_info, st_other, st_shndx, st_value, st_size; in 32 bits the place comes last
    layout = struct.Struct(order + ("IBBHQQ" if wide else "IIIBBH"))
    names = content.get(".strtab", b"")
    for symbol in layout.iter_unpack(content.get(".symtab", b"")):
        info, place = (symbol[1], symbol[3]) if wide else (symbol[3], symbol[5])
        name = names[symbol[0] : names.index(b"\0", symbol[0])].decode("ascii", "replace") if place == 0 else ""
        if name not in _NOT_EXPORTED and info >> 4 != _WEAK:
            yield name


def _versions(image: bytes, table: bytes) -> Iterator[tuple[str, Any]]:
    """Yield each symbol with the CRC of the version that the module was built for (struct modversion_info)."""
    order, wide = _layout(image)
    for crc, name in struct.iter_unpack(order + ("Q56s" if wide else "I60s"), table):
        yield name.partition(b"\0")[0].decode("ascii", "replace"), crc
