# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names of modules and where things of theirs live on a host: said once, here."""

from __future__ import annotations

import re

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

STATE_DIR = "/var/lib/procfleet"
MODULES_DIR = "/lib/modules"
ETC_DIR = "/etc"
BOOT_DIR = "/boot"
INSTALL_SUBDIR = "updates/procfleet"
_NAME = re.compile(r"[A-Za-z0-9_]{1,55}\Z")


def normalise(name: str) -> str:
    """Return the kernel's own spelling of a module's name: `-` is `_`.

    :raises KmodError: when no module can have that name (it would reach a path).
    """
    kernel_name = str(name).replace("-", "_")
    if not _NAME.match(kernel_name):
        raise KmodError(
            "%r is not a module name" % name,
            "the kernel knows letters, digits, '_' and '-', 55 at the most",
            "Correct the name",
        )
    return kernel_name


def module_of(path: str) -> str:
    """Return the kernel's name of the module in a file, packed or not: `snd_pcm` of kernel/sound/snd-pcm.ko.xz."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def check_release(release: str) -> str:
    """Return the kernel release, refusing one that would leave /lib/modules."""
    if not re.match(r"[A-Za-z0-9][A-Za-z0-9._+~-]*\Z", release):
        raise KmodError("%r is not a kernel release" % release, "", "Give it as `uname -r` prints it")
    return release


def install_dir(release: str) -> str:
    """Where our modules for one release are installed."""
    return "%s/%s/%s" % (MODULES_DIR, release, INSTALL_SUBDIR)


def installed_path(release: str, name: str) -> str:
    """Where one module for one release is installed."""
    return "%s/%s.ko" % (install_dir(release), name)


def staged_path(release: str, name: str) -> str:
    """Where an image lies until it takes its place there; depmod takes no notice of it."""
    return "%s/.%s.new" % (install_dir(release), name)


def builds_dir(release: str) -> str:
    """Where the builds for one release lie."""
    return "%s/builds/%s" % (STATE_DIR, release)


def build_log(release: str) -> str:
    """Where the last build for one release left what make said."""
    return "%s/log/build-%s.log" % (STATE_DIR, release)


def build_dir(release: str, name: str, fingerprint: str) -> str:
    """Where a builder publishes one build: the address is the content's."""
    return "%s/%s-%s" % (builds_dir(release), name, fingerprint[:32])


def manifest_path(release: str, name: str) -> str:
    """The note of what was installed: fingerprint, build-id, parameters."""
    return "%s/installed/%s/%s.json" % (STATE_DIR, release, name)


def dkms_note(name: str) -> str:
    """The note of which run has registered a module with DKMS, and what it has replaced."""
    return "%s/dkms/%s.json" % (STATE_DIR, name)


def load_conf(name: str) -> str:
    """The modules-load.d file that loads the module at boot."""
    return "%s/modules-load.d/procfleet-%s.conf" % (ETC_DIR, name)


def options_conf(name: str) -> str:
    """The modprobe.d file that gives the module its parameters at boot."""
    return "%s/modprobe.d/procfleet-%s.conf" % (ETC_DIR, name)
