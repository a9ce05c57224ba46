# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Builds in the store are signed once, on the controller; what cannot sign is refused before that."""

from __future__ import annotations

import base64
import contextlib

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.procfleet.procfs.plugins.action import kmod_sign
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256
from ansible_collections.procfleet.procfs.plugins.plugin_utils import _images, _sign
from ansible_collections.procfleet.procfs.plugins.plugin_utils._certificate import read_certificate
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore
from ansible_collections.procfleet.procfs.tests.certificates import issue

BUILD, SIGNED = "a" * 64, "b" * 64
TINY = {"name": "tiny", "build": BUILD, "fingerprint": SIGNED}


@pytest.fixture
def store(tmp_path, image):
    """A store that holds tiny, unsigned."""
    store = ImageStore(str(tmp_path / "store"))
    store.put("tiny", BUILD, base64.b64encode(image).decode(), sha256(image))
    return store


@pytest.fixture
def signer(tmp_path):
    key, certificate = issue(tmp_path)
    return {"key": str(key), "certificate": str(certificate)}


@pytest.fixture
def run(action, store, signer):
    def run(*modules, check=False, **more):
        given = {"modules": list(modules), "store": str(store.folder), **signer, **more}
        return action(kmod_sign, check=check, **given).run(None, {})

    run.signer = signer
    return run


def test_a_build_is_signed_and_the_unsigned_one_stays(run, store, signer, image):
    result = run(TINY)
    assert (result["changed"], result["signed"]) == (False, ["tiny"])
    signed, said = store.get("tiny", SIGNED)
    assert signed.startswith(image)
    assert said["signed"]
    assert said["signer"] == read_certificate(signer["certificate"])
    assert store.get("tiny", BUILD)[0] == image


def test_once_is_enough(run, store, monkeypatch):
    run(TINY)
    before = store.get("tiny", SIGNED)
    monkeypatch.setattr(_sign.Signing, "sign", None)
    assert run(TINY)["signed"] == []
    assert store.get("tiny", SIGNED) == before


def test_what_another_host_has_signed_meanwhile_is_not_signed_again(run, store, monkeypatch):
    """All hosts come at once, and each waits for its turn."""
    turn = _images.ImageStore.turn

    @contextlib.contextmanager
    def late(self):
        with turn(self):
            monkeypatch.setattr(_images.ImageStore, "turn", turn)
            signing = _sign.Signing.of(*(run.signer[key] for key in ("key", "certificate")), "")
            assert kmod_sign.sign([TINY], signing, store) == ["tiny"]
            monkeypatch.setattr(_sign.Signing, "check", None)
            monkeypatch.setattr(_sign.Signing, "sign", None)
            yield

    monkeypatch.setattr(_images.ImageStore, "turn", late)
    assert run(TINY)["signed"] == []
    assert store.get("tiny", SIGNED)


def test_check_mode_signs_nothing(run, store):
    assert run(TINY, check=True)["signed"] == []
    assert store.get("tiny", SIGNED) is None


@pytest.mark.parametrize("more", [{"check": True}, {}])
def test_what_cannot_sign_is_refused_whatever_is_asked(run, store, more):
    with pytest.raises(AnsibleActionFail, match="cannot be read"):
        run(TINY, key="/no/key", **more)
    assert store.get("tiny", SIGNED) is None


def test_where_nothing_is_to_be_signed_no_key_is_needed(run):
    assert run(key="/no/key", certificate="/no/certificate")["signed"] == []


@pytest.mark.parametrize(
    ("modules", "more"), [([], {"certificate": ""}), ([TINY], {"certificate": ""}), ([TINY], {"key": ""})]
)
def test_one_without_the_other_is_not_taken_for_none(run, modules, more):
    with pytest.raises(AnsibleActionFail, match="of kmod_sign_key and kmod_sign_cert, one is empty"):
        run(*modules, **more)


def test_who_has_the_certificate_alone_can_do_all_but_sign(run):
    assert run(key="")["signed"] == []


def test_why_a_build_is_not_there_is_passed_on(run, store):
    store.note_failure("broken", BUILD, "b1", ["broken.c:1: no"])
    assert run({**TINY, "name": "broken"}, TINY)["signed"] == ["tiny"]
    assert "broken.c:1: no" in store.failure("broken", SIGNED)
    store.forget_failure("broken", BUILD)
    run({**TINY, "name": "broken"})
    assert "did not deliver" in store.failure("broken", SIGNED)
