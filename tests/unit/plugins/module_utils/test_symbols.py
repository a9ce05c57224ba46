# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real module against what a kernel exports."""

from __future__ import annotations

import random

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import sections
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._symbols import _versions, parse_symvers, unresolved


@pytest.fixture
def exported(image):
    """What the kernel exports that the recorded module was built for, as far as the module needs it."""
    return dict(_versions(image, sections(image)["__versions"]))


def test_the_lines_of_a_kernel():
    text = (
        "0x92997ed8\t_printk\tvmlinux\tEXPORT_SYMBOL\t\n"
        "0x00000000\texported\t/var/lib/x\tEXPORT_SYMBOL_GPL\n"
        "cut short\n\n0xzz\n"
    )
    assert parse_symvers(text) == {"_printk": 0x92997ED8, "exported": 0}


def test_all_is_there(image, exported):
    assert {"module_layout", "crc7_be"} <= set(exported)
    assert unresolved(image, exported) == []


def test_a_symbol_that_is_missing(image, exported):
    del exported["crc7_be"]
    assert unresolved(image, exported) == ["crc7_be (not exported)"]


def test_a_symbol_in_another_version(image, exported):
    assert unresolved(image, {**exported, "crc7_be": 1}) == ["crc7_be (in another version)"]


def test_a_kernel_without_versions(image, exported):
    assert unresolved(image, dict.fromkeys(exported, 0)) == []


def test_noise_never_leaks_another_exception(image, exported):
    chance = random.Random(1)  # noqa: S311
    for _ in range(300):
        noisy = bytearray(image)
        for _ in range(20):
            noisy[chance.randrange(64, len(image))] = chance.randrange(256)
        try:
            assert isinstance(unresolved(bytes(noisy), exported), list)
        except KmodError as error:
            assert "damaged" in error.message
