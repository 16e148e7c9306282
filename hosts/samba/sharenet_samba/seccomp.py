"""The system calls that nothing in a share server may make: those that reach the kernel beyond files, sockets and processes.

A program for the kernel's filter, put together here because libseccomp is not on every host."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from . import syscalls

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
ALLOW = 0x7FFF0000
ERRNO = 0x00050000
# Newer calls than this are unknown here, and so is what they can do.
LAST_KNOWN = 462
# linux/audit.h, with the place of each architecture in the tables below.
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
# Calls of the 32-bit ABI on x86_64 have this bit.
X32 = 0x40000000

# Numbers on x86_64 and aarch64; None where there is no such call.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "create_module": (174, None),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "mbind": (237, 235),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "set_mempolicy": (238, 237),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "sysfs": (139, None),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "ustat": (136, None),
    "vhangup": (153, 58),
}
# The C library then uses clone, whose flags the filter can read.
CLONE3 = 435
CLONE = (56, 220)
UNSHARE = (272, 97)
IOCTL = (16, 29)
SOCKET = (41, 198)

NEW_NAMESPACES = (
    syscalls.CLONE_NEWNS
    | syscalls.CLONE_NEWCGROUP
    | syscalls.CLONE_NEWUTS
    | syscalls.CLONE_NEWIPC
    | syscalls.CLONE_NEWUSER
    | syscalls.CLONE_NEWPID
    | syscalls.CLONE_NEWNET
)
# FS_IOC_FSSETXATTR and FS_IOC_SETFLAGS take a file out of its quota's project; TIOCSTI and TIOCLINUX write to terminals.
REFUSED_IOCTLS = (0x401C5820, 0x40086602, 0x40046602, 0x5412, 0x541C)
# AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. Others, such as AF_VSOCK, are not bound to a network namespace.
SOCKET_FAMILIES = (1, 2, 10, 16)

# linux/bpf_common.h
_LOAD = 0x20
_RETURN = 0x06
_IF_EQUAL = 0x15
_IF_GREATER = 0x25
_IF_AT_LEAST = 0x35
_IF_ANY_BIT = 0x45
_NUMBER, _ARCHITECTURE = 0, 4


def _argument(index: int) -> int:
    """Where the low half of an argument is; both architectures are little-endian."""
    return 16 + 8 * index


def filter_program(machine: str) -> bytes:
    """For processors of this kind, as `uname -m` names them. KeyError for others."""
    architecture, column = ARCHITECTURES[machine]
    refused = ERRNO | errno.EPERM
    unknown = ERRNO | errno.ENOSYS
    program: list[tuple[int, int, int, int]] = []

    def load(offset: int) -> None:
        program.append((_LOAD, 0, 0, offset))

    def answer(value: int) -> None:
        program.append((_RETURN, 0, 0, value))

    def answer_if(condition: int, operand: int, value: int) -> None:
        program.append((condition, 0, 1, operand))
        answer(value)

    def only_for(number: int, checks: list[tuple[int, int, int]], argument: int, otherwise: int) -> None:
        """For one call, decided by an argument; what follows is for the other calls."""
        program.append((_IF_EQUAL, 0, 2 + 2 * len(checks), number))
        load(_argument(argument))
        for check in checks:
            answer_if(*check)
        answer(otherwise)

    load(_ARCHITECTURE)
    program.append((_IF_EQUAL, 1, 0, architecture))
    answer(unknown)
    load(_NUMBER)
    if machine == "x86_64":
        answer_if(_IF_AT_LEAST, X32, unknown)
    answer_if(_IF_GREATER, LAST_KNOWN, unknown)
    answer_if(_IF_EQUAL, CLONE3, unknown)
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            answer_if(_IF_EQUAL, number, refused)
    only_for(CLONE[column], [(_IF_ANY_BIT, NEW_NAMESPACES, refused)], 0, ALLOW)
    only_for(UNSHARE[column], [(_IF_ANY_BIT, NEW_NAMESPACES | syscalls.CLONE_NEWTIME, refused)], 0, ALLOW)
    only_for(IOCTL[column], [(_IF_EQUAL, each, refused) for each in REFUSED_IOCTLS], 1, ALLOW)
    only_for(SOCKET[column], [(_IF_EQUAL, each, ALLOW) for each in SOCKET_FAMILIES], 0, ERRNO | errno.EAFNOSUPPORT)
    answer(ALLOW)
    return b"".join(struct.pack("=HBBI", *each) for each in program)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


# Made once: between fork and exec as little as possible is done.
_PROGRAM = filter_program(os.uname().machine) if os.uname().machine in ARCHITECTURES else None


def refuse_calls() -> None:
    """For this process and all that it starts; nothing takes the filter away. no_new_privs must be set."""
    if _PROGRAM is None:
        raise OSError(errno.ENOSYS, f"there is no filter of system calls for {os.uname().machine}")
    program = _Program(len(_PROGRAM) // 8, _PROGRAM)
    syscalls.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program))
