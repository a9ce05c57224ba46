# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state in which every contestant has to leave a host: asked by the bench itself, outside of what is measured."""

from __future__ import annotations

import json
from typing import Any

MODULES = ("proc_demo", "simpledriver", "procDriver")
EDITED = "procDriver"  # whose source is changed, where one line is
LINE = 'MODULE_DESCRIPTION("A greeting in /proc/1999_proc/mydrive");'
OTHER_LINE = 'MODULE_DESCRIPTION("A greeting in /proc/1999_proc/mydrive, edition {round}");'

# Prints {path: text}; a file that cannot be read is null.
SCRIPT = """
import json
def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(4096).decode("latin-1")
    except OSError:
        return None
def write(path, text):
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError:
        pass
write("/proc/simpledriver_dir/simpledriver_file", "hi\\n")
print(json.dumps({path: read(path) for path in PATHS}))
"""
BUILD_ID = "/sys/module/{}/notes/.note.gnu.build-id"


def wanted(size: int) -> dict[str, str]:
    """Return what every path has to hold."""
    return {
        **{f"/sys/module/{module}/initstate": "live\n" for module in MODULES},
        "/proc/myinfo": "Hello from kernel space!\nModule: proc_demo\nStatus: Running and happy\n",
        "/proc/1999_proc/mydrive": "Hello\n",
        "/proc/simpledriver_dir/simpledriver_file": "hi\n",
        "/sys/module/simpledriver/parameters/size": f"{size}\n",
        "/sys/module/simpledriver/parameters/mode": f"{0o600}\n",
    }


def program() -> str:
    """Return the Python that looks at all of it, and at which build is loaded."""
    paths = [*wanted(0), *(BUILD_ID.format(module) for module in MODULES)]
    return f"PATHS = {paths!r}\n{SCRIPT}"


def parse(text: str) -> dict[str, str | None]:
    """Return what the program printed."""
    found: dict[str, Any] = json.loads(text)
    return found


def wrong(seen: dict[str, str | None], size: int) -> list[str]:
    """Return what is not as it has to be, in words."""
    return [f"{path} is {seen[path]!r}, not {text!r}" for path, text in wanted(size).items() if seen[path] != text]


def build(seen: dict[str, str | None]) -> str | None:
    """Return which build runs of the module whose source is changed."""
    return seen[BUILD_ID.format(EDITED)]
