# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host counts, and what of that is the reading itself."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.bench.counters import Counters, parse, spent

TEXT = "cpu  1550 1 1572 8040 15 2 67 3 0 0\n28100\n7\n1\n315532800\n"


def test_parse():
    assert parse(TEXT) == Counters(31.95, 28100, 7, 1, 0)
    assert parse(TEXT.replace("315532800", "1795541000")).compiled == 1


@pytest.mark.parametrize("text", ["", "cpu0 1 2 3 4 5 6 7 8\n1\n1\n1\n1\n", "cpu 1 2 3 4 5 6 7 8\n1\n\n0\n"])
def test_what_is_no_answer_is_refused(text):
    with pytest.raises(ValueError):
        parse(text)


def test_the_reading_is_taken_off():
    first, second = Counters(10.0, 1000, 3, 0, 0), Counters(10.2, 1500, 4, 0, 0)
    third = Counters(15.4, 9000, 7, 1, 1)
    assert spent(first, second, third) == Counters(5.0, 7000, 2, 1, 1)
