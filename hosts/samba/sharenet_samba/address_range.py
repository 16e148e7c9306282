"""Addresses and ranges of access rules: as we store them, and as Samba reads them."""

from __future__ import annotations

import ipaddress

from .addresses import parse_network
from .problem import rejected

IPV4_IN_IPV6 = ipaddress.ip_network("::ffff:0:0/96")


def _network(to: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        network = parse_network(to)
    except ValueError:
        return None
    if network.version == 6 and network.subnet_of(IPV4_IN_IPV6):
        # Clients with such an address connect over IPv4.
        return ipaddress.ip_network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


def normal_range(to: str) -> str | None:
    """An address, or a range with its prefix length, in one spelling; None for anything else."""
    network = _network(to)
    if network is None:
        return None
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def samba_range(to: str) -> str:
    """As an element of `hosts allow`. Samba compares an IPv6 address that has no mask as text, takes a prefix length of
    three digits for a mask of IPv4, and a mask of two characters (`::`) for a prefix length: each mask is written in full."""
    network = _network(to)
    if network is None:
        raise rejected("ValueNotRepresentable", f'access rule for "{to[:80]}": that is not an IP address or range')
    if network.version == 6:
        return f"{network.network_address}/{network.netmask.exploded}"
    if network.num_addresses == 1:
        return str(network.network_address)
    return f"{network.network_address}/{network.netmask}"
