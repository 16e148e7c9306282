"""Where Windows' ACLs of files are kept: in the attribute user.NTACL, which smbd reads and writes without the capability
that security.NTACL, Samba's own choice, needs: the one that mounts file systems. Clients reach neither.

A server that the former version of this program made has its ACLs in security.NTACL. They are moved before pid 1 starts."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from .durable import write_durably
from .layout import ServerPaths

FORMER = "security.NTACL"
ATTRIBUTE = "user.NTACL"
# Contents of the mark: where the move has got to.
CLEARED = "cleared\n"
MOVED = f"{ATTRIBUTE}\n"


def mark_new(paths: ServerPaths) -> None:
    """Of a server that has no shares yet."""
    write_durably(paths.acl_mark, MOVED)


def move_acls(paths: ServerPaths) -> None:
    """Nothing when they are moved already. Takes about a minute for a million files; killed, it is done again. To be called
    while nothing of the server runs."""
    done = paths.acl_mark.read_text() if paths.acl_mark.exists() else ""
    if done == MOVED:
        return
    if done != CLEARED:
        # Attributes of users' choice were free for clients to write until now, also under this name.
        _visit_all(paths.shares, _clear)
        write_durably(paths.acl_mark, CLEARED)
    _visit_all(paths.shares, _move)
    write_durably(paths.acl_mark, MOVED)


def _visit_all(top: Path, visit: Callable[[str], None]) -> None:
    """Calls it for each file and directory below, without following links, however deep they are nested."""
    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        waiting = [_visit_entries(fd, visit)]
        while waiting:
            if waiting[-1]:
                following = waiting[-1].pop()
            else:
                waiting.pop()
                following = ".."
                if not waiting:
                    return
            fd, former = os.open(following, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd), fd
            os.close(former)
            if following != "..":
                waiting.append(_visit_entries(fd, visit))
    finally:
        os.close(fd)


def _visit_entries(fd: int, visit: Callable[[str], None]) -> list[str]:
    """Names of the directories among them."""
    directories = []
    with os.scandir(fd) as entries:
        for entry in entries:
            directory = entry.is_dir(follow_symlinks=False)
            if directory:
                directories.append(entry.name)
            # Links, pipes and sockets have no such attributes.
            if directory or entry.is_file(follow_symlinks=False):
                visit(f"/proc/self/fd/{fd}/{entry.name}")
    return directories


def _clear(path: str) -> None:
    _remove(path, ATTRIBUTE)


def _move(path: str) -> None:
    try:
        value = os.getxattr(path, FORMER, follow_symlinks=False)
    except OSError as cause:
        if cause.errno in (errno.ENODATA, errno.ENOTSUP):
            return
        raise
    try:
        os.setxattr(path, ATTRIBUTE, value, follow_symlinks=False)
    except OSError as cause:
        if cause.errno not in (errno.ENOSPC, errno.E2BIG):
            raise
        # The file system has no room for both.
        _remove(path, FORMER)
        os.setxattr(path, ATTRIBUTE, value, follow_symlinks=False)
    _remove(path, FORMER)


def _remove(path: str, name: str) -> None:
    try:
        os.removexattr(path, name, follow_symlinks=False)
    except OSError as cause:
        if cause.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise
