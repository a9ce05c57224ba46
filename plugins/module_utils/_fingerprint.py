# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A build's identity is its content; the controller and the host come to the same."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple


class Identity(NamedTuple):
    """`build` names what make makes of a module; `installed` what is installed: the same, or that with a signature."""

    build: str
    installed: str


def identities(
    modules: list[dict[str, Any]], kernel: dict[str, Any], flags: list[str], certificate: str
) -> dict[str, Identity]:
    """Return each module's identity on a host.

    :param modules: {name, sources, depends} in load order.
    :param certificate: the SHA-256 of the one that signs; "" where nobody does.
    """
    found: dict[str, Identity] = {}
    for module in modules:
        needed = [found[name].build for name in module["depends"] if name in found]
        build = fingerprint(module["sources"], kernel, flags, needed)
        found[module["name"]] = Identity(build, signed(build, certificate) if certificate else build)
    return found


def fingerprint(sources: dict[str, str], kernel: dict[str, Any], flags: list[str], needed: list[str]) -> str:
    """Return the SHA-256 that names one module's build, in hexadecimal.

    :param sources: path below the module's folder -> SHA-256 of the file.
    :param kernel: the kernel it is for, as `kmod_info` returns it: release, arch and compiler count.
    :param flags: further words for make.
    :param needed: fingerprints of our modules that it depends on: their headers and symbols are in it.
    """
    identity = {
        "sources": sources,
        "release": kernel["release"],
        "arch": kernel["arch"],
        "compiler": kernel["compiler"]["name"],
        "flags": flags,
        "needed": sorted(needed),
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def signed(build: str, certificate: str) -> str:
    """Return the SHA-256 that names a build once it is signed: another certificate is another build.

    :param build: the fingerprint of the build itself.
    :param certificate: the SHA-256 of the certificate.
    """
    return hashlib.sha256(json.dumps({"build": build, "certificate": certificate}).encode()).hexdigest()
