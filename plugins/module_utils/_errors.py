# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one exception of the core: what failed, why, and what to do next."""

from __future__ import annotations

from typing import Any


class KmodError(Exception):
    """Raised by the core for every expected failure.

    :param what: what failed, naming the module, path or release.
    :param why: the cause, in the words of the kernel, the compiler or the tool.
    :param todo: the next step for the person who reads it.
    :param details: further keys for the module's result (plain JSON values).
    """

    def __init__(self, what: str, why: str = "", todo: str = "", **details: Any) -> None:
        self.what, self.why, self.todo, self.details = what, why, todo, details
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message  # with what was added on the way

    @property
    def message(self) -> str:
        """One text: `what: why. What to do.`"""
        what, why, todo = (part.strip().rstrip(".") for part in (self.what, self.why, self.todo))
        return ". ".join(part for part in (": ".join(filter(None, (what, why))), todo) if part) + "."
