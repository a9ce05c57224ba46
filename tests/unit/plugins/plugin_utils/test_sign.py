# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Signing on the controller with the kernel's own sign-file, and all that stops it before anything is built."""

from __future__ import annotations

import os

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import describe
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._sign import PIN, Signing, find_sign_file
from ansible_collections.procfleet.procfs.tests.certificates import issue

SECRET = "sesame-13"  # noqa: S105 - opens nothing but the keys made here


@pytest.fixture(autouse=True)
def no_pin(monkeypatch):
    monkeypatch.delenv(PIN, raising=False)


@pytest.fixture
def signing(tmp_path):
    """Return a function that gives a Signing with a new key; what is named replaces it."""

    def make(key=None, certificate=None, sign_file="", **how):
        made = issue(tmp_path, **how)
        return Signing(str(key or made[0]), str(certificate or made[1]), sign_file)

    return make


@pytest.fixture
def program(tmp_path):
    """A sign-file of our own making."""

    def make(text):
        path = tmp_path / "sign-file"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o700)
        return str(path)

    return make


def refusal(signing):
    with pytest.raises(KmodError) as caught:
        signing.check()
        signing.try_token()
    assert SECRET not in caught.value.message
    return caught.value.message


def test_the_kernels_own_tool_signs(signing, image):
    one = signing()
    one.check()
    signed = one.sign("tiny", image)
    assert signed.startswith(image)
    said, before = describe(signed), describe(image)
    assert said["signed"]
    assert said["build_id"] == before["build_id"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_key_and_certificate_in_one_file(signing, tmp_path, image, order):
    """As the kernel's own build keeps them."""
    made, both = issue(tmp_path), tmp_path / "both.pem"
    both.write_text("".join(made[place].read_text() for place in order))
    both.chmod(0o600)
    one = Signing(str(both), str(both), "")
    one.check()
    assert describe(one.sign("tiny", image))["signed"]


def test_a_passphrase_from_the_environment(signing, image, monkeypatch):
    one = signing(pin=SECRET)
    monkeypatch.setenv(PIN, SECRET)
    one.check()
    assert describe(one.sign("tiny", image))["signed"]


def test_a_passphrase_that_the_key_does_not_need(signing, monkeypatch):
    monkeypatch.setenv(PIN, SECRET)
    signing().check()


def test_a_passphrase_that_is_not_given(signing):
    assert f"has a passphrase: {PIN} is not set. Export {PIN}" in refusal(signing(pin=SECRET))


def test_a_wrong_passphrase(signing, monkeypatch):
    monkeypatch.setenv(PIN, "open " + SECRET)
    assert f"cannot be opened: the passphrase in {PIN} is wrong" in refusal(signing(pin=SECRET))


def test_a_certificate_of_another_key(signing, tmp_path):
    other = issue(tmp_path, "other")[1]
    assert "other.pem is not of the key" in refusal(signing(certificate=other))


def test_an_expired_certificate(signing):
    assert "cannot sign now: it expired" in refusal(signing(days=(-9, -1)))


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o620])
def test_a_key_that_is_open_to_others(signing, mode):
    one = signing()
    os.chmod(one.key, mode)
    assert f"is open to others: its mode is {mode:04o}. Run `chmod 600 " in refusal(one)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_a_key_that_is_kept_well(signing, mode):
    one = signing()
    os.chmod(one.key, mode)
    one.check()


