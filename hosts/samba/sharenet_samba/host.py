"""What the file server host is and has."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from . import PROGRAM_VERSION, quota, systemd
from .command import PATH, run_command
from .deadline import Deadline
from .layout import Layout
from .links import NET
from .package_fixes import fixed_vulnerabilities
from .problem import Problem
from .request import INTERFACE, Fields
from .restrictions import interface_problem
from .seccomp import ARCHITECTURES

NEEDED = {
    "smbd": "samba",
    "winbindd": "winbind",
    "wbinfo": "winbind",
    "nslcd": "nslcd",
    "net": "samba-common-bin",
    "testparm": "samba-common-bin",
    "smbcontrol": "samba-common-bin",
    "smbstatus": "samba",
    "ip": "iproute2",
    "bridge": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "sysctl": "procps",
    "kinit": "krb5-user",
    "ldapsearch": "ldap-utils",
    "ldbsearch": "ldb-tools",
}


NEEDED_LIBRARIES = {
    "samba/vfs/acl_xattr.so": "samba-vfs-modules",
    "samba/ldb/ildap.so": "samba-dsdb-modules",
    "libnss_winbind.so.2": "libnss-winbind",
    "libnss_ldap.so.2": "libnss-ldapd",
}
LIBRARY_FOLDERS = ("lib", "lib64", "lib/*-linux-gnu*")


def missing_packages() -> list[str]:
    """Packages (as Debian calls them) whose programs and libraries are not there, sorted."""
    missing = {package for program, package in NEEDED.items() if shutil.which(program, path=PATH) is None}
    for library, package in NEEDED_LIBRARIES.items():
        if not any(any(Path("/usr").glob(f"{folder}/{library}")) for folder in LIBRARY_FOLDERS):
            missing.add(package)
    return sorted(missing)


def samba_version() -> str:
    """For example 4.17.12; "" when there is none."""
    try:
        found = re.search(r"\d+\.\d+\.\d+", run_command(["smbd", "--version"], timeout=10).text)
    except Problem:
        return ""
    return found.group() if found else ""


def keeps_attributes(layout: Layout) -> bool:
    """Tried on a directory that no share is in."""
    name = "user.sharenet_trial"
    try:
        os.setxattr(layout.locks, name, b"1")
    except OSError:
        return False
    # A call at the same time may have removed it.
    with suppress(OSError):
        os.removexattr(layout.locks, name)
    return True


def describe_host(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, interface} -> what the operator shows of the host. `problems` are sentences for its administrator."""
    interface = request.text("interface", INTERFACE)
    problems = [f"the package {package} is not installed" for package in missing_packages()]
    machine = os.uname().machine
    if machine not in ARCHITECTURES:
        problems.append(f"share servers run on processors of type {' or '.join(ARCHITECTURES)}, not on {machine}")
    if os.geteuid() != 0:
        problems.append("the program must run as root")
    not_allowed = interface_problem(interface)
    if not_allowed is not None:
        problems.append(not_allowed)
    if not (NET / interface).exists():
        problems.append(f'there is no network interface "{interface}"')
    elif (NET / interface / "operstate").read_text().strip() == "down":
        problems.append(f'the network interface "{interface}" is down')
    kind = quota.kind_of(layout.root)
    if kind == "project":
        problems += [f"the package {package} is not installed" for package in quota.missing_packages()]
    if not keeps_attributes(layout):
        problems.append(f"the file system of {layout.root} keeps no extended attributes of users, which Windows ACLs need")
    space = os.statvfs(layout.root)
    return {
        "programVersion": PROGRAM_VERSION,
        "sambaVersion": samba_version(),
        "fixedVulnerabilities": fixed_vulnerabilities(),
        "capacity": {"total": space.f_blocks * space.f_frsize, "available": space.f_bavail * space.f_frsize},
        "quota": kind,
        "systemd": systemd.in_use(),
        "problems": problems,
    }
