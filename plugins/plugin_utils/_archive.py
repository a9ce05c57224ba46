# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sources of several modules as one archive, the same bytes for the same content."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from pathlib import Path

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._names import normalise
from ansible_collections.procfleet.procfs.plugins.plugin_utils._contract import sources

LIMIT = 16 << 20


def pack(folders: dict[str, Path]) -> str:
    """Return the archive, base64: one folder a module, plain files only, no owner and no time.

    :raises KmodError: when it is larger than 16 MiB.
    """
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream, tarfile.open(fileobj=stream, mode="w") as tar:
        for name, folder in sorted(folders.items()):
            for path in sources(folder):
                data = (folder / path).read_bytes()
                member = tarfile.TarInfo(f"{normalise(name)}/{path}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    if packed.tell() > LIMIT:
        raise KmodError(f"The sources are larger than {LIMIT} bytes packed", "", "Keep only sources in the folders")
    return base64.b64encode(packed.getvalue()).decode("ascii")
