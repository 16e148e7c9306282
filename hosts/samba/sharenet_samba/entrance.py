"""How a program gets into a share server: between fork and exec, with nothing of the host's but what it is given."""

from __future__ import annotations

import os
from collections.abc import Mapping

from . import limits, privileges, syscalls
from .syscalls import CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS, MS_PRIVATE, MS_REC

NAMESPACES = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP
_UNLINKED = syscalls.RESOLVE_NO_SYMLINKS | syscalls.RESOLVE_NO_MAGICLINKS


class Entrance:
    """Called in a new process. `leader` is a descriptor of the server's pid 1. `seen` are files inside, by the paths where
    the program sees them instead of what is there, `groups` files of the server's control groups."""

    def __init__(self, leader: int, groups: tuple[int, ...], seen: Mapping[str, str]) -> None:
        self._leader = leader
        self._groups = groups
        self._seen = seen

    def __call__(self) -> None:
        # Before anybody inside can see the process, which still has the memory of the call.
        privileges.hide_process()
        limits.enter(self._groups)
        syscalls.setns(self._leader, NAMESPACES)
        if self._seen:
            self._bind()
        privileges.limit_command()
        # A process id namespace is entered by children only.
        child = os.fork()
        if child != 0:
            _end_as(child)
        privileges.give_up_privileges()

    def _bind(self) -> None:
        syscalls.unshare(CLONE_NEWNS)
        syscalls.mount("", "/", flags=MS_REC | MS_PRIVATE)
        root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        for place, source in self._seen.items():
            pair = [syscalls.openat2(root, each, os.O_PATH, resolve=_UNLINKED) for each in (source, place)]
            syscalls.bind_descriptor(*pair)
            for fd in pair:
                os.close(fd)
        os.close(root)


def _end_as(child: int) -> None:
    """Waits for the child, with none of the call's pipes, and ends as it did."""
    os.closerange(0, 1 << 20)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)
