"""System calls that Python's standard library does not have. Each raises OSError with the kernel's code."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

# linux/mount.h
MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
# linux/sched.h
CLONE_NEWTIME = 0x80
CLONE_NEWNS = 0x20000
CLONE_NEWCGROUP = 0x2000000
CLONE_NEWUTS = 0x4000000
CLONE_NEWIPC = 0x8000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
# linux/openat2.h
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
# The same on every architecture, for they are newer than the common numbering.
_OPEN_TREE = 428
_MOVE_MOUNT = 429
_OPENAT2 = 437
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_AT_EMPTY_PATH = 0x1000
_OPEN_TREE_CLONE = 1
_OPEN_TREE_CLOEXEC = os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 0x04
_MOVE_MOUNT_T_EMPTY_PATH = 0x40

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def prctl(option: int, *values: int) -> int:
    four = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    return checked(_libc.prctl(ctypes.c_int(option), *four), f"prctl {option}")


def capset(header: ctypes.Structure, data: ctypes.Array) -> None:
    checked(_libc.capset(ctypes.byref(header), data), "capset")


def mount(source: str | Path, target: str | Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    texts = [str(each).encode() or None for each in (source, target, kind)]
    checked(_libc.mount(*texts, ctypes.c_ulong(flags), data.encode() or None), f"mount {target}")


def unmount(target: str | Path) -> None:
    checked(_libc.umount2(str(target).encode(), MNT_DETACH), f"unmount {target}")


def pivot_root(new: str, old: str) -> None:
    number = _PIVOT_ROOT[os.uname().machine]
    checked(_libc.syscall(ctypes.c_long(number), new.encode(), old.encode()), "pivot_root")


def setns(fd: int, kinds: int) -> None:
    checked(_libc.setns(fd, kinds), "setns")


def unshare(kinds: int) -> None:
    checked(_libc.unshare(kinds), "unshare")


def openat2(directory: int, path: str, flags: int, mode: int = 0, resolve: int = 0) -> int:
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    size = ctypes.c_size_t(ctypes.sizeof(how))
    call = ctypes.c_long(_OPENAT2)
    return checked(_libc.syscall(call, ctypes.c_int(directory), path.encode(), ctypes.byref(how), size), f"open {path}")


def bind_descriptor(source: int, target: int) -> None:
    """Mounts what `source` is open on over what `target` is open on: between the two no path is resolved."""
    flags = ctypes.c_uint(_AT_EMPTY_PATH | _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC)
    tree = checked(_libc.syscall(ctypes.c_long(_OPEN_TREE), ctypes.c_int(source), b"", flags), "open_tree")
    try:
        both = ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_EMPTY_PATH)
        place = (ctypes.c_int(tree), b"", ctypes.c_int(target), b"", both)
        checked(_libc.syscall(ctypes.c_long(_MOVE_MOUNT), *place), "move_mount")
    finally:
        os.close(tree)
