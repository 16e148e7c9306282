"""How much a share server's own state takes: its databases, logs, and what is beside its shares. Clients and root inside can
make it grow, on a file system that all share servers of the host have in common."""

from __future__ import annotations

import os
from pathlib import Path

from . import beneath
from .layout import ServerPaths
from .problem import Problem, unavailable
from .state import State

# Some MiB are usual.
MOST_BYTES = 1 << 30
# Of each file and directory, also an empty one.
ENTRY = 4096
DEEPEST = 64


def problem(paths: ServerPaths, state: State) -> Problem | None:
    """Unavailable `StateTooLarge`, or None."""
    if not _is_too_large(paths, set(state.shares)):
        return None
    return unavailable(
        "StateTooLarge",
        f"the share server's own state takes more than {MOST_BYTES >> 20} MiB on the file server host, so that it was stopped; an "
        "administrator must remove what fills it",
        detail=str(paths.base),
    )


def _is_too_large(paths: ServerPaths, shares: set[str]) -> bool:
    left = MOST_BYTES
    for directory in (paths.etc, paths.lib, paths.private, paths.cache, paths.run, paths.log):
        left = _count(paths.base, directory, left, frozenset())
    return _count(paths.base, paths.shares, left, frozenset(shares)) < 0


def _count(base: Path, directory: Path, left: int, without: frozenset[str]) -> int:
    """What is left of `left` bytes, below 0 when it is not enough. It stops there: no cost grows with what is there."""
    try:
        with beneath.open_directory(base, directory) as fd:
            return _count_entries(fd, left, without, DEEPEST)
    except (FileNotFoundError, Problem):
        return left


def _count_entries(fd: int, left: int, without: frozenset[str], depth: int) -> int:
    if depth == 0:
        return -1
    with os.scandir(fd) as entries:
        for entry in entries:
            if left < 0:
                return left
            try:
                status = entry.stat(follow_symlinks=False)
                left -= max(ENTRY, status.st_blocks * 512)
                if entry.is_dir(follow_symlinks=False) and entry.name not in without:
                    below = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
                    try:
                        left = _count_entries(below, left, frozenset(), depth - 1)
                    finally:
                        os.close(below)
            except FileNotFoundError:
                continue
            except NotADirectoryError:
                continue
    return left
