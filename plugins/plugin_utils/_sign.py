# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sign builds on the controller with the kernel's own sign-file; the key stays where it is."""

from __future__ import annotations

import contextlib
import datetime
import glob
import os
import stat
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._command import run
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import describe
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import read_bytes
from ansible_collections.procfleet.procfs.plugins.plugin_utils._certificate import (
    Certificate,
    check_dates,
    load_certificate,
)

# sign-file takes a key's passphrase from this variable of the environment, and from nowhere else.
PIN = "KBUILD_SIGN_PIN"
TOKEN = "pkcs11:"  # noqa: S105 - how a key on a token is named, in RFC 7512
HASH = "sha256"
SECONDS = 60.0
_MANUAL = "docs/signing.md says what else it takes"
# Where distributions put it with a kernel's headers. What it writes is the same for all of them, so any one does.
SIGN_FILES = (
    "/usr/lib/linux-kbuild-*/scripts/sign-file",
    "/lib/modules/*/build/scripts/sign-file",
    "/usr/src/*/scripts/sign-file",
    "/usr/src/kernels/*/scripts/sign-file",
)


class Signing(NamedTuple):
    """What signs: the key (a file, or a PKCS#11 URI), the certificate's file, and sign-file ("" looks for it)."""

    key: str
    certificate: str
    sign_file: str

    @classmethod
    def of(cls, key: str, certificate: str, sign_file: str) -> Signing:
        """Return it as a user wrote it: a file may begin with ~ or hold $VARIABLES, a URI is left as it is."""
        return cls(key if key.startswith(TOKEN) else _expanded(key), _expanded(certificate), _expanded(sign_file))

    def check(self) -> None:
        """Refuse what could not sign; of a token, only what can be seen without its PIN.

        :raises KmodError: naming what is missing or does not fit.
        """
        self._tool()
        certificate = load_certificate(self.certificate)
        check_dates(self.certificate, certificate, datetime.datetime.now(datetime.UTC))
        if self.key.startswith(TOKEN):
            check_uri(self.key)
        else:
            check_key(self.key, certificate, self.certificate)

    def try_token(self) -> None:
        """Sign something, where the key is on a token: nothing else shows that its PIN and the certificate are right.

        :raises KmodError: with sign-file's own words.
        """
        if self.key.startswith(TOKEN):
            self._sign_file(b"a trial", "a trial")

    def sign(self, name: str, image: bytes) -> bytes:
        """Return a module's image with its signature appended.

        :raises KmodError: with sign-file's own words.
        """
        signed = self._sign_file(image, name)
        if not signed.startswith(image) or not describe(signed)["signed"]:
            raise KmodError(f"{self._tool()} did not sign {name}", "its output is no signed module", "Try another one")
        return signed

    def _sign_file(self, image: bytes, name: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="procfleet-sign-") as folder:
            path = os.path.join(folder, "module")
            with open(path, "wb") as stream:
                stream.write(image)
            with _with_pin(self.key) as (key, descriptors):
                # The whole environment: a token's driver reads its settings there.
                environment = {**os.environ, "LC_ALL": "C"}
                command = [self._tool(), HASH, key, self.certificate, path]
                done = run(command, SECONDS, environment=environment, descriptors=descriptors)
            signed = read_bytes(path) or b""
        if done.status or signed == image:
            said = " | ".join(done.err.strip().splitlines()[-4:]) or f"it ended with {done.status}"
            token = f"See that the URI names the certificate's private key and {PIN} is its PIN; {_MANUAL}"
            todo = token if self.key.startswith(TOKEN) else "Look at the key"
            raise KmodError(f"{name} cannot be signed with {self.key}", f"sign-file says: {said}", todo)
        return signed

    def _tool(self) -> str:
        return find_sign_file(self.sign_file)


def _expanded(path: str) -> str:
    return os.path.expanduser(os.path.expandvars(path))


def check_pair(key: str, certificate: str, needed: bool) -> None:
    """Refuse one of both without the other; a certificate alone will do where nothing is to be signed."""
    if not certificate or (needed and not key):  # a key alone would leave all unsigned, unnoticed
        raise KmodError(
            "Nothing can be signed",
            "of kmod_sign_key and kmod_sign_cert, one is empty",
            "Set both, or none to leave the modules unsigned",
        )


def find_sign_file(named: str, patterns: tuple[str, ...] = SIGN_FILES) -> str:
    """Return the path of the kernel's sign-file on this machine.

    :param named: where it is; "" looks for it.
    :raises KmodError: where there is none.
    """
    places = [named] if named else [path for one in patterns for path in sorted(glob.glob(one))[-1:]]
    found = next((path for path in places if os.access(path, os.X_OK) and os.path.isfile(path)), None)
    if found is None:
        raise KmodError(
            "The kernel's sign-file is not on the controller",
            f"there is no program at {', '.join([named] if named else patterns)}",
            "Install a kernel's headers here (on Debian the package linux-kbuild-…), or name it in kmod_sign_file",
        )
    return found


@contextlib.contextmanager
def _with_pin(key: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the key's name with the way to its PIN, and the descriptors that sign-file is to inherit for that.

    Where sign-file uses a provider of OpenSSL instead of an engine, it passes no PIN on; the provider reads it from a
    file that the URI names. This one is in memory only, and for that process.
    """
    pin = os.environ.get(PIN)
    if not pin or not key.startswith(TOKEN) or "pin-source" in key:
        yield key, ()
        return
    descriptor = os.memfd_create("pin")
    try:
        os.write(descriptor, pin.encode())
        yield f"{key}{'&' if '?' in key else '?'}pin-source=file:/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


def check_uri(uri: str) -> None:
    """Refuse a URI that carries the PIN: it would be seen in the list of processes, and in output."""
    if "pin-value" in uri.lower():
        raise KmodError(
            "kmod_sign_key carries a PIN", "everybody on this machine could see it", f"Take it out, and export {PIN}"
        )


def check_key(path: str, certificate: Certificate, certificate_path: str) -> None:
    """Refuse a private key that others can read, that cannot be opened, or that the certificate is not of."""
    try:
        with open(path, "rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(1 << 20)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise KmodError(f"The key {path} cannot be read", why, "Correct kmod_sign_key") from error
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        why = f"its mode is {mode & 0o7777:04o}"
        raise KmodError(f"The key {path} is open to others", why, f"Run `chmod 600 {path}`, or make a new one")
    if _public(path, data) != _der(certificate.public_key()):
        raise KmodError(
            f"The certificate {certificate_path} is not of the key {path}",
            "it names another public key",
            "Correct kmod_sign_key or kmod_sign_cert: they are made together",
        )


def _public(path: str, data: bytes) -> bytes:
    """Return the public half of a private key, DER; the passphrase is the environment's."""
    # Here as in `_certificate`: who signs nothing need not have it.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    pin = os.environ.get(PIN)
    encrypted = b"ENCRYPTED" in data
    if encrypted and not pin:
        raise KmodError(f"The key {path} has a passphrase", f"{PIN} is not set", f"Export {PIN}, and run again")
    try:
        key = load_pem_private_key(data, pin.encode() if pin and encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if encrypted:
            why = f"the passphrase in {PIN} is wrong, or the file is damaged"
            raise KmodError(f"The key {path} cannot be opened", why, f"Correct {PIN}") from None
        raise KmodError(f"{path} holds no private key in PEM", str(error), "Correct kmod_sign_key") from None
    return _der(key.public_key())


def _der(public: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    encoded: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded
