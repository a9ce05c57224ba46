# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys and certificates for tests, as `openssl req -x509` makes them."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


def issue(folder: Path, name: str = "signer", *, days=(-1, 365), pin: str = "", key_id: bool = True, serial: int = 0):
    """Write <name>.key and <name>.pem; return their paths.

    :param days: from when and until when it is valid, counted from now.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    first, last = (now + datetime.timedelta(days=one) for one in days)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), serial or x509.random_serial_number())
    builder = builder.not_valid_before(first).not_valid_after(last)
    if key_id:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    lock = serialization.BestAvailableEncryption(pin.encode()) if pin else serialization.NoEncryption()
    kind = serialization.PrivateFormat.PKCS8
    paths = folder / f"{name}.key", folder / f"{name}.pem"
    paths[0].write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, lock))
    paths[0].chmod(0o600)
    paths[1].write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return paths
