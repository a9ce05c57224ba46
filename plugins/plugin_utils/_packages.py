# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the packages with a kernel's headers and compiler are called: filled in from what was seen of a host."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

# These offer no older kernel's headers.
_NEWEST_ONLY = ("pacman", "apk")


class Family(NamedTuple):
    """How a family of distributions brings headers, make and compiler, and DKMS; words in braces are filled in.

    `split` takes a release apart into the version and the flavour that packages are named by.
    """

    manager: str
    packages: tuple[str, ...]
    dkms: tuple[str, ...] = ()
    split: str = ""


FAMILIES = {
    # Ubuntu's headers do not bring the kernel's compiler along; Debian's do. The metapackage beside DKMS brings the
    # headers of each kernel that is installed later. 6.1.0-56-cloud-amd64, 6.12.118+deb13-rt-amd64, 6.8.0-57-generic
    "debian": Family(
        "apt",
        ("linux-headers-{release}", "{compiler}", "make"),
        ("dkms", "linux-headers{flavour}"),
        r"(?P<version>[^-]+(?:-\d[^-]*)*)-(?P<flavour>[a-z].*)",
    ),
    # What the headers of exactly this kernel provide, whichever their package is called: kernel-devel, kernel-rt-devel,
    # …, but for those of Oracle's 5.15.0-200.131.27.el9uek.x86_64.
    "redhat": Family(
        "dnf",
        ("kernel{flavour}-devel-uname-r = {release}", "gcc", "make", "elfutils-libelf-devel"),
        split=r"(?P<version>.+\.el\d+(?P<flavour>uek)\..+)",
    ),
    # The packages provide their version without the number of the rebuild, which the release does not have either:
    # 6.4.0-150600.23.25-default, 5.14.21-150400.24.103-64kb
    "suse": Family(
        "zypper",
        ("kernel{flavour}-devel={version}", "gcc", "make", "libelf-devel"),
        split=r"(?P<version>[^-]+-[^-]+)-(?P<flavour>\w+)",
    ),
    # Only the newest kernel's headers are offered. 6.11.4-arch2-1, 6.6.69-1-lts, 6.8.9-zen1-1-zen
    "arch": Family(
        "pacman",
        ("linux{flavour}-headers", "gcc", "make"),
        split=r"(?P<version>.+-\d+)(?:-(?P<flavour>[a-z-]+))?",
    ),
    # Here as well; with its version named, no other is installed. 6.6.134-0-lts, whose package's version is 6.6.134-r0
    "alpine": Family(
        "apk",
        ("linux{flavour}-dev={version}", "gcc", "make"),
        split=r"(?P<version>.+-\d+)-(?P<flavour>\w+)",
    ),
}
# What a host's own words may be, for packages on builders are named after them: `openssh-server-` lets apt remove that.
_RELEASE = r"\w[\w.+~-]*(?<!-)"
_WORDS = {
    "release": _RELEASE,
    "arch": r"\w+",
    "version": _RELEASE,
    "flavour": f"(?:-{_RELEASE})?",
    "compiler": r"(?:\w+-)*(?:gcc|clang)(?:-\d+(?:\.\d+)*)?",
}
# Nothing is installed there; where something is missing, it is said.
_UNKNOWN = Family("", ())


class _Words(dict[str, str]):
    """The words to fill in; one that no package is named after is refused where a name asks for it."""

    def __getitem__(self, word: str) -> str:
        said = super().__getitem__(word)
        if not re.fullmatch(_WORDS[word], said, re.ASCII):
            raise KmodError(
                f"{said!r} is no {word} that a package is named after",
                "the host says so of its kernel, and a package manager may read it as a command",
                f"Look at what runs there, or set kmod_headers_packages without {{{word}}}",
            )
        return said


def family(seen: dict[str, Any]) -> Family:
    """Return the family of a host, by the result of `kmod_info`."""
    return FAMILIES.get(seen["os"].get("family", ""), _UNKNOWN)


def filled_in(names: list[str], seen: dict[str, Any]) -> list[str]:
    """Return the packages' names for the kernel that was seen.

    :param names: in which {release}, {arch}, {version}, {flavour} and {compiler} are filled in.
    :param seen: the result of `kmod_info`.
    :raises KmodError: when a name asks for something else, or for a word that is none.
    """
    words = _words(seen["kernel"], family(seen))
    try:
        return [name.format_map(words) for name in names]
    except (LookupError, ValueError) as error:
        raise KmodError(
            f"The packages {', '.join(names)} cannot be filled in",
            f"{error}; known are {', '.join(f'{{{word}}}' for word in words)}",
            "Correct kmod_headers_packages",
        ) from None


def _words(kernel: dict[str, Any], of_host: Family) -> _Words:
    release = str(kernel["release"])
    found = re.fullmatch(of_host.split, release)
    version, flavour = (found["version"], found["flavour"]) if found else (release, None)
    if of_host.manager == "apk":
        version = re.sub(r"-(\d+)$", r"-r\1", version)
    return _Words(
        release=release,
        arch=str(kernel["arch"]),
        version=version,
        flavour=f"-{flavour}" if flavour else "",
        compiler=_compiler_package(str(kernel["compiler"].get("command", ""))),
    )


def _compiler_package(command: str) -> str:
    """Return Debian's and Ubuntu's package of a compiler: x86_64-linux-gnu-gcc-14 is in gcc-14."""
    return re.sub(r"^\w+-linux-gnu\w*-", "", command) or "gcc"


def explain(result: dict[str, Any], host: str, names: list[str], manager: str) -> None:
    """Where packages could not be installed, make the message say why, what there is instead, and what to do next.

    :param result: of `kmod_packages` or `kmod_build`; `release` and `offers` are in it where that failed.
    """
    if not result.get("failed") or "offers" not in result:
        return
    if manager in _NEWEST_ONLY:
        todo = "It has the newest kernel's headers alone: upgrade, and reboot into the installed kernel."
    else:
        todo = "Boot a kernel whose headers are offered, or add the source that still has them."
    why, found = str(result.get("msg", "no message")).rstrip("."), result["offers"]
    offered = ", ".join(map(str, found)) if found and isinstance(found, list) else "none"
    result.pop("exception", None)  # else it is shown first, and says less
    result["msg"] = (
        f"The packages {', '.join(names)} for kernel {result.get('release')} could not be installed on {host}: {why}. "
        f"The host's package source offers: {offered}. {todo} "
        "Nothing was built for that kernel."
    )
