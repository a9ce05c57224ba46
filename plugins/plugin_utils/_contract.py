# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The contract of a module: `kmod.yml` read, checked, and filled in with a host's parameters.

docs/contract.md is what people read; this is what holds.
"""

from __future__ import annotations

import hashlib
import re
import string
from pathlib import Path
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._entry import normalise as normalise_entry
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._names import normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._parameters import as_text
from ansible_collections.procfleet.procfs.plugins.plugin_utils._document import Document
from ansible_collections.procfleet.procfs.plugins.plugin_utils._values import KINDS, check_value

FILE = "kmod.yml"
Kinds = dict[str, tuple[type, ...]]
_KEYS: Kinds = {
    "name": (str,),
    "version": (str,),
    "description": (str,),
    "depends": (list,),
    "kconfig": (list,),
    "parameters": (dict,),
    "entries": (list,),
    "gone": (list,),
    "log": (dict,),
}
_REQUIRED = ("name", "version", "description", "entries")
_PARAMETER_KEYS: Kinds = {
    "type": (str,),
    "default": (str, int, bool),
    "description": (str,),
    "min": (str, int),
    "max": (str, int),
    "choices": (list,),
    "sysfs": (bool,),
}
# Keys of an entry that count; below them these are numbers, and `pattern` is not.
_COUNTED = ("lines", "numbers")
_BOUNDS = ("min", "max", "equals")
_TYPE_NAMES = {str: "a string", list: "a list", dict: "a mapping", int: "a number", bool: "true or false"}


class Contract:
    """One module's contract, checked; `sources` maps each file below its folder to its SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.document = Document(folder / FILE)
        said = self.document.value
        self._check_keys((), said, _KEYS, _REQUIRED)
        self._check_name()
        self.version: str = said["version"]
        self.depends = [normalise(name) for name in self._strings("depends")]
        self.kconfig = self._strings("kconfig")
        self.log = self._log()
        self.declared: dict[str, dict[str, Any]] = said.get("parameters") or {}
        for name in self.declared:
            self._check_parameter(name)
        self.sources = sources(folder)
        self.gone({})  # and so all entries: a contract that does not hold with its own defaults is refused at once

    def parameters(self, overrides: dict[str, Any]) -> dict[str, str]:
        """Return every parameter with its value as text: the override, else the default where one is declared."""
        unknown = sorted(set(overrides) - set(self.declared))
        if unknown:
            raise KmodError(
                f"{self.name} has no parameter {', '.join(unknown)}",
                f"{self.document.path} declares {', '.join(self.declared) or 'none'}",
                "Correct the name in kmod_modules, or declare the parameter",
            )
        given = {name: one["default"] for name, one in self.declared.items() if "default" in one} | overrides
        for name, value in given.items():
            why = check_value(self.declared[name], value)
            if why:
                raise KmodError(f"Parameter {name} of {self.name}: {why}", "", "Correct the value in kmod_modules")
        return {name: KINDS[self.declared[name]["type"]].write(as_text(value)) for name, value in given.items()}

    def entries(self, overrides: dict[str, Any]) -> list[dict[str, Any]]:
        """Return all that must hold while it is loaded, parameters under /sys included."""
        values = self.parameters(overrides)
        found = []
        for index, entry in enumerate(self.document.value["entries"]):
            try:
                found.append(normalise_entry(self._fill(entry, values)))
            except KmodError as error:
                key = error.details.get("key")
                where = ("entries", index, key) if key else ("entries", index)
                self.document.refuse(where, f"is wrong: {error.message}")
        return found + self._parameter_entries(values)

    def identified(self) -> dict[str, Any]:
        """Return {name, sources, depends}, from which a build gets its identity."""
        return {"name": self.name, "sources": self.sources, "depends": self.depends}

    def expected(self, overrides: dict[str, Any], loaded: bool) -> list[dict[str, Any]]:
        """Return what must hold in the state that is wanted."""
        return self.entries(overrides) if loaded else self.gone(overrides)

    def gone(self, overrides: dict[str, Any]) -> list[dict[str, Any]]:
        """Return all that must be gone when it is not loaded."""
        own = [entry["path"] for entry in self.entries(overrides) if entry["state"] == "present"]
        listed = [self._gone_path(*item, overrides) for item in enumerate(self._strings("gone"))]
        paths = dict.fromkeys([*own, *listed, f"/sys/module/{self.name}"])
        return [normalise_entry({"path": path, "state": "gone"}) for path in paths]

    def _gone_path(self, index: int, path: str, overrides: dict[str, Any]) -> str:
        try:
            entry = normalise_entry({"path": self._fill(path, self.parameters(overrides)), "state": "gone"})
        except KmodError as error:
            self.document.refuse(("gone", index), f"is wrong: {error.message}")
        return str(entry["path"])

    def _parameter_entries(self, values: dict[str, str]) -> list[dict[str, Any]]:
        folder = f"/sys/module/{self.name}/parameters"
        shown = {name: value for name, value in values.items() if self.declared[name].get("sysfs", True)}
        said = {name: KINDS[self.declared[name]["type"]].sysfs(value) for name, value in sorted(shown.items())}
        return [normalise_entry({"path": f"{folder}/{name}", "equals": text + "\n"}) for name, text in said.items()]

    def _fill(self, value: Any, values: dict[str, str], key: str = "") -> Any:
        """Put the parameters' values in the place of `${name}` in every string; a number where one is counted."""
        if isinstance(value, dict):
            counted = key in _COUNTED
            return {
                name: self._fill(one, values, key if counted and name in _BOUNDS else name)
                for name, one in value.items()
            }
        if isinstance(value, list):
            return [self._fill(one, values, key) for one in value]
        if key in _COUNTED and isinstance(value, str) and "${" in value:
            text = self._fill(value, values)
            return int(text) if text.lstrip("-").isdigit() else text
        if not isinstance(value, str) or "${" not in value:
            return value
        try:
            return string.Template(value).substitute(values)
        except (KeyError, ValueError) as error:
            known = ", ".join(values) or "none"
            what = f"{value!r} names no parameter: {error}"
            raise KmodError(what, f"it has {known}", "Write `$$` for `$`") from error

    def _check_name(self) -> None:
        name = self.document.value["name"]
        try:
            self.name = normalise(name)
        except KmodError as error:
            self.document.refuse(("name",), f"is wrong: {error.message}")
        if self.name != self.folder.name.replace("-", "_"):
            self.document.refuse(("name",), f"is {name}, but the folder is {self.folder.name}", "Make them equal")

    def _check_keys(self, at: tuple[Any, ...], said: Any, known: Kinds, required: tuple[str, ...] = ()) -> None:
        if not isinstance(said, dict):
            self.document.refuse(at, "must be a mapping")
        for key, value in said.items():
            if key not in known:
                self.document.refuse((*at, key), "is not a key that procfleet knows", f"Known are {', '.join(known)}")
            if not isinstance(value, known[key]) or (isinstance(value, bool) and bool not in known[key]):
                kinds = " or ".join(_TYPE_NAMES[kind] for kind in known[key])
                self.document.refuse((*at, key), f"must be {kinds}, not {value!r}")
        for key in required:
            if key not in said:
                self.document.refuse(at, f"lacks the key `{key}`")

    def _strings(self, key: str) -> list[str]:
        values = self.document.value.get(key) or []
        for index, value in enumerate(values):
            if not isinstance(value, str) or not value:
                self.document.refuse((key, index), f"must be a string, not {value!r}")
        return list(values)

    def _log(self) -> dict[str, list[str]]:
        said = self.document.value.get("log") or {}
        self._check_keys(("log",), said, {"load": (list,), "unload": (list,)})
        for step, texts in said.items():
            if not all(isinstance(text, str) and text for text in texts):
                self.document.refuse(("log", step), "must be a list of strings")
        return dict(said)

    def _check_parameter(self, name: str) -> None:
        at = ("parameters", name)
        if not re.match(r"[A-Za-z_][A-Za-z0-9_]*\Z", str(name)) or not isinstance(name, str):
            self.document.refuse(at, "cannot be a parameter's name in C", "Quote it where YAML takes it for a value")
        said = self.declared[name]
        self._check_keys(at, said, _PARAMETER_KEYS, ("type",))
        if said["type"] not in KINDS:
            self.document.refuse((*at, "type"), f"must be one of {', '.join(KINDS)}, not {said['type']!r}")
        bounds = [(key, said[key]) for key in ("min", "max", "default") if key in said]
        if said["type"] in ("bool", "string") and {"min", "max"} & set(said):
            self.document.refuse(at, f"has bounds, but {said['type']} is no number", "Use `choices`")
        for key, value in bounds:
            rule = said if key == "default" else {"type": said["type"]}
            why = check_value(rule, value)
            if why:
                self.document.refuse((*at, key), why)


def sources(folder: Path) -> dict[str, str]:
    """Return every source file below a module's folder with its SHA-256; the contract is not one.

    :raises KmodError: when there is no Kbuild or Makefile.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and _is_source(path.relative_to(folder)))
    names = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    if not {"Kbuild", "Makefile"} & set(names):
        raise KmodError(f"{folder} has no Kbuild", "", f"Write one: obj-m := {folder.name}.o")
    return names


def _is_source(path: Path) -> bool:
    """The compiler's leftovers and hidden files are not sources."""
    leftovers = {".o", ".ko", ".mod", ".cmd", ".a", ".order", ".symvers", ".dwo", ".d"}
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and path.suffix not in leftovers and not path.name.endswith(".mod.c") and path.name != FILE
