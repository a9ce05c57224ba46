# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fingerprint: the same for the same content, another for every part of it."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._fingerprint import fingerprint, signed

KERNEL = {"release": "6.1", "arch": "x86_64", "compiler": {"name": "gcc-12", "major": 12}, "boot_id": "x"}
BASE = {"sources": {"a.c": "1", "Kbuild": "2"}, "kernel": KERNEL, "flags": ["W=1"], "needed": ["n1", "n2"]}


def test_what_does_not_count():
    kernel = {**KERNEL, "boot_id": "another", "taint": {"value": 1}}
    same = {**BASE, "sources": {"Kbuild": "2", "a.c": "1"}, "kernel": kernel, "needed": ["n2", "n1"]}
    assert fingerprint(**same) == fingerprint(**BASE)
    assert len(fingerprint(**BASE)) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"sources": {"a.c": "9", "Kbuild": "2"}},
        {"sources": {"b.c": "1", "Kbuild": "2"}},
        {"sources": {"a.c": "1"}},
        {"kernel": {**KERNEL, "release": "6.2"}},
        {"kernel": {**KERNEL, "arch": "aarch64"}},
        {"kernel": {**KERNEL, "compiler": {"name": "gcc-13"}}},
        {"flags": []},
        {"flags": ["W=2"]},
        {"needed": ["n1"]},
        {"needed": ["n1", "n3"]},
    ],
)
def test_what_counts(change):
    assert fingerprint(**{**BASE, **change}) != fingerprint(**BASE)


def test_a_build_keeps_its_fingerprint():
    """What was built before there were signatures is still the same build."""
    assert fingerprint(**BASE) == "2d6849096f2947bd83b1a576cb2510d15695e28890a727c0622037fa0593aa21"


def test_a_signed_build_is_another_one_with_each_certificate():
    names = {"b1", signed("b1", "c1"), signed("b1", "c2"), signed("b2", "c1")}
    assert len(names) == 4
    assert signed("b1", "c1") == signed("b1", "c1")
    assert len(signed("b1", "c1")) == 64
