"""Requests as they come: every value is checked here, before anything is done with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .address_policy import always_denied
from .addresses import parse_address, parse_network
from .layout import IDENTIFIER
from .problem import rejected
from .smbconf import SECTION
from .state import Allocation, Owner

INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
# A number would be read as an IPv4 address, and `localhost` as the machine that asks.
HOSTNAME = re.compile(r"(?!([0-9]+|0[xX][0-9A-Fa-f]*|(?i:localhost))$)[A-Za-z0-9]([A-Za-z0-9-]{0,13}[A-Za-z0-9])?")
WORKGROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
PLAIN = re.compile(r"[A-Za-z0-9._:@/-]{1,253}")
HIGHEST_USER = (1 << 32) - 2
RESERVED_SHARES = frozenset({"global", "globals", "homes", "printers", "print$", "ipc$", "admin$", "netlogon", "sysvol"})


def _wrong(where: str, expected: str) -> Exception:
    return rejected("RequestInvalid", f"{where}: {expected}")


class Fields:
    """A JSON object whose members are taken out with their types. `where` begins the messages."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(where, "must be an object")
        self.value: dict = value
        self.where = where

    def text(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self.value.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise _wrong(f"{self.where}.{name}", "is missing or not of the expected form")
        return value

    def optional_text(self, name: str, pattern: re.Pattern[str]) -> str | None:
        return None if self.value.get(name) is None else self.text(name, pattern)

    def number(self, name: str, low: int, high: int) -> int:
        value = self.value.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _wrong(f"{self.where}.{name}", f"must be a whole number from {low} to {high}")
        return value

    def optional_number(self, name: str, low: int, high: int) -> int | None:
        return None if self.value.get(name) is None else self.number(name, low, high)

    def list(self, name: str, longest: int = 10_000) -> list:
        value = self.value.get(name, [])
        if not isinstance(value, list) or len(value) > longest:
            raise _wrong(f"{self.where}.{name}", f"must be a list of at most {longest}")
        return value

    def fields(self, name: str) -> "Fields":
        return Fields(self.value.get(name), f"{self.where}.{name}")

    def optional_fields(self, name: str) -> "Fields | None":
        return None if self.value.get(name) is None else self.fields(name)

    def address(self, name: str) -> str:
        try:
            address = parse_address(self.value.get(name))
        except ValueError:
            raise _wrong(f"{self.where}.{name}", "must be an IP address") from None
        why = always_denied(address)
        if why is not None:
            raise _wrong(f"{self.where}.{name}", f"{address} is {why}: no machine of a subnet can have it")
        return str(address)


def owner_of(request: Fields) -> Owner:
    fields = request.fields("owner")
    return Owner(fields.text("installationID", PLAIN), fields.text("namespaceUID", PLAIN))


@dataclass(frozen=True)
class WantedServer:
    id: str
    name: str
    hostname: str
    allocations: list[Allocation]


def allocation_of(value: object, where: str) -> Allocation:
    fields = Fields(value, where)
    address = fields.address("ipAddress")
    gateway = None if fields.value.get("gateway") is None else fields.address("gateway")
    version = parse_address(address).version
    if gateway is not None and parse_address(gateway).version != version:
        raise _wrong(f"{where}.gateway", "must be of the family of ipAddress")
    prefix_length = fields.number("prefixLength", 1, 32 if version == 4 else 128)
    subnet = parse_network(f"{address}/{prefix_length}")
    # The first address means the subnet or its routers; the last one of an IPv4 subnet means all of its machines.
    shared = [str(subnet[0]), *([str(subnet[-1])] if version == 4 else [])]
    if subnet.num_addresses > 2 and address in shared:
        raise _wrong(f"{where}.ipAddress", f"{address} belongs to no single machine of {subnet}")
    return Allocation(
        ip_address=address,
        prefix_length=prefix_length,
        network_type=fields.text("networkType", PLAIN),
        subnet_name=fields.text("subnetName", PLAIN),
        gateway=gateway,
        mtu=fields.optional_number("mtu", 576, 65535),
        segmentation_id=(
            fields.optional_number("segmentationID", 1, 4094) if fields.value.get("networkType") == "vlan" else None
        ),
    )


def server_of(request: Fields) -> WantedServer:
    fields = request.fields("server")
    given = fields.list("allocations", 32)
    allocations = [allocation_of(each, f"server.allocations[{i}]") for i, each in enumerate(given)]
    if not allocations:
        raise _wrong("server.allocations", "a share server needs an address")
    for i, each in enumerate(allocations):
        if any(each.ip_address == other.gateway for other in allocations):
            raise _wrong(f"server.allocations[{i}].ipAddress", f"{each.ip_address} is the address of a gateway")
        if any(each.ip_address == other.ip_address for other in allocations[:i]):
            raise _wrong(f"server.allocations[{i}].ipAddress", f"{each.ip_address} occurs twice")
    return WantedServer(
        id=fields.text("id", IDENTIFIER),
        name=fields.text("name", PLAIN),
        hostname=fields.text("hostname", HOSTNAME),
        allocations=allocations,
    )


def server_id_of(request: Fields) -> str:
    """`serverID`, or the id of `server` in verbs that carry the whole server."""
    if "serverID" in request.value:
        return request.text("serverID", IDENTIFIER)
    return request.fields("server").text("id", IDENTIFIER)


def settings_of(request: Fields) -> dict:
    """The backend's settings as far as they are given; null is not given."""
    given = request.value.get("settings") or {}
    fields = Fields(given, "settings")
    value = {name: each for name, each in fields.value.items() if each is not None}
    fields = Fields(value, "settings")
    for each in fields.list("deniedRanges", 200):
        try:
            parse_network(each)
        except ValueError:
            raise _wrong("settings.deniedRanges", "must be address ranges such as 10.96.0.0/12") from None
    if not isinstance(value.get("updateDNS", True), bool):
        raise _wrong("settings.updateDNS", "must be true or false")
    if "idmapRange" in value:
        idmap = fields.fields("idmapRange")
        for name, low in {"first": 1, "size": 1, "count": 2}.items():
            idmap.optional_number(name, low, HIGHEST_USER)
    return value


@dataclass(frozen=True)
class WantedShare:
    """`size` in bytes."""

    id: str
    name: str
    size: int


def share_of(request: Fields) -> WantedShare:
    fields = request.fields("share")
    name = fields.text("name", SECTION)
    if name.lower() in RESERVED_SHARES:
        raise _wrong("share.name", f'"{name}" means something else to Samba')
    return WantedShare(fields.text("id", IDENTIFIER), name, fields.number("size", 1, 1 << 60))


@dataclass(frozen=True)
class WantedRule:
    """`to` is checked rule by rule later: one bad rule must not fail the others."""

    id: str
    type: str
    to: str
    level: str


def rules_of(request: Fields) -> list[WantedRule]:
    result = []
    for i, each in enumerate(request.list("rules")):
        fields = Fields(each, f"rules[{i}]")
        to = fields.value.get("to")
        if not isinstance(to, str):
            raise _wrong(f"rules[{i}].to", "must be a text")
        result.append(WantedRule(fields.text("id", PLAIN), fields.text("type", PLAIN), to, fields.text("level", PLAIN)))
    if len({rule.id for rule in result}) != len(result):
        raise _wrong("rules", "an id occurs twice")
    return result
