# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a host's kernel would take a module, by its signature: pure, and before anything is sent."""

from __future__ import annotations

from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

_LOCKED_DOWN = ("integrity", "confidentiality")
_MANUAL = "docs/signing.md says how"


def enforces(kernel: dict[str, Any]) -> bool:
    """Say whether a kernel loads signed modules only."""
    return bool(kernel["sig_enforce"] or kernel["lockdown"] in _LOCKED_DOWN)


def check_trust(names: list[str], signer: dict[str, Any] | None, kernel: dict[str, Any]) -> None:
    """Refuse modules that the kernel would refuse.

    :param signer: whose signature they bear, as `_certificate.read_certificate` returns it; None for unsigned ones.
    :param kernel: the host's, as `kmod_info` returns it.
    :raises KmodError: with who signed, where the kernel looks for its signers, and what to do.
    """
    if not enforces(kernel):
        return
    what = f"Kernel {kernel['release']} would refuse {', '.join(names)}"
    if not signer:
        raise KmodError(
            what,
            f"it loads signed modules only ({_why(kernel)}), and our build is not signed. {_searched(kernel)}",
            f"Set kmod_sign_key and kmod_sign_cert to a key that it trusts, or to one that you enrol; {_MANUAL}",
        )
    if kernel.get("keyrings") and not _enrolled(signer, kernel):
        raise KmodError(
            what,
            f"it loads modules of signers that it knows only ({_why(kernel)}), and our build is signed by "
            f"{describe(signer)}, which is not enrolled. {_searched(kernel)}",
            "Enrol the certificate on the host (`mokutil --import` of it in DER, then reboot and confirm on the "
            f"console), or sign with one that is enrolled; {_MANUAL}",
        )


def describe(signer: dict[str, Any]) -> str:
    """Return who signed, in words by which a certificate can be found."""
    key = f"key id {signer['key_id']}" if signer["key_id"] else "without a key id"
    issuer = "itself" if signer["issuer"] == signer["subject"] else signer["issuer"]
    return f"{signer['subject']} (issued by {issuer}, serial {signer['serial']}, {key})"


def _enrolled(signer: dict[str, Any], kernel: dict[str, Any]) -> bool:
    """The kernel shows a certificate's subject key id, or its serial number where it has none."""
    identity = signer["key_id"] or signer["serial"]
    return any(one["id"] == identity for one in kernel["trusted"])


def _why(kernel: dict[str, Any]) -> str:
    boot = {True: "Secure Boot is on", False: "Secure Boot is off", None: "no EFI"}[kernel.get("secure_boot")]
    enforced = "module.sig_enforce is on" if kernel["sig_enforce"] else ""
    locked = f"lockdown is {kernel['lockdown']}" if kernel["lockdown"] in _LOCKED_DOWN else ""
    return ", ".join(filter(None, (boot, locked, enforced)))


def _searched(kernel: dict[str, Any]) -> str:
    """Return the keyrings that were searched, each with whom the kernel knows by it."""
    rings = list(kernel.get("keyrings") or [])
    if not rings:
        return "The host shows none of its keyrings"
    held: dict[str, list[str]] = {ring: [] for ring in rings}
    for one in kernel["trusted"]:
        held.setdefault(one["keyring"] or "one of them", []).append(f"{one['name']} ({one['id']})")
    return "Searched: " + "; ".join(f"{ring} has {', '.join(known) or 'none'}" for ring, known in held.items())
