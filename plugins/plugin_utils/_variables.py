# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role's variables, checked as its meta/argument_specs.yml has them.

Ansible does that by a task of its own, of which each host's result carries the whole spec, and which fails with all of
it on the screen. Our playbooks leave that task out, and the first one of ours that reads the variables checks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

ROLE = "procfleet.procfs.kmod"
_SPECS = Path(__file__).resolve().parents[2] / "roles/kmod/meta/argument_specs.yml"
# Read when this is imported: once, by Ansible's main process, and had by every worker that it forks.
SPEC: dict[str, dict[str, Any]] = yaml.safe_load(_SPECS.read_text(encoding="utf-8"))["argument_specs"]["main"][
    "options"
]


def checked(host: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a host's variables, name -> value, of the types that they are of; with `-e` all come as text.

    :raises KmodError: naming everything that is wrong.
    """
    found = ArgumentSpecValidator(SPEC).validate(dict(given))
    if found.error_messages:
        raise KmodError(
            f"{host} has variables that {ROLE} does not take",
            "; ".join(found.error_messages),
            f"Correct them where they are set; `ansible-doc -t role {ROLE}` says what each may be",
        )
    return dict(found.validated_parameters)
