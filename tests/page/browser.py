# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Chromium without a screen, by its own protocol over a pipe: no driver and no library is needed."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
from pathlib import Path
from typing import Any

FLAGS = [
    "--headless",
    "--no-sandbox",  # root has none; what is opened is our own page
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]
SECONDS = 60
KEYS = {"Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9}


class Browser:
    """One browser with one tab; `events` are all that it has told, such as requests and errors."""

    def __init__(self, folder: Path) -> None:
        """Start it with an empty profile in this folder."""
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (theirs_in, theirs_out)]

        def pipes() -> None:  # the protocol is spoken on 3 and 4
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        command = ["chromium", *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        with open(folder / "chromium.log", "wb") as log:
            self.process = subprocess.Popen(
                command,
                preexec_fn=pipes,  # noqa: PLW1509 - there are no threads
                pass_fds=(3, 4),
                stdout=log,
                stderr=log,
            )
        for descriptor in (theirs_in, theirs_out, *high):
            os.close(descriptor)
        self.reader, self.writer = ours_in, ours_out
        self.rest, self.number, self.session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send("Page.setLifecycleEventsEnabled", enabled=True)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result; what else comes meanwhile is kept in `events`."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            assert select.select([self.reader], [], [], SECONDS)[0], f"chromium was silent for {SECONDS} s"
            read = os.read(self.reader, 1 << 20)
            assert read, "chromium has gone"
            self.rest += read
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, page: Path, view: str = "", size: tuple[int, int] = (1280, 900), dark: bool = False) -> None:
        """Open a page with this view in its address, and wait until it is drawn."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", features=scheme)
        self.send(
            "Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False
        )
        self._load("about:blank")
        self.events.clear()
        self._load(f"{page.resolve().as_uri()}#{view}")
        self.settle()

    def _load(self, address: str) -> None:
        """Wait until this very address is loaded: the word that the one before is can come late."""
        loader = self.send("Page.navigate", url=address)["loaderId"]
        while not any(_is_load(event, loader) for event in self.events):
            self.events.append(self._receive())

    def settle(self) -> None:
        """Wait until what was asked for is on the screen."""
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press keys, as a person would."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            code = {"windowsVirtualKeyCode": KEYS.get(key, 0)}
            self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **code, **text)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key, **code)
        self.settle()

    def shoot(self, path: Path) -> None:
        """Keep what is on the screen as an image."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def requested(self) -> list[str]:
        """Return the addresses that were asked for, since the page was opened."""
        sent = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"].partition("#")[0] for event in sent]

    def complaints(self) -> list[str]:
        """Return errors of the script and of the policy, since the page was opened."""
        wrong = ("Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self.events if event.get("method") in wrong]

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(10)
        os.close(self.reader)
        os.close(self.writer)


def _is_load(event: dict[str, Any], loader: str) -> bool:
    """Whether this event says that what this loader brought is loaded, with all that it needs."""
    said = event.get("params", {})
    return event.get("method") == "Page.lifecycleEvent" and (said["name"], said["loaderId"]) == ("load", loader)
