# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each file of tests is of one machine, as it says at its top: it must not be run on the other one as well."""

from __future__ import annotations


def pytest_configure(config):
    """What Molecule names are all machines, and would come before what a file says."""
    config.option.hosts = None
