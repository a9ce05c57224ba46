# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host's own configuration says of a module: the next boot goes by that as well, and insmod does not."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils import _names
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import read_text

CMDLINE = "/proc/cmdline"
FOLDERS = ("/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")  # after /etc's
_COMMANDS = ("blacklist", "install", "options")


def said_elsewhere(names: list[str]) -> dict[str, list[str]]:
    """Return what is said of each module by other files than procfleet's, and on the kernel's command line."""
    ours = {_names.options_conf(name) for name in names}
    said: dict[str, list[str]] = {name: [] for name in names}
    for path in _files():
        if path not in ours:
            _add(said, _commands(read_text(path) or ""), path)
    _add(said, _words(read_text(CMDLINE) or ""), CMDLINE)
    return said


def another_boot(name: str, said: list[str]) -> KmodError:
    """Return why a module cannot be set for boot: the next one would go by what is said elsewhere as well."""
    return KmodError(
        "%s cannot be set for boot as it is to be loaded" % name,
        "there is " + " and ".join(said),
        "Take that out (parameters belong into kmod_modules), or set kmod_persist to false",
        restored=True,
    )


def check_boot(said: dict[str, list[str]]) -> None:
    """Refuse modules that are to be set for boot, and of which something is said elsewhere."""
    for name, lines in said.items():
        if lines:
            raise another_boot(name, lines)


def outranked(installed: list[str], seen: dict[str, dict[str, Any]], release: str) -> dict[str, dict[str, Any]]:
    """Return what has been installed and is not what modprobe and the boot would take: another file goes before it.

    Where that is DKMS's, it is taken away in the next step.
    :param seen: the modules' states afterwards, from `_modules.probe_modules`.
    """
    failed = {}
    for name in installed:
        found, ours = seen[name]["resolves_to"], _names.installed_path(release, name)
        if found != ours and release not in (seen[name]["dkms"] or {}).get("doubled", []):
            error = KmodError(
                "The next boot would not load %s from %s" % (name, ours),
                "modprobe takes %s" % (found or "nothing"),
                "Remove that file, or the rule in /etc/depmod.d that prefers it, and run again",
            )
            failed[name] = {"msg": error.message, "restored": False}
    return failed


def _files() -> list[str]:
    """Return the files that count, as modprobe.d(5) has it: one hides those of its name in the folders after it."""
    found: dict[str, str] = {}
    for folder in ("%s/modprobe.d" % _names.ETC_DIR, *FOLDERS):
        for entry in _entries(folder):
            found.setdefault(entry, "%s/%s" % (folder, entry))
    return [found[entry] for entry in sorted(found) if entry.endswith(".conf")]


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _add(said: dict[str, list[str]], commands: list[tuple[str, str]], source: str) -> None:
    for module, text in commands:
        if module.replace("-", "_") in said:
            said[module.replace("-", "_")].append("`%s` in %s" % (text, source))


def _commands(text: str) -> list[tuple[str, str]]:
    """Return (module, the line) of each command in a file of modprobe.d that is about how a module is loaded."""
    lines = (line.split() for line in text.replace("\\\n", " ").splitlines())
    return [(words[1], " ".join(words)) for words in lines if len(words) > 1 and words[0] in _COMMANDS]


def _words(text: str) -> list[tuple[str, str]]:
    """Return (module, the word) of each word on the kernel's command line that is about how a module is loaded."""
    found = []
    for word in text.split():
        key, _equals, value = word.partition("=")
        if key in ("modprobe.blacklist", "module_blacklist"):
            found += [(name, word) for name in value.split(",")]
        elif "." in key:
            found.append((key.partition(".")[0], word))
    return found
