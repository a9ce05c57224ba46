# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificate that builds are signed with, on the controller."""

from __future__ import annotations

import datetime
import os
import sys
from typing import TYPE_CHECKING, Any

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256

if TYPE_CHECKING:
    from cryptography import x509

    Certificate = x509.Certificate
else:
    Certificate = Any  # where nothing is signed, the controller need not have cryptography


def check_cryptography() -> None:
    """Refuse a controller on which no certificate can be read.

    :raises KmodError: when the package is not there, or too old to say until when a certificate is valid.
    """
    try:
        from cryptography import __version__, x509  # noqa: PLC0415 - only who signs needs it
    except ImportError as error:
        why = str(error)
    else:
        if hasattr(x509.Certificate, "not_valid_before_utc"):
            return
        why = f"its cryptography is {__version__}"
    todo = f"Install cryptography 42 or newer for {sys.executable}, or leave kmod_sign_cert empty"
    raise KmodError("This controller cannot sign", why, todo)


def load_certificate(path: str) -> Certificate:
    """Return the X.509 certificate in a file, DER or PEM, as the kernel's sign-file takes both.

    :raises KmodError: when there is none.
    """
    check_cryptography()
    from cryptography import x509  # noqa: PLC0415

    try:
        with open(path, "rb") as stream:
            data = stream.read(1 << 20)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise KmodError(f"The certificate {path} cannot be read", why, "Correct kmod_sign_cert") from error
    try:
        return x509.load_pem_x509_certificate(data) if b"-----BEGIN " in data else x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise KmodError(
            f"{path} holds no certificate", str(error), "Let kmod_sign_cert name an X.509 certificate in DER or PEM"
        ) from error


def describe_certificate(certificate: Certificate) -> dict[str, Any]:
    """Return {id, subject, issuer, serial, key_id}, numbers in hexadecimal as the kernel shows them.

    `id` is the SHA-256 of the whole; `key_id` is "" where the certificate has no subject key id.
    """
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    number = certificate.serial_number
    try:
        key_id = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()
    except (x509.ExtensionNotFound, ValueError):
        key_id = ""
    return {
        "id": sha256(certificate.public_bytes(Encoding.DER)),
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial": number.to_bytes(number.bit_length() // 8 + 1, "big").hex(),  # DER keeps a bit for the sign
        "key_id": key_id,
    }


def read_certificate(path: str) -> dict[str, Any]:
    """Return what `describe_certificate` says of the certificate in a file."""
    return describe_certificate(load_certificate(path))


def check_dates(path: str, certificate: Certificate, now: datetime.datetime) -> None:
    """Refuse a certificate that is not valid now.

    :raises KmodError: with its dates. The kernel itself does not look at them; who reads the signature later may.
    """
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if first <= now <= last:
        return
    why = f"it expired at {_utc(last)}" if now > last else f"it is not valid before {_utc(first)}"
    raise KmodError(
        f"The certificate {path} cannot sign now", f"{why}; it is {_utc(now)}", "Correct the clock, or renew it"
    )


def _utc(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
