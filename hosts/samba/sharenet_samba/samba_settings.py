"""Our part of smb.conf: addresses, hardening, shares."""

from __future__ import annotations

from .share_section import share_section
from .state import State

# Refused in the directory's part: they would undo the isolation or run programs.
OURS = frozenset({"interfaces", "bind interfaces only", "include", "copy", "root preexec", "preexec", "log file"})

# Each has a process. Clients that connect and say nothing must not fill the host's memory.
MOST_CONNECTIONS = 400

STANDALONE = {
    "server role": "standalone server",
    "security": "user",
    "passdb backend": "tdbsam",
    "map to guest": "never",
}


def whole(state: State, sections: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The complete smb.conf. `sections` is the directory's: `global` wins over our defaults, but not over OURS; without
    a directory it is a standalone server with users of its own."""
    directory = dict(sections.get("global", {}))
    for parameter in OURS & directory.keys():
        del directory[parameter]
    settings = {
        "workgroup": state.workgroup,
        "netbios name": state.hostname,
        "server string": "share server",
        **({} if directory else STANDALONE),
        "disable netbios": "yes",
        "smb ports": "445",
        "server min protocol": "SMB2_10",
        "server signing": "required",
        "restrict anonymous": "2",
        "load printers": "no",
        "printing": "bsd",
        "printcap name": "/dev/null",
        "disable spoolss": "yes",
        "dns proxy": "no",
        "multicast dns register": "no",
        "usershare max shares": "0",
        "unix extensions": "no",
        "allow insecure wide links": "no",
        "access based share enum": "yes",
        "vfs objects": "acl_xattr",
        "logging": "file",
        "max log size": "1000",
        # Clients come back by themselves when they have something to do.
        "deadtime": "15",
        "max smbd processes": str(MOST_CONNECTIONS),
        "socket options": "TCP_NODELAY SO_KEEPALIVE TCP_KEEPIDLE=120 TCP_KEEPINTVL=30 TCP_KEEPCNT=4",
        "reset on zero vc": "yes",
        **directory,
        # Without prefix lengths: Samba takes one of three digits for a mask, and an address of a small subnet for a network.
        "interfaces": " ".join(["lo", *(each.ip_address for each in state.allocations)]),
        "bind interfaces only": "yes",
    }
    whole_file = {"global": settings}
    for share in state.shares.values():
        if not share.removing:
            whole_file[share.name] = share_section(share, state)
    return whole_file
