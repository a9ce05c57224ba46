# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real module's image, and damaged ones: an answer or a KmodError, never anything else."""

from __future__ import annotations

import random
import struct

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _elf
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

BUILD_ID = bytes.fromhex("5f1d" * 10)


def test_a_real_module(image):
    said = _elf.describe(image)
    assert said.pop("build_id") == "5de1939a9a53bd8d1209c7118de921dde9e3d1f9"
    assert said == {
        "name": "tiny",
        "vermagic": "6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions ",
        "release": "6.1.0-56-cloud-amd64",
        "version": "1.2",
        "depends": ["crc7"],
        "parameters": {"flag": "bool", "mode": "ushort", "many": "array of int", "label": "charp"},
        "arch": "x86_64",
        "signed": False,
    }


def test_a_signed_module(image):
    assert _elf.describe(image + b"signature~Module signature appended~\n")["signed"]


def test_sections_without_content(image):
    assert _elf.sections(image)[".bss"] == b""


def test_cut_anywhere(image):
    for length in [*range(200), *range(200, len(image), 97), len(image) - 40]:
        with pytest.raises(KmodError, match="image is damaged"):
            _elf.describe(image[:length])


@pytest.mark.parametrize("offset", [2**64 - 1, 2**63, 2**32, 0])
def test_a_section_table_elsewhere(image, offset):
    with pytest.raises(KmodError, match="image is damaged"):
        _elf.describe(image[:40] + struct.pack("<Q", offset) + image[48:])


def test_noise_never_leaks_another_exception(image):
    chance = random.Random(1)  # noqa: S311
    damaged = 0
    for _ in range(300):
        noisy = bytearray(image)
        for _ in range(20):
            noisy[chance.choice([chance.randrange(64), chance.randrange(len(image) - 2500, len(image))])] = (
                chance.randrange(256)
            )
        try:
            _elf.describe(bytes(noisy))
        except KmodError:
            damaged += 1
    assert damaged > 100


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"MZ" * 100, b"\x1f\x8b" + bytes(100)])
def test_what_is_no_elf(data):
    with pytest.raises(KmodError, match="image is damaged"):
        _elf.sections(data)


def image_of(order, bits, beyond=0):
    """An image with one note, as another architecture has it."""
    names = b"\0.note.gnu.build-id\0.shstrtab\0"
    note = struct.pack(order + "III", 4, 20, 3) + b"GNU\0" + BUILD_ID
    start = 64
    layout = "IIQQQQIIQQ" if bits == 64 else "IIIIIIIIII"
    sections = [(0, 0, 0, 0), (1, 7, start, len(note) + beyond), (20, 3, start + len(note), len(names))]
    headers = b"".join(struct.pack(order + layout, n, t, 0, 0, at, size, 0, 0, 0, 0) for n, t, at, size in sections)
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    at = start + len(note) + len(names)
    size = struct.calcsize(order + layout)
    if bits == 64:
        rest = struct.pack(order + "HHIQQQIHHHHHH", 1, 62, 1, 0, 0, at, 0, 64, 0, 0, size, 3, 2)
    else:
        rest = struct.pack(order + "HHIIIIIHHHHHH", 1, 8, 1, 0, 0, at, 0, 52, 0, 0, size, 3, 2)
    return (ident + rest).ljust(start, b"\0") + note + names + headers


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_other_architectures(order, bits):
    said = _elf.describe(image_of(order, bits))
    assert said["build_id"] == BUILD_ID.hex()
    assert (said["vermagic"], said["release"], said["depends"], said["parameters"]) == ("", "", [], {})
    assert said["arch"] == ("x86_64" if bits == 64 else "unknown")


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"x" * 15,
        struct.pack("<III", 4, 20, 1) + b"GNU\0" + BUILD_ID,
        struct.pack("<III", 4, 20, 3) + b"XXX\0" + BUILD_ID,
    ],
)
def test_what_is_no_build_id(note):
    assert _elf.build_id(note) is None


def test_a_section_that_ends_behind_the_file():
    with pytest.raises(KmodError, match="a section ends behind the end of the file"):
        _elf.describe(image_of("<", 64, beyond=10000))


def test_modinfo_keeps_every_value_in_order():
    assert _elf.modinfo(b"alias=b\0alias=a\0\0junk\0parm=x:a=b\0\xff=1\0") == {
        "alias": ["b", "a"],
        "parm": ["x:a=b"],
        "\ufffd": ["1"],
    }
