# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bad input: a clear error, and nothing changed."""

from __future__ import annotations

import shutil

import pytest

NAMES = ("proc_demo", "simpledriver", "procDriver")


@pytest.mark.parametrize(
    ("modules", "said"),
    [
        (["nope"], "There is no module nope: known are procDriver, proc_demo, simpledriver"),
        ([{"name": "simpledriver", "parameters": {"colour": "red"}}], "simpledriver has no parameter colour"),
        ([{"name": "simpledriver", "parameters": {"size": 5}}], "must be 16 to 1048576, not 5"),
        ([{"name": "simpledriver", "parameters": {"mode": 420}}], 'must be a quoted octal number such as "0600"'),
    ],
)
def test_a_wrong_choice_never_reaches_the_host(play, modules, said):
    done = play("deploy.yml", kmod_modules=modules)
    assert done.status != 0
    assert said in done.flat()
    assert "Look at kernel" not in done.output


def test_a_source_that_does_not_compile_leaves_the_old_module_running(play, info, root, tmp_path):
    sources = tmp_path / "kmod"
    shutil.copytree(root / "files/kmod", sources)
    source = sources / "simpledriver/simpledriver.c"
    source.write_text(source.read_text() + "\nint broken(void) { return no_such_thing; }\n")
    line = len(source.read_text().splitlines())
    greeting = sources / "procDriver/procDriver.c"
    greeting.write_text(greeting.read_text() + "\n/* another build of the same */\n")

    before = info(*NAMES)["modules"]
    done = play("deploy.yml", kmod_paths=[str(sources)])
    after = info(*NAMES)["modules"]

    assert done.status != 0
    assert f"simpledriver/simpledriver.c:{line}: " in done.output
    assert "no_such_thing" in done.output
    assert "full log is /var/lib/procfleet/log/build-" in done.flat()
    assert after["simpledriver"] == before["simpledriver"]  # the old one runs on
    assert after["procDriver"]["fingerprint"] != before["procDriver"]["fingerprint"]  # the others are deployed
    assert after["procDriver"]["manifest"]["former"]["fingerprint"] == before["procDriver"]["fingerprint"]
    assert play("deploy.yml").status == 0


def test_two_deploys_at_once_do_not_meet(play, host):
    with host.sudo():
        # A holder that is there for the length of the test, and no longer.
        host.check_output("setsid flock /run/procfleet.lock sleep 90 >/dev/null 2>&1 </dev/null & sleep 1; true")
        done = play("deploy.yml", kmod_modules=["proc_demo"], kmod_persist=False, kmod_timeout=3)
        assert done.status != 0
        assert "Another deploy is at work on this host" in done.flat()
        host.check_output("pkill -x sleep; true")
    assert play("playbooks/verify.yml").status == 0
