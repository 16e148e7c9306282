"""Our part of smb.conf: addresses and hardening, and a file for each share."""

from __future__ import annotations

import re

from .idmap import LOWEST_ID
from .share_section import share_section
from .smbconf import render
from .state import Share, State

# In the directory of smb.conf, on the host and inside.
SHARES = "shares"

# Refused in the directory's part: they would undo the isolation or run programs.
OURS = frozenset({"interfaces", "bind interfaces only", "include", "copy", "root preexec", "preexec", "log file"})

# Each has a process. Clients that connect and say nothing must not fill the host's memory.
MOST_CONNECTIONS = 400

# An LDAP directory may have an entry named root, and may give a user any group: as primary one, by members of all kinds,
# or by a SID that it gives a number. Samba compares with the Unix SIDs of all of them.
NOT_OF_SYSTEM = {
    "invalid users": ", ".join(
        ["root", '"Unix User\\root"', *(f"S-1-22-2-{number}" for number in range(LOWEST_ID)), "S-1-22-1-0"]
    )
}

STANDALONE = {
    "server role": "standalone server",
    "security": "user",
    "passdb backend": "tdbsam",
    "map to guest": "never",
}


def share_file(share_id: str) -> str:
    return f"{share_id}.conf"


def share_text(share: Share, state: State) -> str:
    """The file of one share."""
    return render({share.name: share_section(share, state)})


def main_text(state: State, sections: dict[str, dict[str, str]], share_ids: list[str]) -> str:
    """smb.conf, with the files of these shares. What is included stays in its section: nothing follows."""
    includes = "".join(f"\tinclude = /etc/samba/{SHARES}/{share_file(each)}\n" for each in share_ids)
    return render({"global": global_section(state, sections)}) + includes


def global_section(state: State, sections: dict[str, dict[str, str]]) -> dict[str, str]:
    """`sections` is the directory's: `global` wins over our defaults, but not over OURS; without a directory it is a
    standalone server with users of its own."""
    # As Samba reads what a former version stored.
    directory = {name: re.sub(" +", " ", value) for name, value in sections.get("global", {}).items()}
    for parameter in OURS & directory.keys():
        del directory[parameter]
    return {
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
        **(NOT_OF_SYSTEM if directory.get("passdb backend", "").startswith("ldapsam") else {}),
        # Without prefix lengths: Samba takes one of three digits for a mask, and an address of a small subnet for a network.
        "interfaces": " ".join(["lo", *(each.ip_address for each in state.allocations)]),
        "bind interfaces only": "yes",
    }
