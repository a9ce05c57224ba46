# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A page keeps all that is not between its marks."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.tests.marked import END, update

BEGIN = "<!-- made -->"


def test_the_page_has_the_new_text_and_keeps_the_rest():
    done = update(f"before\n{BEGIN}\nold\n{END}\nafter\n", BEGIN, "new \\1")
    assert done == f"before\n{BEGIN}\nnew \\1\n{END}\nafter\n"
    assert update(done, BEGIN, "new \\1") == done


@pytest.mark.parametrize("page", ["", BEGIN, f"{BEGIN} {END}" * 2])
def test_a_page_without_its_place_is_refused(page):
    with pytest.raises(ValueError, match="once each"):
        update(page, BEGIN, "new")
