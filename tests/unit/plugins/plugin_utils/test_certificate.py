# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificate that signs: read as the kernel reads it, and refused when it could not sign."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._certificate import (
    check_dates,
    load_certificate,
    read_certificate,
)
from ansible_collections.procfleet.procfs.tests.certificates import issue
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

ROOT = Path(__file__).parents[4]
ACTIONS = sorted((ROOT / "plugins/action").glob("*.py"))
PREFIX = "ansible_collections.procfleet.procfs.plugins"


def test_what_it_says(tmp_path):
    _key, path = issue(tmp_path, serial=0x9A01)
    said = read_certificate(str(path))
    assert (said["subject"], said["issuer"], said["serial"]) == ("CN=signer", "CN=signer", "009a01")
    assert len(said["id"]) == 64
    assert len(said["key_id"]) == 40


def test_a_controller_without_cryptography_says_so(tmp_path, monkeypatch):
    _key, path = issue(tmp_path)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(KmodError, match=r"This controller cannot sign: .*cryptography.*\. Install cryptography 42"):
        load_certificate(str(path))


def test_a_controller_whose_cryptography_is_too_old_says_so(tmp_path, monkeypatch):
    _key, path = issue(tmp_path)
    monkeypatch.setattr(x509, "Certificate", object)
    with pytest.raises(
        KmodError, match=r"This controller cannot sign: its cryptography is \d.*Install cryptography 42"
    ):
        load_certificate(str(path))


def test_who_signs_nothing_needs_no_cryptography():
    """What a play of unsigned modules imports, and Ansible imports the action of a task that it skips as well."""
    names = ", ".join(path.stem for path in ACTIONS)
    said = f"import sys; sys.modules['cryptography'] = None; from {PREFIX}.action import {names}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "collections")}
    done = subprocess.run([sys.executable, "-c", said], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("serial", "shown"), [(1, "01"), (0x7F, "7f"), (0x80, "0080"), (0x1FF, "01ff")])
def test_serial_numbers_are_as_the_kernel_shows_them(tmp_path, serial, shown):
    assert read_certificate(str(issue(tmp_path, serial=serial)[1]))["serial"] == shown


def test_without_a_key_id(tmp_path):
    assert read_certificate(str(issue(tmp_path, key_id=False)[1]))["key_id"] == ""


def test_der_and_pem_are_one_certificate(tmp_path):
    _key, path = issue(tmp_path)
    (tmp_path / "der").write_bytes(load_certificate(str(path)).public_bytes(Encoding.DER))
    assert read_certificate(str(tmp_path / "der")) == read_certificate(str(path))


def test_another_one_of_the_same_name(tmp_path):
    first = read_certificate(str(issue(tmp_path)[1]))
    assert read_certificate(str(issue(tmp_path)[1]))["id"] != first["id"]


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_no_certificate(tmp_path, content):
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(KmodError, match=r"c holds no certificate.*in DER or PEM"):
        read_certificate(str(tmp_path / "c"))


def test_a_key_in_place_of_the_certificate(tmp_path):
    with pytest.raises(KmodError, match="holds no certificate"):
        read_certificate(str(issue(tmp_path)[0]))


def test_no_file(tmp_path):
    with pytest.raises(KmodError, match=r"cannot be read: No such file or directory. Correct kmod_sign_cert"):
        read_certificate(str(tmp_path / "c"))


@pytest.mark.parametrize(
    ("days", "said"),
    [((-10, -1), "it expired at 20"), ((1, 10), "it is not valid before 20")],
)
def test_one_that_is_not_valid_now(tmp_path, days, said):
    path = str(issue(tmp_path, days=days)[1])
    with pytest.raises(KmodError, match=said):
        check_dates(path, load_certificate(path), datetime.datetime.now(datetime.UTC))


def test_its_last_second(tmp_path):
    path = str(issue(tmp_path)[1])
    certificate = load_certificate(path)
    for moment in (certificate.not_valid_before_utc, certificate.not_valid_after_utc):
        check_dates(path, certificate, moment)
