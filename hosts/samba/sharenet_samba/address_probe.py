"""Whether another machine already uses an address: ARP probes (RFC 5227) for IPv4, the kernel's own duplicate address
detection for IPv6. Run inside the share server's network, before and after the address is set."""

from __future__ import annotations

import ipaddress
import json
import select
import socket
import struct
import subprocess
import time

from .problem import internal, rejected

ETHERTYPE_ARP = 0x0806
BROADCAST = b"\xff" * 6
PROBES = 3
PROBE_PAUSE = 0.25
ANNOUNCEMENTS = 2


def _frame(mac: bytes, sender: bytes, target: bytes) -> bytes:
    """An ARP request from `mac`."""
    ethernet = BROADCAST + mac + struct.pack("!H", ETHERTYPE_ARP)
    return ethernet + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + sender + b"\0" * 6 + target


def conflicting_mac(frame: bytes, own_mac: bytes, address: bytes) -> bytes | None:
    """The station that has the address, or that probes for it at the same time; None for any other frame."""
    if len(frame) < 42 or frame[12:14] != struct.pack("!H", ETHERTYPE_ARP) or frame[14:20] != b"\0\1\x08\0\6\4":
        return None
    sender_mac, sender, target = frame[22:28], frame[28:32], frame[38:42]
    if sender_mac == own_mac:
        return None
    if sender == address or (sender == b"\0\0\0\0" and target == address):
        return sender_mac
    return None


def probe_ipv4(payload: dict) -> dict:
    """{interface, address} -> {conflict: MAC address or null}. Takes about a second without an answer."""
    address = ipaddress.IPv4Address(payload["address"]).packed
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ARP)) as raw:
        raw.bind((payload["interface"], ETHERTYPE_ARP))
        mac = raw.getsockname()[4]
        for _ in range(PROBES):
            raw.send(_frame(mac, b"\0" * 4, address))
            end = time.monotonic() + PROBE_PAUSE
            while (left := end - time.monotonic()) > 0:
                if not select.select([raw], [], [], left)[0]:
                    break
                other = conflicting_mac(raw.recv(2048), mac, address)
                if other is not None:
                    return {"conflict": other.hex(":")}
    return {"conflict": None}


def announce_ipv4(payload: dict) -> dict:
    """{interface, address}: tells the neighbours whose address it now is; they may remember another host's."""
    address = ipaddress.IPv4Address(payload["address"]).packed
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ARP)) as raw:
        raw.bind((payload["interface"], ETHERTYPE_ARP))
        mac = raw.getsockname()[4]
        for _ in range(ANNOUNCEMENTS):
            raw.send(_frame(mac, address, address))
    return {}


def await_ipv6(payload: dict) -> dict:
    """{interface, address, seconds}: waits for the kernel's detection -> {conflict: true | false}."""
    end = time.monotonic() + payload["seconds"]
    wanted = ipaddress.IPv6Address(payload["address"])
    while True:
        shown = subprocess.run(
            ["ip", "-6", "-j", "addr", "show", "dev", payload["interface"]], capture_output=True, check=True
        ).stdout
        for link in json.loads(shown or b"[]"):
            for each in link.get("addr_info", []):
                if each.get("local") and ipaddress.IPv6Address(each["local"]) == wanted:
                    if each.get("dadfailed"):
                        return {"conflict": True}
                    if not each.get("tentative"):
                        return {"conflict": False}
        if time.monotonic() > end:
            raise internal("AddressProbeFailed", f"the address {wanted} can't be probed: the link does not come up")
        time.sleep(0.05)


def address_in_use(address: str, where: str) -> Exception:
    """`where`: the station that answered, for the administrator."""
    return rejected(
        "AddressInUse",
        f"the address {address} is already used by another machine of the network; take it out of the subnet's "
        "allocation ranges or free it",
        detail=where,
    )
