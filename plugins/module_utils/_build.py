# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources to .ko: one make for all modules, published only when whole."""

from __future__ import annotations

import base64
import gzip
import io
import os
import shutil
import tarfile
import time
import zlib
from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils import _names
from ansible_collections.procfleet.procfs.plugins.module_utils._command import PLAIN, run
from ansible_collections.procfleet.procfs.plugins.module_utils._diagnostics import failed_rules, first_errors, parse
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import describe
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import (
    make_dir,
    read_bytes,
    read_text,
    write_atomic,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._names import (
    build_log,
    builds_dir,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._order import dependents, needed
from ansible_collections.procfleet.procfs.plugins.module_utils._store import publish, published
from ansible_collections.procfleet.procfs.plugins.module_utils._symbols import parse_symvers, unresolved

UNPACKED_LIMIT = 64 << 20
_SYMVERS_LIMIT = 16 << 20


class Request(NamedTuple):
    """What is to be built: for which kernel, with which headers, flags and bounds.

    `modules` maps name -> {fingerprint, depends}; `archive` is a tar of one folder a module, in base64;
    `jobs` is how many compilers run at once, 0 for one each processor; `timeout` is seconds for one make.
    """

    modules: dict[str, dict[str, Any]]
    archive: str
    release: str
    headers: str
    flags: list[str]
    jobs: int
    timeout: float


def missing(request: Request) -> list[str]:
    """Return the modules of which no whole build lies on this host."""
    wanted = request.modules.items()
    return [name for name, one in wanted if published(request.release, name, one["fingerprint"]) is None]


def build(request: Request, names: list[str]) -> dict[str, Any]:
    """Build the named modules, and publish them; return {failed, warnings, errors, log, seconds, runs}.

    What they depend on is made along with them, for its headers and symbols.
    `failed` maps name -> the first errors, `runs` counts calls of make.
    :raises KmodError: when nothing can be built at all: no headers, a damaged archive, a full disk.
    """
    if not os.path.exists(request.headers + "/Makefile"):
        raise KmodError(
            "No headers for kernel %s" % request.release,
            "%s has no Makefile" % request.headers,
            "Install the headers of exactly this release",
        )
    started = time.monotonic()
    # Always the same place: the compiler may write the path into the image, and so into the build-id.
    work = builds_dir(request.release) + "/.work"
    try:
        make_dir(work)
        unpack(request.archive, work)
        result = _make_and_publish(request, names, work)
    except OSError as error:
        raise KmodError("Building under %s failed" % _names.STATE_DIR, str(error), "Nothing was published") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return dict(result, seconds=round(time.monotonic() - started, 1))


def unpack(archive: str, folder: str) -> None:
    """Unpack the sources, refusing all that is not a plain file or would leave the folder."""
    try:
        packed = io.BytesIO(base64.b64decode(archive, validate=True))
        with gzip.GzipFile(fileobj=packed) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            members = tar.getmembers()
            _check_members(members)
            for member in members:
                source = tar.extractfile(member)
                path = os.path.join(folder, member.name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as target:
                    shutil.copyfileobj(source or io.BytesIO(), target)
            while stream.read(1 << 16):  # to the check sum at its end
                pass
    except (tarfile.TarError, EOFError, ValueError, zlib.error, gzip.BadGzipFile) as error:
        raise KmodError("The archive of sources is damaged", str(error), "Send it again") from error


def _check_members(members: list[tarfile.TarInfo]) -> None:
    for member in members:
        parts = member.name.split("/")
        if not member.isfile() or member.name.startswith("/") or ".." in parts or len(parts) < 2:
            raise KmodError("The archive of sources holds %r" % member.name, "only files in a module's folder may be")
    if sum(member.size for member in members) > UNPACKED_LIMIT:
        raise KmodError("The sources are larger than %d bytes" % UNPACKED_LIMIT)


def _make_and_publish(request: Request, names: list[str], work: str) -> dict[str, Any]:
    """Make; when a module fails, once more without it and what needs it, until the rest is whole."""
    depends = {name: one["depends"] for name, one in request.modules.items()}
    remaining, logs = sorted(needed(set(names), depends)), []
    failed: dict[str, list[str]] = {}
    diagnostics: list[dict[str, Any]] = []
    while remaining:
        status, log = _make(request, remaining, work)
        logs.append(log)
        diagnostics += [one for one in parse(log, work) if one not in diagnostics]
        if status == 0:
            break
        bad = _culprits(parse(log, work), failed_rules(log, work), remaining)
        for name in dependents(bad, depends) & set(remaining):
            failed[name] = _explain(name, bad & needed({name}, depends), diagnostics, log)
        remaining = [name for name in remaining if name not in failed]
    path = build_log(request.release)
    write_atomic(path, "\n".join(logs).encode())
    nameless = {name for name in remaining if not os.path.exists("%s/%s/%s.ko" % (work, name, name))}
    for name in dependents(nameless, depends) & set(remaining):
        failed[name] = _explain_nameless(name, needed({name}, depends) & nameless)
    whole = [name for name in remaining if name in names and name not in failed]
    _strip(whole, work)
    known = _exported(request, work)
    for name in whole:
        lacking = unresolved(read_bytes("%s/%s/%s.ko" % (work, name, name)) or b"", known) if known else []
        if lacking:
            failed[name] = ["kernel %s has not what it needs: %s" % (request.release, ", ".join(lacking[:8]))]
        else:
            _publish(request, name, work)
    return {
        "failed": failed,
        "warnings": [one for one in diagnostics if one["kind"] == "warning"],
        "errors": [one for one in diagnostics if one["kind"] == "error"],
        "log": path,
        "runs": len(logs),
    }


def _exported(request: Request, work: str) -> dict[str, int]:
    """Return what the kernel and our own modules export; nothing where the headers came without the kernel's list."""
    kernels = read_text(request.headers + "/Module.symvers", _SYMVERS_LIMIT)
    extra = [word.partition("=")[2] for word in request.flags if word.startswith("KBUILD_EXTRA_SYMBOLS=")]
    ours = [work + "/Module.symvers", *" ".join(extra).split()]
    texts = [read_text(path, _SYMVERS_LIMIT) or "" for path in ours]
    return parse_symvers("\n".join([kernels, *texts])) if kernels else {}


def _make(request: Request, names: list[str], work: str) -> tuple[int, str]:
    """Run make once over the named folders; return its status and what it said."""
    with open(work + "/Kbuild", "w", encoding="ascii") as kbuild:
        kbuild.writelines("obj-m += %s/\n" % name for name in names)
    jobs = request.jobs or os.cpu_count() or 1
    argv = ["make", "-k", "-j%d" % jobs, "-C", request.headers, "M=" + work, *request.flags, "modules"]
    done = run(argv, request.timeout, merge=True, environment=_environment(request.headers))
    return done.status, done.out


def _environment(headers: str) -> dict[str, str]:
    """Return what make gets: debug sections cost time to write, and are stripped in the end, so none are written.

    They are where the kernel's own build reads them: for BTF, which it makes where there is a vmlinux, and for the
    versions of symbols. KCFLAGS in the flags of a request goes before this one.
    """
    config = read_text(headers + "/include/config/auto.conf") or ""
    needed = os.path.exists(headers + "/vmlinux") or "\nCONFIG_GENDWARFKSYMS=y" in "\n" + config
    return PLAIN if needed else dict(PLAIN, KCFLAGS="-g0")


def _culprits(diagnostics: list[dict[str, Any]], rules: set[str], names: list[str]) -> set[str]:
    """Return which modules to leave out of the next make; all of them when none can be blamed."""
    blamed = {one["module"] for one in diagnostics if one["kind"] == "error"} | rules
    return blamed & set(names) or set(names)


def _explain(name: str, bad: set[str], diagnostics: list[dict[str, Any]], log: str) -> list[str]:
    mine = first_errors([one for one in diagnostics if one["module"] == name])
    if mine:
        return mine
    if name in bad:
        return log.strip().splitlines()[-5:]
    return ["not built: it depends on %s, which does not build" % ", ".join(sorted(bad - {name}))]


def _explain_nameless(name: str, bad: set[str]) -> list[str]:
    if name in bad:
        return ["make left no %s/%s.ko: the folder and the object in its Kbuild must have one name" % (name, name)]
    return ["not built: it depends on %s, which does not build" % ", ".join(sorted(bad))]


def _strip(names: list[str], work: str) -> None:
    """Take what debug sections there are away: they are most of the bytes, and no host loads them."""
    if names:
        done = run(["strip", "--strip-debug", *("%s/%s/%s.ko" % (work, name, name) for name in names)], 60)
        if done.status:
            raise KmodError("strip failed", done.err)


def _publish(request: Request, name: str, work: str) -> None:
    """Put one build at its address: a directory that appears whole or not at all."""
    image = read_bytes("%s/%s/%s.ko" % (work, name, name)) or b""
    said = describe(image)
    if said["release"] != request.release:
        raise KmodError(
            "%s was built for %s, not for %s" % (name, said["release"], request.release),
            "the headers in %s are another kernel's" % request.headers,
            "Install the headers of exactly this release",
        )
    wanted = request.modules[name]["fingerprint"]
    publish(request.release, name, wanted, image, said)


def images(records: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the built images, in base64."""
    return {name: base64.b64encode(read_bytes(one["path"]) or b"").decode("ascii") for name, one in records.items()}


def build_missing(request: Request) -> dict[str, Any]:
    """Build what is not there yet; return the result of `kmod_build`, with the same keys whatever was done."""
    names = missing(request)
    done: dict[str, Any] = {"failed": {}, "warnings": [], "errors": [], "log": None, "runs": 0, "seconds": 0.0}
    if names:
        _remove_leftovers(request.release)
        done = build(request, names)
    return _result(request, [name for name in names if name not in done["failed"]], done)


def predict(request: Request) -> dict[str, Any]:
    """Return what `build_missing` would, without building: the missing builds are taken to succeed."""
    return _result(
        request,
        missing(request),
        {"failed": {}, "warnings": [], "errors": [], "log": None, "runs": 0, "seconds": 0.0},
    )


def _result(request: Request, made: list[str], done: dict[str, Any]) -> dict[str, Any]:
    whole = {
        name: published(request.release, name, one["fingerprint"]) for name, one in sorted(request.modules.items())
    }
    return {
        "changed": bool(made),
        "modules": {name: record for name, record in whole.items() if record},
        "failed_modules": done["failed"],
        "errors": done["errors"],
        "compiler_warnings": done["warnings"],
        "log": done["log"],
        "runs": done["runs"],
        "seconds": done["seconds"],
        "diff": {"before": "", "after": "".join("build of %s for %s\n" % (name, request.release) for name in made)},
    }


def explain_failures(result: dict[str, Any]) -> str:
    """Return one text for people: which modules do not build, why, and where the log is."""
    lines = ["These modules do not build (whatever ran before runs on):"]
    for name, errors in sorted(result["failed_modules"].items()):
        lines += ["  %s:" % name] + ["    " + error for error in errors]
    return "\n".join([*lines, "The full log is %s on the host." % result["log"]])


def _remove_leftovers(release: str) -> None:
    """Remove what a build that was cut off left behind."""
    top = builds_dir(release)
    for entry in os.listdir(top) if os.path.isdir(top) else []:
        if entry.startswith((".work", ".publish-")):
            shutil.rmtree(os.path.join(top, entry), ignore_errors=True)
