"""What the processes of a share server may not do although they are root's. They have the capabilities that a file
server needs for the files of its users, and none over the kernel, the network or other processes."""

from __future__ import annotations

import ctypes
import resource

from . import seccomp, syscalls

# linux/prctl.h and linux/capability.h
PR_SET_DUMPABLE = 4
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAPABILITY_VERSION_3 = 0x20080522
LAST_CAPABILITY = 63
KEPT = {
    0: "chown",
    1: "dac_override",
    3: "fowner",
    4: "fsetid",
    5: "kill: of processes of its own namespace",
    6: "setgid",
    7: "setuid",
    10: "net_bind_service: port 445",
}
# Not kept, although they seem to be about files alone: dac_read_search opens every file of the file system by its handle,
# sys_resource goes beyond quotas, sys_admin is needed for the attribute security.NTACL only, which is why ACLs are kept in
# another one.

# Of apparmor/sharenet-samba.
PROFILE = "sharenet-samba"
# smbd wants as many, and may not raise the limit itself.
OPEN_FILES = 65536
# Address space of one process: of a program that a call runs inside, and of a daemon.
COMMAND_MEMORY = 512 << 20
DAEMON_MEMORY = 4 << 30


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


_MASK = sum(1 << capability for capability in KEPT)


def hide_process() -> None:
    """From the other processes of the share server, which have the same user: what it has open and in memory. Until the
    next exec."""
    syscalls.prctl(PR_SET_DUMPABLE, 0)


def use_profile_from_exec() -> None:
    """AppArmor's profile for share servers, where an administrator loaded it. To be called while /proc is the host's."""
    for path in ("/proc/self/attr/apparmor/exec", "/proc/self/attr/exec"):
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write(f"exec {PROFILE}")
            return
        except OSError:
            # There is no AppArmor, or no such profile.
            continue


def limit_command() -> None:
    """A program that a call runs inside: what it may take of the host."""
    _limit_process(COMMAND_MEMORY)


def limit_daemons() -> None:
    _limit_process(DAEMON_MEMORY)


def _limit_process(memory: int) -> None:
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)


def _limit(kind: int, most: int) -> None:
    """No more than what the caller may have itself."""
    _, hard = resource.getrlimit(kind)
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (limit, limit))


def give_up_privileges() -> None:
    """For this process and all that it starts; nothing gives them back. To be called before the first program of the
    share server's file system is executed."""
    hide_process()
    for capability in range(LAST_CAPABILITY + 1):
        if capability not in KEPT and _is_bound(capability):
            syscalls.prctl(PR_CAPBSET_DROP, capability)
    syscalls.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    syscalls.capset(_Header(CAPABILITY_VERSION_3, 0), (_Data * 2)(_Data(_MASK, _MASK, 0), _Data(0, 0, 0)))
    syscalls.prctl(PR_SET_NO_NEW_PRIVS, 1)
    seccomp.refuse_calls()


def _is_bound(capability: int) -> bool:
    """False for one that this kernel does not know, too."""
    try:
        return syscalls.prctl(PR_CAPBSET_READ, capability) == 1
    except OSError:
        return False
