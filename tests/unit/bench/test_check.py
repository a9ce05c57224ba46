# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state that every contestant must reach."""

from __future__ import annotations

import json
import subprocess
import sys

from ansible_collections.procfleet.procfs.bench import check
from ansible_collections.procfleet.procfs.bench.machines import ROOT


def test_the_state():
    seen = {**check.wanted(4096), check.BUILD_ID.format(check.EDITED): "id"}
    assert check.wrong(seen, 4096) == []
    assert check.build(seen) == "id"
    (said,) = check.wrong(seen, 8192)
    assert said == "/sys/module/simpledriver/parameters/size is '4096\\n', not '8192\\n'"


def test_the_program_runs_and_a_host_without_modules_is_wrong():
    done = subprocess.run([sys.executable, "-"], input=check.program(), capture_output=True, text=True, check=True)
    seen = check.parse(done.stdout)
    assert seen == dict.fromkeys(seen)
    assert len(check.wrong(seen, 4096)) == len(check.wanted(4096))
    assert json.loads(done.stdout) == seen


def test_the_line_that_is_changed_is_there():
    assert (ROOT / f"files/kmod/{check.EDITED}/{check.EDITED}.c").read_text().count(check.LINE) == 1
