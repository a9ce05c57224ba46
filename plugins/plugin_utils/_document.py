# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A YAML file that knows on which line each of its values stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import yaml
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

LIMIT = 1 << 20


class Document:
    """One YAML file, read safely; `value` is its content.

    :raises KmodError: naming file and line, for what is not YAML, is not a mapping, or says a key twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise KmodError(f"{path} cannot be read", str(error), "Mend the file") from error
        if len(text) > LIMIT:
            raise KmodError(f"{path} is larger than {LIMIT} bytes")
        try:
            self._refuse_aliases(text)
            loader = yaml.SafeLoader(text)
            self._node = loader.get_single_node()
            self._refuse_twice(self._node)
            self.value: Any = loader.construct_document(self._node) if self._node else None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise KmodError(f"{path}:{line}: not YAML", str(error.problem), "Mend the line") from error
        except yaml.reader.ReaderError as error:  # a control character
            line = text.count("\n", 0, error.position) + 1
            raise KmodError(f"{path}:{line}: not YAML", error.reason, "Mend the line") from error
        except (ValueError, RecursionError) as error:  # such as the 99th of a month, or a thousand brackets
            raise KmodError(f"{path}:1: holds a value that cannot be read", str(error), "Put it in quotes") from error
        if not isinstance(self.value, dict):
            self.refuse((), "must be a mapping of keys to values")

    def refuse(self, keys: tuple[Any, ...], why: str, todo: str = "") -> NoReturn:
        """Raise what is wrong with the value that the keys lead to, naming its line."""
        name = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
        raise KmodError(f"{self.path}:{self.line(keys)}: {name + ' ' if name else ''}{why}", "", todo)

    def line(self, keys: tuple[Any, ...]) -> int:
        """Return the line, from 1, of the value (for a mapping's: of its key) that the keys lead to."""
        node, line = self._node, 1
        for key in keys:
            child = self._child(node, key)
            if child is None:
                break
            node, line = child
        return line

    @staticmethod
    def _child(node: Any, key: Any) -> tuple[Any, int] | None:
        if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            return node.value[key], node.value[key].start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if name.value == str(key):
                    return value, name.start_mark.line + 1
        return None

    def _refuse_aliases(self, text: str) -> None:
        """An alias may hold itself, or grow to gigabytes."""
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken):
                line = token.start_mark.line + 1
                raise KmodError(f"{self.path}:{line}: the alias *{token.value} is refused", "", "Write it out")

    def _refuse_twice(self, node: Any) -> None:
        """YAML would silently take the last of two equal keys."""
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for name, value in node.value:
                if not isinstance(name, yaml.ScalarNode):
                    continue  # no key of ours; the constructor refuses it
                if name.value in seen:
                    line = name.start_mark.line + 1
                    raise KmodError(f"{self.path}:{line}: the key {name.value} stands twice", "", "Keep one")
                seen.add(name.value)
                self._refuse_twice(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                self._refuse_twice(value)
