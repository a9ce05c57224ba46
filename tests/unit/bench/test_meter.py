# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a command takes, with all that it leaves behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.bench.machines import ROOT

METER = str(ROOT / "bench/meter.py")
BUSY = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"


def measured(tmp_path, seconds, *command):
    words = [sys.executable, METER, str(seconds), str(tmp_path / "log"), *command]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_a_command(tmp_path):
    took = measured(tmp_path, 30, "sh", "-c", "echo said; exit 3")
    assert took["status"] == 3
    assert (tmp_path / "log").read_text() == "said\n"


def test_what_goes_on_in_the_background_counts_and_is_ended(tmp_path):
    background = (
        f"import os, time\nif os.fork(): os._exit(0)\nos.setsid()\n{BUSY}open('done', 'w').close()\ntime.sleep(600)"
    )
    wait = f'{sys.executable} -c "{background}"; until [ -e done ]; do sleep 0.05; done'
    took = measured(tmp_path, 30, "sh", "-c", f"cd {tmp_path}; {wait}")
    assert took["status"] == 0
    assert took["cpu"] >= 0.3
    assert took["wall"] < 30
    assert took["largest"] > 1


def test_a_command_that_takes_too_long_is_killed(tmp_path):
    took = measured(tmp_path, 0.2, "sleep", "600")
    assert took["status"] == -9
    assert took["wall"] < 30


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_when_the_bench_ends_the_command_ends_too(tmp_path, number):
    words = [sys.executable, METER, "60", str(tmp_path / "log"), "sh", "-c", "echo $$; exec sleep 600"]
    with subprocess.Popen(words) as meter:
        while not (tmp_path / "log").exists() or not (tmp_path / "log").read_text().endswith("\n"):
            time.sleep(0.05)
        meter.send_signal(number)
        assert meter.wait(30) == 128 + number
    assert not Path(f"/proc/{(tmp_path / 'log').read_text().strip()}").exists()
