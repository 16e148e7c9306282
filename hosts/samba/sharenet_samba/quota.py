"""Size limits of shares: project quotas of XFS and ext4. Elsewhere there is no limit, and the host says so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from . import beneath
from .command import PATH, must, run_command
from .deadline import Deadline

# Project numbers are the file system's: those below are left to its administrator.
FIRST_PROJECT = 0x5A000000


def _unescape(text: str) -> str:
    """Blanks and backslashes are written in octal there."""
    for code in ("\\040", "\\011", "\\012", "\\134"):
        text = text.replace(code, chr(int(code[1:], 8)))
    return text


def mount_of(path: Path, mountinfo: str) -> tuple[str, str, str] | None:
    """(mount point, type, options of the file system) of the file system that holds the path."""
    best = None
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, more = left.split(), right.split()
        if len(fields) < 6 or len(more) < 3:
            continue
        point = _unescape(fields[4])
        # Of several mounts on one point the last is the one that is seen.
        if path == Path(point) or Path(point) in path.parents:
            if best is None or len(point) >= len(best[0]):
                best = (point, more[0], more[2])
    return best


def counts_projects(kind: str, options: str) -> bool:
    enforced = {"pquota", "prjquota"} & set(options.split(","))
    return kind in ("xfs", "ext4") and bool(enforced)


def _mount(path: Path) -> tuple[str, bool]:
    found = mount_of(path.resolve(), Path("/proc/self/mountinfo").read_text())
    return (found[0], counts_projects(found[1], found[2])) if found else ("/", False)


def point_of(path: Path) -> str:
    """Where the file system is mounted that holds the path."""
    return _mount(path)[0]


def kind_of(path: Path) -> str:
    """`project` or `none`."""
    return "project" if _mount(path)[1] else "none"


def missing_packages() -> list[str]:
    """What setting limits needs besides the rest of the program."""
    needed = {"chattr": "e2fsprogs", "setquota": "quota"}
    return [package for program, package in needed.items() if shutil.which(program, path=PATH) is None]


def free_project(used: Iterable[int]) -> int:
    """A number that no share of this host has."""
    return max([FIRST_PROJECT, *used]) + 1


def set_limit(directory: Path, project: int, size: int) -> None:
    """Puts the directory and all that will be in it under a hard limit of `size` bytes. What is there already counts
    only if the directory had the project since it was empty."""
    point, _ = _mount(directory.parent)
    # A process of the share server may have put a link in its place.
    with beneath.open_directory(directory.parent, directory) as fd:
        must(["chattr", "-p", str(project), "+P", "."], cwd=f"/proc/self/fd/{fd}")
    # Blocks of 1 KiB; a limit of 0 would be none.
    must(["setquota", "-P", str(project), "0", str(max(1, size >> 10)), "0", "0", point])


def clear_limit(directory: Path, project: int) -> None:
    point, counted = _mount(directory)
    if counted:
        run_command(["setquota", "-P", str(project), "0", "0", "0", "0", point], timeout=20)


def used_bytes(directory: Path, project: int | None, deadline: Deadline) -> int:
    """Bytes on the disk. With a project the file system knows; else everything is visited, up to the deadline."""
    with beneath.open_directory(directory.parent, directory) as fd:
        if project is not None:
            space = os.statvfs(fd)
            return (space.f_blocks - space.f_bfree) * space.f_frsize
        argv = ["du", "--summarize", "--block-size=1", "--one-file-system", "."]
        done = must(argv, timeout=deadline.limit(600), cwd=f"/proc/self/fd/{fd}")
    return int(done.text.split()[0])
