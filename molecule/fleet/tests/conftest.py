# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the tests of the fleet share: all its machines at once, and how often each of them has built."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HOSTS = ("bare", "builder", "newer")
MODULES = ("proc_demo", "simpledriver", "procDriver")


@pytest.fixture(scope="session")
def fleet():
    """All machines of the fleet by name, for tests that compare them."""
    import testinfra  # noqa: PLC0415 - the plugin parametrises its own fixture; here all hosts are wanted at once

    inventory = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "inventory"
    return {name: testinfra.get_host(f"ansible://{name}?ansible_inventory={inventory}") for name in HOSTS}


@pytest.fixture(scope="session")
def ask(look):
    """Return a function that looks at the three modules on a machine."""
    return lambda host: look(host, *MODULES)


@pytest.fixture(scope="session")
def compilations(fleet):
    """Return a function that gives each host's build logs with their times: another time is another make."""

    def logs():
        found = {}
        for name, host in fleet.items():
            with host.sudo():
                found[name] = host.check_output("find /var/lib/procfleet -name 'build-*.log' -printf '%f %T@\\n'")
        return found

    return logs
