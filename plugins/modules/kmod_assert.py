#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation alone: the work is done by plugins/action/kmod_assert.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_assert
short_description: Assert what the modules of a plan must show
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Where the look at the host has found that all of it holds, that is returned, and the host is not asked once more.
    Else M(procfleet.procfs.proc_assert) is run, which tries again and says what does not hold.
  - The look counts only where nothing was built since, on any host, and in the first wave; after a reboot it has
    asserted nothing.
  - It succeeds when entries do not hold; look at RV(failed_entries). It is skipped where nothing is to be asserted, and
    in check mode where the plan has something to do.
  - What other tasks returned is given by value, or by the name of the variable that holds it, which costs less.
options:
  plan:
    description: What M(procfleet.procfs.kmod_plan) returned.
    type: raw
    required: true
  seen:
    description: What M(procfleet.procfs.kmod_info) returned.
    type: raw
    required: true
  building:
    description: What M(procfleet.procfs.kmod_builders) returned, if it was asked.
    type: raw
    default: {}
  wave:
    description: The wave that is open, by its place from 0 on; none where nothing is rolled out.
    type: int
  retries:
    description: As for M(procfleet.procfs.proc_assert).
    type: int
    default: 0
  delay:
    description: As for M(procfleet.procfs.proc_assert).
    type: float
    default: 1.0
attributes:
  check_mode:
    description: Nothing is written.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
"""

EXAMPLES = r"""
- name: Assert every entry
  procfleet.procfs.kmod_assert:
    plan: plan
    seen: seen
  register: asserted
"""

RETURN = r"""
entries:
  description: As M(procfleet.procfs.proc_assert) returns them.
  returned: when it was not skipped
  type: list
  elements: dict
failed_entries:
  description: The paths of the entries that do not hold.
  returned: when it was not skipped
  type: list
  elements: str
explanation:
  description: What does not hold, for people; empty when all holds.
  returned: when it was not skipped
  type: str
shown:
  description: What was read, in lines for people.
  returned: when it was not skipped
  type: list
  elements: str
"""
