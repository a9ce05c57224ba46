# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What kernel runs here, what it allows, and what is there to build for it."""

from __future__ import annotations

import os
import re
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils import _names
from ansible_collections.procfleet.procfs.plugins.module_utils._command import find
from ansible_collections.procfleet.procfs.plugins.module_utils._files import read_bytes, read_text

# Documentation/admin-guide/tainted-kernels.rst, bit 0 first.
TAINT_FLAGS = "PFSRMBUDAWCIOELKXTNJ"
# What loading an out-of-tree, unsigned, proprietary, staging or test module sets by itself.
EXPECTED_TAINT = frozenset("POECN")
_EFI_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_FAMILIES = {
    "debian": "debian",
    "ubuntu": "debian",
    "rhel": "redhat",
    "fedora": "redhat",
    "centos": "redhat",
    "suse": "suse",
    "sles": "suse",
    "opensuse": "suse",
    "arch": "arch",
    "alpine": "alpine",
}


def probe_kernel() -> dict[str, Any]:
    """Return the running kernel: release, version, arch, compiler, taint, lockdown, Secure Boot."""
    name = os.uname()
    return {
        "release": name.release,
        "running": name.release,
        "version": name.version,
        "arch": name.machine,
        "compiler": parse_compiler(read_text("/proc/version") or ""),
        "modules_supported": os.path.exists("/proc/modules"),
        "taint": taint(),
        "lockdown": parse_lockdown(read_text("/sys/kernel/security/lockdown")),
        "secure_boot": parse_secure_boot(read_bytes(_EFI_SECURE_BOOT)),
        "sig_enforce": (read_text("/sys/module/module/parameters/sig_enforce") or "N").strip() == "Y",
        "boot_id": boot_id(),
    }


def boot_id() -> str:
    """Return the identity of this boot."""
    return (read_text("/proc/sys/kernel/random/boot_id") or "").strip()


def parse_compiler(version: str) -> dict[str, Any]:
    """Return the compiler that /proc/version names: {name, command, major}; empty strings and 0 if unsaid."""
    # The builder's address in the first parentheses; the compiler, which has its own, in the second.
    found = re.search(r"^Linux version \S+ \([^)]*\) \((.+?)(?:, (?:GNU|LLD)|\) #)", version)
    return compiler(found.group(1) if found else "")


def compiler(name: str) -> dict[str, Any]:
    """Return {name, command, major} of a compiler by the first line that it says of itself."""
    command = name.split(" ", maxsplit=1)[0]
    if "clang" in name:
        command = "clang"
    number = re.search(r"(\d+)\.\d+\.\d+(?!.*\d+\.\d+\.\d+)", name)
    return {"name": name, "command": command, "major": int(number.group(1)) if number else 0}


def taint() -> dict[str, Any]:
    """Return {value, flags}: the kernel's taint as a number and as its letters."""
    value = int((read_text("/proc/sys/kernel/tainted") or "0").strip())
    return {"value": value, "flags": taint_flags(value)}


def taint_flags(value: int) -> str:
    """Return the letters of a taint value, bit 0 first."""
    return "".join(letter for bit, letter in enumerate(TAINT_FLAGS) if value >> bit & 1)


def gained_taint(before: str, after: str) -> str:
    """Return the flags that came, but for those that every module of one's own sets."""
    return "".join(sorted(set(after) - set(before) - EXPECTED_TAINT))


def parse_lockdown(text: str | None) -> str | None:
    """Return the chosen word of `[none] integrity confidentiality`; None where the kernel has no lockdown."""
    found = re.search(r"\[(\w+)\]", text or "")
    return found.group(1) if found else None


def parse_secure_boot(variable: bytes | None) -> bool | None:
    """Return what the EFI variable says after its four bytes of attributes; None without EFI."""
    return None if variable is None or len(variable) < 5 else variable[4] == 1


def probe_os() -> dict[str, Any]:
    """Return {id, version, family} from os-release; family "" where we know none."""
    return parse_os_release(read_text("/etc/os-release") or "")


def parse_os_release(text: str) -> dict[str, Any]:
    """Return {id, version, family} of os-release's text."""
    pairs = (line.partition("=")[::2] for line in text.splitlines())
    said = {key: value.strip().strip("\"'") for key, value in pairs}
    names = [said.get("ID", ""), *said.get("ID_LIKE", "").split()]
    families = [_FAMILIES[name] for name in names if name in _FAMILIES]
    return {
        "id": said.get("ID", ""),
        "version": said.get("VERSION_ID", ""),
        "family": families[0] if families else "",
    }


def headers_path(release: str) -> str:
    """Return where the headers of a kernel are, or would be."""
    return "%s/%s/build" % (_names.MODULES_DIR, release)


def probe_headers(release: str, compiler: str) -> dict[str, Any]:
    """Return {path, present, make, compiler}: the headers, and full paths of the tools (None if not there)."""
    path = headers_path(release)
    return {
        "path": path,
        "present": os.path.exists(path + "/Makefile"),
        "make": find("make"),
        "compiler": find(compiler) if compiler else None,
    }


def probe_kconfig(release: str, options: list[str]) -> dict[str, str | None]:
    """Return each asked option's value (`y`, `m`, a literal, None if unset); nothing where no configuration lies."""
    if not options:
        return {}
    text = read_text(_names.BOOT_DIR + "/config-" + release) or read_text(headers_path(release) + "/.config")
    if not text:
        return {}
    return {option: _kconfig_value(text, option) for option in options}


def _kconfig_value(text: str, option: str) -> str | None:
    found = re.search(r"^%s=(.*)$" % re.escape(option), text, re.MULTILINE)
    return found.group(1) if found else None
