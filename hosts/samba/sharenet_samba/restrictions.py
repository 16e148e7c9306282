"""What of this host the operator may use, as the host's administrator says it: whoever has the key can ask for no more.

    {"roots": ["/srv/sharenet"], "interfaces": {"br0": ["flat", "100-199", 300]}}

Without the file the operator chooses. One that can't be used lets nothing through."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from .layout import Layout
from .problem import rejected, unavailable
from .state import Allocation

FILE = Path("/etc/sharenet/samba.json")
LONGEST = 1 << 20
VLANS = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


@dataclass(frozen=True)
class Restrictions:
    """`interfaces`: whether its untagged network may be used, and ranges of VLANs."""

    roots: frozenset[Path]
    interfaces: dict[str, tuple[bool, list[range]]]


def _ranges(entries: list) -> tuple[bool, list[range]]:
    found = []
    for each in entries:
        if each == "flat":
            continue
        match = VLANS.fullmatch(str(each)) if isinstance(each, (str, int)) and not isinstance(each, bool) else None
        first = int(match[1]) if match else 0
        last = int(match[2] or match[1]) if match else 0
        if not 1 <= first <= last <= 4094:
            raise ValueError(f"{each!r} is neither flat nor VLANs from 1 to 4094")
        found.append(range(first, last + 1))
    return "flat" in entries, found


def _parse(text: bytes) -> Restrictions:
    raw = json.loads(text)
    if not isinstance(raw, dict) or raw.keys() != {"roots", "interfaces"}:
        raise ValueError("it must be an object with the members roots and interfaces")
    roots, interfaces = raw["roots"], raw["interfaces"]
    if not isinstance(roots, list) or not all(isinstance(each, str) and each.startswith("/") for each in roots):
        raise ValueError("roots must be a list of absolute paths")
    if not isinstance(interfaces, dict) or not all(isinstance(each, list) for each in interfaces.values()):
        raise ValueError("interfaces must have a list for each interface")
    return Restrictions(frozenset(map(Path, roots)), {name: _ranges(each) for name, each in interfaces.items()})


def read_restrictions() -> Restrictions | None:
    """None without the file. Unavailable `HostRestrictionsInvalid` when it can't be used: it is never taken for none."""
    if not os.path.lexists(FILE):
        return None
    try:
        with open(FILE, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid != 0 or status.st_mode & 0o022:
                raise ValueError("root must own it, and only root may write to it")
            text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise ValueError("it is too long")
        return _parse(text)
    except (OSError, ValueError, RecursionError) as cause:
        raise unavailable(
            "HostRestrictionsInvalid",
            f"{FILE} on the file server host can't be used: its administrator must correct it",
            detail=f"{type(cause).__name__}: {cause}",
        ) from cause


def check_root(layout: Layout) -> None:
    """Unavailable `RootNotAllowed`."""
    allowed = read_restrictions()
    if allowed is not None and layout.root not in allowed.roots:
        message = f"the root directory {layout.root} is not among those that {FILE} on the file server host allows"
        raise unavailable("RootNotAllowed", message)


def interface_problem(interface: str) -> str | None:
    """A sentence for the administrator, None when the operator may use the interface."""
    allowed = read_restrictions()
    if allowed is None or interface in allowed.interfaces:
        return None
    return f'the network interface "{interface}" is not among those that {FILE} on the file server host allows'


def check_segments(interface: str, allocations: list[Allocation]) -> None:
    """Of a new share server. Unavailable `InterfaceNotAllowed`, Rejected `SegmentNotAllowed`."""
    problem = interface_problem(interface)
    if problem is not None:
        raise unavailable("InterfaceNotAllowed", problem)
    allowed = read_restrictions()
    flat, vlans = (True, [range(4096)]) if allowed is None else allowed.interfaces[interface]
    for each in allocations:
        vlan = each.segmentation_id
        if not (flat if vlan is None else any(vlan in known for known in vlans)):
            what = "the untagged network" if vlan is None else f"VLAN {vlan}"
            message = f'subnet "{each.subnet_name}": the file server host does not allow {what} to share servers'
            raise rejected("SegmentNotAllowed", message, detail=f"{FILE}, interface {interface}")
