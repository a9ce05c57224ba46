# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kernels that are installed here and do not run: which one comes next, and what its own files say of it."""

from __future__ import annotations

import os
import re
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils import _kernel, _names
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import describe
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import read_image, read_text

NEXT = "next"
_CONFIG = ["CONFIG_MODULES", "CONFIG_MODULE_SIG_FORCE"]
_COMPILER = "CONFIG_CC_VERSION_TEXT"


def installed_kernels() -> list[str]:
    """Return the releases of all installed kernels, the newest first.

    A folder that only has modules of ours, or what depmod made of them, is none: the list of what is built in comes
    with the kernel itself.
    """
    try:
        folders = os.listdir(_names.MODULES_DIR)
    except OSError:
        return []
    there = [name for name in folders if os.path.exists("%s/%s/modules.builtin" % (_names.MODULES_DIR, name))]
    # Where kernels are called by their release, modules without one are what a removed kernel has left.
    whole = [name for name in there if any(os.path.exists(path) for path in _images(name))]
    return sorted(whole or there, key=_order, reverse=True)


def _images(release: str) -> tuple[str, ...]:
    return ("%s/vmlinuz-%s" % (_names.BOOT_DIR, release), "%s/%s/vmlinuz" % (_names.MODULES_DIR, release))


def next_kernel() -> str:
    """Return the release that is likely to be booted next; it may be the running one."""
    return chosen(NEXT, os.uname().release, installed_kernels())


def flavour(release: str) -> str:
    """Return what a release says beside its numbers, `cloud-amd` of 6.1.0-56-cloud-amd64; "" where it says nothing.

    Red Hat's family has it behind a plus, Oracle in the middle.
    """
    return re.sub(r"\d+", "", "".join(re.findall(r"-\d*[a-z].*|uek|\+[^-]+$", release))).lstrip("-")


def _order(release: str) -> list[Any]:
    """Numbers as numbers: 6.12 comes after 6.1, and 5.10.0-9 before 5.10.0-10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", release)]


def chosen(asked: str, running: str, installed: list[str]) -> str:
    """Return the release that is meant: `""` the running one, `next` the newest of its flavour that is installed."""
    if asked == NEXT:
        alike = [release for release in installed if flavour(release) == flavour(running)]
        return max([running, *alike], key=_order)
    return _names.check_release(asked or running)


def upcoming(kernel: dict[str, Any], release: str) -> dict[str, Any]:
    """Return what is known of a kernel that does not run, with the keys of the running one.

    What only a running kernel has (taint, lockdown, keyrings, the boot) is that of the running one. The compiler's name
    is empty where neither the kernel nor its headers are installed.
    :param kernel: the running one, as `kmod_info` tells it.
    """
    config = _kernel.probe_kconfig(release, _CONFIG)
    return dict(
        kernel,
        release=release,
        version="",
        compiler=compiler(release),
        modules_supported=config.get("CONFIG_MODULES", "y") == "y",
        sig_enforce=kernel["sig_enforce"] or config.get("CONFIG_MODULE_SIG_FORCE") == "y",
        vermagic=vermagic(release),
    )


def compiler(release: str) -> dict[str, Any]:
    """Return the compiler of a kernel by its configuration, as `_kernel.compiler` does; empty where there is none."""
    said = _kernel.probe_kconfig(release, [_COMPILER]).get(_COMPILER)
    return _kernel.compiler((said or "").strip('"'))


def vermagic(release: str) -> str | None:
    """Return what the kernel's own modules bear, and ours must as well; None where none of them can be read."""
    folder = "%s/%s" % (_names.MODULES_DIR, release)
    index = read_text(folder + "/modules.dep", 1 << 16) or ""
    path = next((line.partition(":")[0] for line in index.splitlines() if line.startswith("kernel/")), "")
    image = read_image("%s/%s" % (folder, path)) if path else None
    try:
        return str(describe(image)["vermagic"]) if image else None
    except KmodError:
        return None
