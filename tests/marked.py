# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The part of a page that a program writes: what stands between its mark and the next end."""

from __future__ import annotations

import re

END = "<!-- end -->"


def update(page: str, begin: str, text: str) -> str:
    """Return a page with the text between its marks.

    :param begin: the mark after which it stands.
    :raises ValueError: when the page has no such place, or more than one.
    """
    if page.count(begin) != 1 or page.count(END) != 1:
        raise ValueError(f"the page must have {begin} and {END} once each")
    between = re.compile(f"{re.escape(begin)}.*{re.escape(END)}", re.DOTALL)
    return between.sub(lambda _found: f"{begin}\n{text}\n{END}", page)
