# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A key is tried once for all hosts that need it; a token would lock itself after a few wrong PINs."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore
from ansible_collections.procfleet.procfs.plugins.plugin_utils._trial import unable
from ansible_collections.procfleet.procfs.tests.certificates import issue

BUILD, SIGNED = "a" * 64, "b" * 64
TINY = [{"name": "tiny", "build": BUILD, "fingerprint": SIGNED}]
NOTHING = {"sign_key": "", "sign_cert": "", "sign_file": ""}


@pytest.fixture
def store(tmp_path):
    return ImageStore(str(tmp_path / "store"))


@pytest.fixture
def token(tmp_path):
    """What signs, on a token that refuses each PIN and counts."""
    program, count = tmp_path / "sign-file", tmp_path / "count"
    program.write_text(f'#!/bin/sh\necho "$2" >>{count}\necho wrong PIN >&2\nexit 1\n')
    program.chmod(0o700)
    count.touch()
    own = {"sign_key": "pkcs11:token=t", "sign_cert": str(issue(tmp_path)[1]), "sign_file": str(program)}
    return own, lambda: count.read_text().splitlines()


def host(own, modules=TINY):
    return {"own": own, "plan": {"sign": modules}}


def test_a_wrong_pin_is_tried_once_and_told_to_each_host_that_needs_it(store, token):
    own, tried = token
    hosts = {f"web{number}": host(own) for number in range(100)}
    found = unable({**hosts, "calm": host(own, [])}, store)
    assert list(found) == list(hosts)
    assert all(
        "a trial cannot be signed with pkcs11:token=t: sign-file says: wrong PIN" in one for one in found.values()
    )
    assert tried() == ["pkcs11:token=t"]


def test_each_key_is_tried(store, token):
    own, tried = token
    other = {**own, "sign_key": "pkcs11:token=other"}
    assert list(unable({"a": host(own), "b": host(other), "c": host(own)}, store)) == ["a", "b", "c"]
    assert tried() == ["pkcs11:token=t", "pkcs11:token=other"]


def test_one_host_with_another_key_does_not_stop_the_others(store, token, tmp_path):
    key, certificate = issue(tmp_path, "good")
    good = {"sign_key": str(key), "sign_cert": str(certificate), "sign_file": ""}
    assert list(unable({"a": host(token[0]), "b": host(good)}, store)) == ["a"]


def test_where_all_is_signed_before_nothing_is_tried(store, token, image):
    own, tried = token
    store.put("tiny", SIGNED, base64.b64encode(image).decode(), sha256(image))
    assert unable({"a": host(own)}, store) == {}
    assert tried() == []


@pytest.mark.parametrize(
    ("own", "modules", "refused"),
    [
        ({}, TINY, False),
        (NOTHING, TINY, False),
        ({**NOTHING, "sign_key": "/k"}, [], True),
        ({**NOTHING, "sign_cert": "/c"}, [], False),
        ({**NOTHING, "sign_cert": "/c"}, TINY, True),
    ],
)
def test_one_without_the_other_is_not_taken_for_none(store, own, modules, refused):
    found = unable({"a": host(own, modules)}, store)
    assert ["one is empty" in one for one in found.values()] == [True] * refused


def test_paths_as_users_write_them(store, tmp_path, monkeypatch):
    issue(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert unable({"a": host({"sign_key": "~/signer.key", "sign_cert": "~/signer.pem", "sign_file": ""})}, store) == {}
