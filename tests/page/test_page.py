# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page in a browser, at 3 hosts and at 1,000 x 5. Screenshots are kept in .cache/page/."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.plugins.plugin_utils._page import page
from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import host_part
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import record
from ansible_collections.procfleet.procfs.tests.fleet import RUN, entry, failure, fleet, paths, results, seen_module
from ansible_collections.procfleet.procfs.tests.page.browser import Browser

SHOTS = Path(__file__).resolve().parents[2] / ".cache/page"
NARROW = (420, 900)
HOSTILE = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">'


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages by how many hosts they show."""
    folder = tmp_path_factory.mktemp("pages")
    three = [host_part(name, results()) for name in ("bookworm", "trixie")]
    drifted = results()
    drifted["seen"]["modules"]["simpledriver"] = seen_module("simpledriver", "6.1", parameters={"mode": "0644"})
    drifted["plan"]["reasons"]["simpledriver"] = ["parameter mode is 0644, wanted 0600"]
    made = {3: record([*three, host_part("forky", drifted)], RUN), 1000: fleet(1000)}
    for size, one in made.items():
        (folder / f"{size}.html").write_text(page(one), encoding="utf-8")
    return {size: folder / f"{size}.html" for size in made}


@pytest.fixture(autouse=True)
def nothing_is_wrong(browser):
    """Whatever a test does: no error in the script, nothing forbidden tried, nothing asked of a network."""
    yield
    assert browser.complaints() == []
    assert len(browser.requested()) == 1
    assert browser.requested()[0].startswith("file://")


def text(browser, selector):
    return browser.run(f"document.querySelector({selector!r}).innerText")


def number(browser, selector):
    return browser.run(f"document.querySelectorAll({selector!r}).length")


def test_a_page_that_takes_its_time_is_waited_for(browser, tmp_path):
    busy = "<script>for (const end = Date.now() + 5; Date.now() < end;);</script><p>more</p>"
    (tmp_path / "slow.html").write_text("<!doctype html>" + busy * 200, encoding="utf-8")
    browser.open(tmp_path / "slow.html")
    assert browser.run("document.readyState") == "complete"


def test_three_hosts(browser, pages):
    browser.open(pages[3])
    browser.shoot(SHOTS / "3.png")
    assert text(browser, "#verdict") == "1 of 3 hosts needs attention"
    assert number(browser, "#rows .row") == 3
    assert text(browser, "#rows .row .host b") == "forky"  # problems first
    assert "drift" in text(browser, "#rows .cell.drift")  # a word, not a colour alone
    assert number(browser, "#rows .cell.drift svg") == 1  # ... and a sign


def test_thousand_hosts_are_light(browser, pages):
    browser.open(pages[1000])
    browser.shoot(SHOTS / "1000.png")
    assert number(browser, "*") < 2500
    assert text(browser, "#count") == "1,000 hosts"
    assert text(browser, "#stopped").startswith("Stopped: the wave `a quarter` did not pass: ")
    browser.run("scrollTo(0, document.body.scrollHeight)")
    browser.settle()
    browser.shoot(SHOTS / "1000-end.png")
    last = "document.querySelector('#rows .row:last-child').getAttribute('aria-rowindex')"
    assert browser.run(last) == "1001"
    assert number(browser, "*") < 2500


def test_dark(browser, pages):
    browser.open(pages[1000], dark=True)
    browser.shoot(SHOTS / "1000-dark.png")
    assert browser.run("getComputedStyle(document.documentElement).backgroundColor") == "rgb(18, 20, 22)"


def test_narrow(browser, pages):
    browser.open(pages[3], size=NARROW)
    browser.shoot(SHOTS / "3-narrow.png")
    assert browser.run("document.documentElement.scrollWidth") <= NARROW[0]


@pytest.mark.parametrize(
    ("view", "count"),
    [
        ("q=web0042", "1 of 1,000 hosts"),
        ("q=6.12", "475 of 1,000 hosts"),
        ("state=unreachable", "25 of 1,000 hosts"),
        ("state=failed,unreachable", "61 of 1,000 hosts"),
        ("module=netwatch&state=drift", "40 of 1,000 hosts"),
        ("wave=canary", "10 of 1,000 hosts"),
        ("q=nosuchhost", "0 of 1,000 hosts"),
        ("state=nosuch&module=nosuch&wave=nosuch", "1,000 hosts"),
    ],
)
def test_the_address_filters(browser, pages, view, count):
    browser.open(pages[1000], view)
    assert text(browser, "#count") == count
    assert number(browser, "#rows .row") <= 60
    assert browser.run("document.getElementById('none').hidden") is not count.startswith("0 ")


def test_filters_by_hand(browser, pages):
    browser.open(pages[1000])
    browser.press("/", *"web00")
    assert text(browser, "#count") == "99 of 1,000 hosts"
    browser.run("document.querySelector('#states [data-state=failed]').click()")
    browser.settle()
    browser.shoot(SHOTS / "1000-filtered.png")
    assert text(browser, "#count") == "4 of 1,000 hosts"
    assert browser.run("location.hash") == "#q=web00&state=failed"


def test_keys_walk_the_matrix(browser, pages):
    browser.open(pages[1000], "sort=name")
    browser.run("document.querySelector('#rows [tabindex=\"0\"]').focus()")
    browser.press("ArrowDown", "ArrowDown", "ArrowRight")
    assert browser.run("document.activeElement.dataset.at") == "2,1"
    browser.press(*["ArrowDown"] * 60)
    assert browser.run("document.activeElement.dataset.at") == "62,1"
    browser.press("Enter")
    assert text(browser, "#detail-title") == "web0063.example.org"
    browser.press("Escape")
    assert browser.run("document.getElementById('detail').open") is False
    assert browser.run("document.activeElement.dataset.at") == "62,1"


def test_a_failure_shows_its_diff(browser, pages):
    browser.open(pages[1000], "host=web0012.example.org", size=(1280, 1000))
    browser.shoot(SHOTS / "1000-detail.png")
    assert text(browser, "#detail .minus").strip() == "-Status: Running and happy"
    assert text(browser, "#detail .plus").strip() == "+Status: Running and <b>sad</b>"
    browser.open(pages[1000], size=(1280, 1200))
    browser.run("document.querySelector('.group summary').click()")
    browser.settle()
    browser.shoot(SHOTS / "1000-problem.png")
    assert "-Status: Running and happy" in text(browser, ".group .body")


def test_what_hosts_say_is_never_html(browser, tmp_path):
    evil = results()
    evil["asserted"]["entries"][0] = entry(paths("proc_demo")[0], failure("equals", HOSTILE, HOSTILE, f"+{HOSTILE}"))
    evil["plan"]["reasons"]["simpledriver"] = [HOSTILE]
    evil["seen"]["modules"]["procDriver"]["parameters"] = {HOSTILE: HOSTILE}
    lost = {"seen": {"unreachable": True, "msg": HOSTILE + "<!--<script>\u2028"}}
    wave = {"name": HOSTILE, "hosts": [HOSTILE], "started": None, "seconds": 0, "outcome": HOSTILE}
    whole = record([host_part(HOSTILE, evil), host_part("lost", lost)], RUN._replace(playbook=HOSTILE, waves=(wave,)))
    (tmp_path / "evil.html").write_text(page(whole), encoding="utf-8")
    browser.open(tmp_path / "evil.html")
    browser.run("document.querySelectorAll('summary').forEach((one) => one.click())")
    browser.run("document.querySelector('#rows .host').click()")
    browser.settle()
    browser.shoot(SHOTS / "hostile.png")
    assert text(browser, "#detail-title") == HOSTILE
    assert browser.run("window.hacked") is None
    assert number(browser, "img") == 0
    assert number(browser, "script") == 2
