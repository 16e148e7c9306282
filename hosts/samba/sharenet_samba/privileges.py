"""What the processes of a share server may not do although they are root's: change its network, load modules, trace."""

from __future__ import annotations

import ctypes

# linux/prctl.h and linux/capability.h
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
LAST_CAPABILITY = 63
KEPT = {
    0: "chown",
    1: "dac_override",
    2: "dac_read_search",
    3: "fowner",
    4: "fsetid",
    5: "kill",
    6: "setgid",
    7: "setuid",
    10: "net_bind_service: port 445",
    21: "sys_admin: the attribute security.NTACL; all that it could mount is gone with the host's file system",
    24: "sys_resource: smbd raises its limit of open files",
    28: "lease: oplocks that local processes see",
}


def give_up_privileges() -> None:
    """For this process's children and all of theirs; nothing gives it back. Called by pid 1 when all is mounted."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = min(LAST_CAPABILITY, int(file.read()))
    for capability in range(last + 1):
        if capability not in KEPT and libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"capability {capability} can't be dropped")
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs can't be set")
