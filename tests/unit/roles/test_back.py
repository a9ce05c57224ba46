# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The way back asks for what there is to take back, and no step of it ends a host's run."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

BACK = yaml.safe_load((Path(__file__).parents[3] / "roles/kmod/tasks/back.yml").read_text(encoding="utf-8"))


def test_an_empty_list_is_not_asked_for():
    """The module refuses one, and the host would be said to be in a state that nobody knows."""
    assert BACK[0]["when"] == "__kmod_plan.modules | length > 0"


@pytest.mark.parametrize("task", BACK, ids=lambda task: task["name"])
def test_what_came_of_it_is_for_the_report_to_tell(task):
    assert task["register"].startswith("__kmod_re")
    assert task["ignore_errors"] is task["ignore_unreachable"] is True
