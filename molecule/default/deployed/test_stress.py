# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every mistake that a /proc module can make, tried on the real kernel by tests/guest/stress.py."""

from __future__ import annotations

import re

MODULES = ("proc_demo", "simpledriver", "procDriver")


def test_no_published_mistake_bites(host, root):
    host.ansible("copy", f"src={root}/tests/guest/stress.py dest=/run/stress.py mode=0755", check=False, become=True)
    release = host.check_output("uname -r")
    images = " ".join(f"/lib/modules/{release}/updates/procfleet/{name}.ko" for name in MODULES)
    with host.sudo():
        done = host.run(f"timeout 900 python3 /run/stress.py {images}")
        host.run("rm /run/stress.py")
    assert done.rc == 0, done.stdout + done.stderr
    passed = re.search(r"^(\d+) passed, 0 failed$", done.stdout, re.MULTILINE)
    assert passed and int(passed.group(1)) > 10, done.stdout