@pytest.mark.parametrize("content", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key(signing, tmp_path, content):
    (tmp_path / "k").write_text(content)
    (tmp_path / "k").chmod(0o600)
    assert "k holds no private key in PEM" in refusal(signing(key=tmp_path / "k"))


def test_files_that_are_not_there(signing):
    assert "The key /no/key cannot be read: No such file or directory" in refusal(signing(key="/no/key"))
    assert "The certificate /no/c cannot be read: No such file" in refusal(signing(certificate="/no/c"))
    assert "sign-file is not on the controller: there is no program at /no/f" in refusal(signing(sign_file="/no/f"))


def test_how_a_key_can_be_written(monkeypatch):
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.setenv("KEYS", "/k")
    written = ("~/a.key", "$KEYS/a.key", "/a.key", "pkcs11:token=$KEYS")
    assert [Signing.of(key, "", "").key for key in written] == ["/h/a.key", "/k/a.key", "/a.key", "pkcs11:token=$KEYS"]


def test_where_sign_file_is_looked_for(tmp_path):
    for version, mode in (("6.1", 0o755), ("6.12", 0o755), ("6.9", 0o644)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "sign-file").touch(mode)
    (tmp_path / "6.9/sign-file").rename(tmp_path / "6.9/other")
    pattern = f"{tmp_path}/*/sign-file"
    assert find_sign_file("", (f"{tmp_path}/none/*", pattern)) == f"{tmp_path}/6.12/sign-file"
    with pytest.raises(KmodError, match=r"there is no program at .*/none/\*, .*Install a kernel's headers"):
        find_sign_file("", (f"{tmp_path}/none/*", f"{tmp_path}/6.9/*"))


def test_a_sign_file_that_fails_is_quoted(signing, program, image):
    one = signing(sign_file=program("echo 'SSL error: no such slot' >&2; exit 1"))
    with pytest.raises(KmodError, match=r"tiny cannot be signed with .*signer.key: sign-file says: SSL error: no such"):
        one.sign("tiny", image)


@pytest.mark.parametrize("text", ["true", 'echo >>"$4"', 'echo gone >"$4"'])
def test_a_sign_file_that_does_not_sign(signing, program, image, text):
    with pytest.raises(KmodError, match="sign"):
        signing(sign_file=program(text)).sign("tiny", image)


def test_a_key_on_a_token_is_tried(signing, program, monkeypatch):
    """Only sign-file can say whether it fits."""
    monkeypatch.setenv(PIN, SECRET)
    one = signing(key="pkcs11:token=t;object=o", sign_file=program(f'[ "${PIN}" = {SECRET} ] && echo "$2" >>"$4"'))
    one.check()
    one.try_token()
    assert "a trial cannot be signed with pkcs11:token=t: sign-file says: no token. See that the URI" in refusal(
        signing(key="pkcs11:token=t", sign_file=program("echo no token >&2; exit 1"))
    )


def test_a_token_is_not_asked_but_for_the_trial(signing, program):
    """It counts wrong PINs, and locks itself."""
    signing(key="pkcs11:token=t", sign_file=program("exit 1")).check()


def test_a_key_in_a_file_needs_no_trial(signing, program):
    signing(sign_file=program("exit 1")).try_token()


@pytest.mark.parametrize(("uri", "sign"), [("pkcs11:token=t", "?"), ("pkcs11:token=t?module-name=m", "&")])
def test_the_pin_reaches_the_token_and_no_disk(signing, program, monkeypatch, uri, sign):
    """A provider of OpenSSL is told where the PIN is; sign-file itself gives it to engines only."""
    monkeypatch.setenv(PIN, SECRET)
    begin = f"{uri}{sign}pin-source=file:"
    text = (
        f'file="${{2#"{begin}"}}"; [ "$(cat $file)$(cat $file)" = {SECRET}{SECRET} ] || exit 1; readlink $file >>"$4"'
    )
    assert signing(key=uri, sign_file=program(text))._sign_file(b"", "m").startswith(b"/memfd:pin")


@pytest.mark.parametrize(("pin", "uri"), [("", "pkcs11:token=t"), (SECRET, "pkcs11:token=t?pin-source=file:/p")])
def test_a_uri_that_needs_nothing_more(signing, program, monkeypatch, pin, uri):
    monkeypatch.setenv(PIN, pin)
    assert signing(key=uri, sign_file=program('echo "$2" >>"$4"'))._sign_file(b"", "m").decode() == uri + "\n"


def test_a_pin_in_the_uri(signing):
    said = refusal(signing(key=f"pkcs11:token=t?pin-value={SECRET}"))
    assert "kmod_sign_key carries a PIN" in said


def test_nothing_is_left_behind(signing, image, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    signing().sign("tiny", image)
    assert list((tmp_path / "tmp").iterdir()) == []
