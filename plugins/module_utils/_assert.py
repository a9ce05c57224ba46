# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check entries under /proc and /sys: look, write, read, compare, and again until it holds or time is over."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import time
from typing import Any, Callable, Dict

from ansible_collections.procfleet.procfs.plugins.module_utils._bounded import (
    LinkLeaves,
    TooSlow,
    read_file,
    resolve,
    time_limit,
    write_file,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._entry import (
    Entry,
    limits_of,
    normalise,
    reads,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._match import (
    Mismatch,
    Observed,
    errno_text,
    match_content,
    match_metadata,
    match_read,
    match_write,
    mismatch,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._show import RESULT_CHARACTERS, json_safe

Result = Dict[str, Any]
# No retry is begun after this many seconds in one call, whatever the entries ask for: nothing hangs a play.
TOTAL_SECONDS = 900.0
_TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


def check_entries(
    entries: list[Entry],
    defaults: dict[str, Any] | None = None,
    check_mode: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Result]:
    """Check all entries, in order, and return one result for each: one that fails does not keep others from it.

    All are validated before the first is touched; KmodError when one is not valid, or when there is none at all.
    """
    if not entries:
        raise KmodError("No entries", "there is nothing to check, and zero checks prove nothing", "Name some entries")
    runs = [_Run(normalise(entry), defaults or {}, check_mode) for entry in entries]
    deadline = time.monotonic() + TOTAL_SECONDS
    return [run.until_it_holds(deadline, sleep) for run in runs]


def observe(entry: Entry) -> tuple[str, Observed]:
    """What the file system says of the entry, and the path behind its links (which stay what they are for a link)."""
    try:
        path, target = entry["path"], ""
        if entry.get("type") == "link" or entry["state"] == "gone":
            path = os.path.join(resolve(os.path.dirname(path)), os.path.basename(path))
        else:
            path = resolve(path)
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            target = os.readlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return "", Observed()
    except LinkLeaves as left:
        link, target = left.args
        return "", Observed(error=f"a link out of /proc and /sys, not followed: {link} -> {target}")
    except OSError as error:
        return "", Observed(error=errno_text(error.errno or 0))
    return path, Observed(
        exists=True,
        type=_TYPES.get(stat.S_IFMT(status.st_mode), "special file"),
        mode=f"{stat.S_IMODE(status.st_mode):04o}",
        owner=_user(status.st_uid, entry.get("owner", "")),
        uid=status.st_uid,
        group=_group(status.st_gid, entry.get("group", "")),
        gid=status.st_gid,
        target=target,
    )


def _user(uid: int, wanted: str) -> str:
    """The user's name; of several names with one number, the wanted one."""
    try:
        if wanted and not wanted.isdigit() and pwd.getpwnam(wanted).pw_uid == uid:
            return wanted
    except KeyError:
        pass
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int, wanted: str) -> str:
    try:
        if wanted and not wanted.isdigit() and grp.getgrnam(wanted).gr_gid == gid:
            return wanted
    except KeyError:
        pass
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


class _Run:
    """One entry on its way: its limits, and what is known of it so far."""

    def __init__(self, entry: Entry, defaults: dict[str, Any], check_mode: bool) -> None:
        self.entry, self.limits, self.check_mode = entry, limits_of(entry, defaults), check_mode
        self.seen = Observed()
        self.failures: list[Mismatch] = []
        self.content: str | None = None  # decoded with surrogateescape
        self.tried = self.written = self.stuck = False

    def until_it_holds(self, deadline: float, sleep: Callable[[float], None]) -> Result:
        """Attempt, and again after the delay: as often as asked, before the deadline, and never after a stuck child."""
        begun, attempts = time.monotonic(), 0
        while True:
            attempts += 1
            self.attempt()
            if not self.failures or self.stuck or attempts > self.limits["retries"]:
                break
            if time.monotonic() + self.limits["delay"] > deadline:
                found = f"{TOTAL_SECONDS:g} s spent in this call, {attempts} attempts made"
                self.failures.append(mismatch("retries", f"{self.limits['retries']} retries", found))
                break
            sleep(self.limits["delay"])
        return self.result(attempts, time.monotonic() - begun)

    def attempt(self) -> None:
        self.content = None
        path, self.seen = observe(self.entry)
        self.failures = match_metadata(self.entry, self.seen)
        if "write" in self.entry and not self.written:
            if self.failures or self.check_mode:
                return
            self.tried = True
            self.write(path)
            if not self.written:
                return
        if path and reads(self.entry) and not any(failure["check"] in ("state", "type") for failure in self.failures):
            self.read(path)

    def write(self, path: str) -> None:
        """Write once: when all was taken, later attempts only read, as the write may have set something going."""
        data = self.entry["write"].encode("utf-8", "surrogateescape")
        outcome = write_file(path, data, self.limits["timeout"])
        self.failures += match_write(self.limits, len(data), outcome)
        self.written, self.stuck = outcome.well and outcome.taken == len(data), bool(outcome.stuck)

    def read(self, path: str) -> None:
        outcome = read_file(path, self.limits["max_bytes"], self.limits["timeout"])
        self.stuck = bool(outcome.stuck)
        if outcome.data or outcome.well:
            self.content = outcome.data.decode("utf-8", "surrogateescape")
        # A content cut short by a limit is shown, but not judged.
        self.failures += match_read(self.limits, outcome) or self.judge(self.content or "")

    def judge(self, text: str) -> list[Mismatch]:
        """Compare in bounded time: a regular expression can search for ever in what a hostile entry says."""
        try:
            with time_limit(self.limits["timeout"]):
                return match_content(self.entry, text)
        except TooSlow:
            expected = f"patterns searched within {self.limits['timeout']:g} s"
            todo = "Write the regular expression so that it cannot match in many ways"
            return [mismatch("timeout", expected, "still searching", todo=todo)]

    def result(self, attempts: int, seconds: float) -> Result:
        content = None if self.content is None else json_safe(self.content)
        present = {"type": self.seen.type, "mode": self.seen.mode, "owner": self.seen.owner, "group": self.seen.group}
        return {
            "path": self.entry["path"],
            "state": "present" if self.seen.exists else "unknown" if self.seen.error else "gone",
            **present,
            "target": json_safe(self.seen.target),
            "holds": not self.failures,
            "failures": self.failures,
            "content": content and content[:RESULT_CHARACTERS],
            "content_cut": len(content or "") > RESULT_CHARACTERS,
            "write_skipped": "write" in self.entry and not self.tried,
            "attempts": attempts,
            "seconds": round(seconds, 3),
        }
