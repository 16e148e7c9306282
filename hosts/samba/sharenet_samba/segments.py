"""Which network segments an interface of the host is on: two interfaces may be the same segment by other names."""

from __future__ import annotations

import ipaddress
import json

from .command import must
from .links import ALIAS

# A device below all others, and the VLAN tags that a frame has there, the outermost first.
Segment = tuple[str, tuple[int, ...]]


def read_devices() -> dict[str, dict]:
    """The host's network devices by name, as `ip` shows them."""
    shown = json.loads(must(["ip", "-d", "-j", "link", "show"]).stdout or b"[]")
    return {each["ifname"]: each for each in shown if "ifname" in each}


def segments_of(interface: str, vlan: int | None, devices: dict[str, dict]) -> frozenset[Segment]:
    """The interface itself, and the devices that its frames go through. VLAN 100 of eth0, the device eth0.100, and a bridge
    that has it as port have one in common."""
    found: set[Segment] = set()
    _collect(interface, () if vlan is None else (vlan,), devices, found)
    return frozenset(found)


def _collect(name: str, tags: tuple[int, ...], devices: dict[str, dict], found: set[Segment]) -> None:
    if (name, tags) in found or len(tags) > 4:
        return
    found.add((name, tags))
    device = devices.get(name, {})
    info = device.get("linkinfo", {})
    kind, below = info.get("info_kind"), device.get("link")
    if kind == "vlan" and below:
        _collect(below, (info.get("info_data", {}).get("id"), *tags), devices, found)
    elif kind in ("macvlan", "macvtap", "ipvlan", "ipvtap", "veth") and below:
        _collect(below, tags, devices, found)
    for other in devices.values():
        # Ports of a bridge, also those of a bond; not those that are share servers'.
        if other.get("master") == name and other.get("ifalias") != ALIAS:
            _collect(other["ifname"], tags, devices, found)
    master = device.get("master")
    if master and devices.get(master, {}).get("linkinfo", {}).get("info_kind") in ("bond", "team"):
        _collect(master, tags, devices, found)


def host_addresses() -> set[str]:
    """The addresses of the host itself, of all its interfaces, in the spelling of Python's ipaddress."""
    shown = json.loads(must(["ip", "-j", "addr", "show"]).stdout or b"[]")
    texts = (each["local"] for link in shown for each in link.get("addr_info", []) if "local" in each)
    return {str(ipaddress.ip_address(text)) for text in texts}
