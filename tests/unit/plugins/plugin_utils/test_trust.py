# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a kernel would take a module: what is refused is explained, and nothing else is refused."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._trust import check_trust, describe

FREE = {"release": "6.1", "sig_enforce": False, "lockdown": "none", "secure_boot": None, "keyrings": [], "trusted": []}
LOCKED = {
    **FREE,
    "sig_enforce": True,
    "lockdown": "integrity",
    "secure_boot": True,
    "keyrings": [".builtin_trusted_keys", ".platform"],
    "trusted": [{"name": "Maker", "id": "aa01", "keyring": ".builtin_trusted_keys"}],
}
SIGNER = {"id": "f" * 64, "subject": "CN=me", "issuer": "CN=me", "serial": "2b92", "key_id": "bb02"}


def refusal(kernel, signer):
    with pytest.raises(KmodError) as caught:
        check_trust(["a", "b"], signer, kernel)
    return caught.value.message


@pytest.mark.parametrize("signer", [None, SIGNER])
@pytest.mark.parametrize("lockdown", ["none", None])
def test_a_kernel_that_takes_all(signer, lockdown):
    check_trust(["a"], signer, {**FREE, "lockdown": lockdown})


def test_unsigned():
    assert refusal(LOCKED, None) == (
        "Kernel 6.1 would refuse a, b: it loads signed modules only (Secure Boot is on, lockdown is integrity, "
        "module.sig_enforce is on), and our build is not signed. Searched: .builtin_trusted_keys has Maker (aa01); "
        ".platform has none. Set kmod_sign_key and kmod_sign_cert to a key that it trusts, or to one that you enrol; "
        "docs/signing.md says how."
    )


def test_signed_by_a_stranger():
    said = refusal(LOCKED, SIGNER)
    assert "signed by CN=me (issued by itself, serial 2b92, key id bb02), which is not enrolled" in said
    assert "Searched: .builtin_trusted_keys has Maker (aa01); .platform has none" in said
    assert "mokutil --import" in said


@pytest.mark.parametrize(
    ("signer", "number"), [({}, "bb02"), ({"key_id": ""}, "2b92")], ids=["by its key id", "by its serial number"]
)
@pytest.mark.parametrize("ring", [".platform", ""])
def test_signed_by_one_that_is_enrolled(signer, number, ring):
    check_trust(["a"], {**SIGNER, **signer}, {**LOCKED, "trusted": [{"name": "x", "id": number, "keyring": ring}]})


def test_a_serial_number_is_no_key_id():
    assert refusal({**LOCKED, "trusted": [{"name": "x", "id": "2b92", "keyring": ".platform"}]}, SIGNER)


def test_a_host_that_shows_no_keyrings_is_left_to_say_it_itself():
    check_trust(["a"], SIGNER, {**LOCKED, "keyrings": [], "trusted": []})
    assert "shows none of its keyrings" in refusal({**LOCKED, "keyrings": [], "trusted": []}, None)


def test_keyrings_whose_content_is_not_known():
    known = {**LOCKED, "trusted": [{"name": "Maker", "id": "aa01", "keyring": ""}]}
    assert ".platform has none; one of them has Maker (aa01)" in refusal(known, SIGNER)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sig_enforce": True}, "(no EFI, module.sig_enforce is on)"),
        ({"lockdown": "confidentiality", "secure_boot": False}, "(Secure Boot is off, lockdown is confidentiality)"),
    ],
)
def test_why_a_kernel_is_strict(change, said):
    assert said in refusal({**FREE, **change}, None)


def test_a_signer_of_somebody_elses():
    said = describe({**SIGNER, "issuer": "CN=ca", "key_id": ""})
    assert said == "CN=me (issued by CN=ca, serial 2b92, without a key id)"
