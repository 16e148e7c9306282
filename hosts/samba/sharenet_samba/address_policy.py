"""Which addresses a share server may be sent to. Tenants choose name servers and directories, and what those answer."""

from __future__ import annotations

from collections.abc import Iterable

from .addresses import Address, Network, parse_address, parse_network

LOOPBACK = "a loopback address"
LINK_LOCAL = "a link-local address"
MULTICAST = "a multicast address"
UNSPECIFIED = "the unspecified address"
RESERVED = "a reserved address"
METADATA = "an address where a cloud answers its machines, also with credentials"
TRANSLATED = "an IPv6 form of an IPv4 address"

# Whatever the backend denies. The first entry that has an address says why. Clouds answer at more addresses in 169.254.0.0/16.
ALWAYS_DENIED: tuple[tuple[Network, str], ...] = tuple(
    (parse_network(text), why)
    for text, why in (
        ("0.0.0.0/8", UNSPECIFIED),
        ("127.0.0.0/8", LOOPBACK),
        ("169.254.0.0/16", LINK_LOCAL),
        ("224.0.0.0/4", MULTICAST),
        ("240.0.0.0/4", RESERVED),
        ("100.100.100.200", METADATA),  # Alibaba Cloud
        ("100.96.0.96", METADATA),  # Volcano Engine
        ("168.63.129.16", METADATA),  # Azure
        ("192.0.0.192", METADATA),  # Oracle Cloud, older regions
        ("::", UNSPECIFIED),
        ("::1", LOOPBACK),
        ("64:ff9b::/96", TRANSLATED),  # NAT64
        ("64:ff9b:1::/48", TRANSLATED),  # NAT64, local use
        ("::/8", RESERVED),
        ("2001::/32", TRANSLATED),  # Teredo
        ("2002::/16", TRANSLATED),  # 6to4
        ("fe80::/10", LINK_LOCAL),
        ("fec0::/10", RESERVED),  # link-local's relative for sites, withdrawn
        ("ff00::/8", MULTICAST),
        ("fd00:ec2::/32", METADATA),  # AWS
        ("fd20:ce::254", METADATA),  # Google Cloud
        ("fd00:c1::a9fe:a9fe", METADATA),  # Oracle Cloud
        ("fd00:100::100:200", METADATA),  # Alibaba Cloud
        ("fd00:42::42", METADATA),  # Scaleway
        ("fd00:a9fe:a9fe::1", METADATA),  # Akamai
    )
)


def denied_networks(ranges: Iterable[str]) -> list[Network]:
    """The backend's denied ranges, CIDR each."""
    return [parse_network(each) for each in ranges]


def always_denied(ip: Address) -> str | None:
    """Why no share server may have or use this address, whatever the backend; None when it may."""
    for network, why in ALWAYS_DENIED:
        if ip.version == network.version and ip in network:
            return why
    return RESERVED if ip.is_reserved else None


def refusal(address: str, denied: list[Network]) -> str | None:
    """Why a share server may not talk to this address, for a person; None when it may."""
    try:
        ip = parse_address(address)
    except ValueError:
        return "not an IP address"
    # The one IPv6 form of an IPv4 address that leads there by IPv4: it is judged as that.
    if ip.version == 6:
        ip = ip.ipv4_mapped or ip
    denies = any(ip.version == each.version and ip in each for each in denied)
    return always_denied(ip) or ("in a range that this backend denies" if denies else None)
