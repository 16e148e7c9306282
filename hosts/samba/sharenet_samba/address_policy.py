"""Which addresses a share server may be sent to. Tenants choose name servers and directories, and what those answer."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def denied_networks(ranges: Iterable[str]) -> list[Network]:
    """The backend's denied ranges, CIDR each."""
    return [ipaddress.ip_network(each, strict=False) for each in ranges]


def refusal(address: str, denied: list[Network]) -> str | None:
    """Why a share server may not talk to this address, for a person; None when it may."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "not an IP address"
    # An IPv6 form of an IPv4 address is judged as that.
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    kinds = (
        (ip.is_unspecified, "the unspecified address"),
        (ip.is_loopback, "a loopback address"),
        (ip.is_link_local, "a link-local address"),
        (ip.is_multicast, "a multicast address"),
        (ip.is_reserved or str(ip) == "255.255.255.255", "a reserved address"),
        (any(ip.version == each.version and ip in each for each in denied), "in a range that this backend denies"),
    )
    return next((text for applies, text in kinds if applies), None)
