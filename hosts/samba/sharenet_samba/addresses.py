"""IP addresses and ranges as text, read strictly: a text that another program may take for another address is refused."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _checked(text: object) -> str:
    # Python takes a number for an address, and any text after `%` for the zone of one.
    if not isinstance(text, str) or "%" in text:
        raise ValueError("not an IP address")
    return text


def parse_address(text: object) -> Address:
    """ValueError for anything but the text of an address without a zone."""
    return ipaddress.ip_address(_checked(text))


def parse_network(text: object) -> Network:
    """A range in CIDR notation, or one address. Bits beyond the prefix are dropped. ValueError for anything else."""
    return ipaddress.ip_network(_checked(text), strict=False)
