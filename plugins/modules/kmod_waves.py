#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# Documentation alone: the work is done on the controller, in plugins/action/kmod_waves.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: kmod_waves
short_description: Settle in which waves a rollout goes through the play's hosts
version_added: 0.1.0
author: procfleet contributors (@procfleet)
description:
  - Works on the controller alone, from the plans that earlier tasks registered on every host; run it once.
  - Hosts on which nothing is to be done come first, in a wave C(unchanged) that is only looked at. The others keep
    their place, whoever is to be changed, so that a rollout that was interrupted continues where it was.
  - In check mode all hosts are in one wave.
  - The play must keep its hosts in step, and must not have C(serial).
options:
  waves:
    description:
      - The sizes. Each is a number of hosts, a percentage of all, or a host pattern. The last one is repeated until no
        host is left; after a pattern, the rest is one wave.
    type: list
    elements: raw
    required: true
  tolerance:
    description: As for M(procfleet.procfs.kmod_gate); checked before anything is done.
    type: raw
    default: 0
  plan:
    description: The variable in which each host's plan was registered.
    type: str
    default: __kmod_plan
"""

EXAMPLES = r"""
- name: Two hosts of one's choice, then a tenth after the other
  procfleet.procfs.kmod_waves:
    waves: ["web1:db1", "10%"]
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
