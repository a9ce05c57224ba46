#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation alone: the work is done on the controller, in plugins/action/kmod_gate.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_gate
short_description: Decide whether a wave of a rollout has passed, and who goes back
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Works on the controller alone, from what the tasks of the wave's hosts have registered; run it once, at the wave's
    end. A host passes when every module was loaded, is the wanted image, shows what its contract says, and when the
    kernel has neither warned nor faulted; after a soak all of that must still be so.
  - A host that was lost on the way does not pass, for the new module may be why.
  - Where the wave fails, what failed goes back on each of its hosts, with all that belongs together with it; no later
    wave is opened. A build that failed has changed no host, and is no reason to stop.
options:
  rollout:
    description: The rollout, as this module or M(procfleet.procfs.kmod_waves) returned it last.
    type: dict
    required: true
  registered:
    description: >-
      The variable that each step has registered, as for M(procfleet.procfs.kmod_record). What C(contract) returned as
      C(own) decides whether its host has a way back; without it, each has one.
    type: dict
    required: true
  tolerance:
    description: How many hosts of the wave may fail before the rollout stops, a number or a percentage.
    type: raw
    default: 0
  rollback:
    description: Whether hosts go back at all.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: See whether the wave has passed
  procfleet.procfs.kmod_gate:
    rollout: "{{ rollout }}"
    registered: {plan: plan, loaded: loaded, asserted: asserted}
  register: rollout
  run_once: true
"""

RETURN = r"""
id:
  description: The rollout's name, which is noted on each host that it changes.
  returned: success
  type: str
waves:
  description: The waves, C({name, hosts, started, seconds, outcome, index}).
  returned: success
  type: list
  elements: dict
open:
  description: Index of the wave that may be worked on; null when there is none.
  returned: success
  type: int
stopped:
  description: Why the rollout was stopped; empty where it was not.
  returned: success
  type: str
trouble:
  description: Host to the lines that say why it has not passed its gate.
  returned: success
  type: dict
back:
  description: Host to the modules that it takes back.
  returned: success
  type: dict
"""
