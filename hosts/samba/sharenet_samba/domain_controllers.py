"""Finding a domain's controllers with the name servers that the tenant named; no address is used before it was
judged."""

from __future__ import annotations

from dataclasses import dataclass

from .address_policy import Network, refusal
from .command import ENDED_EARLY
from .directory_service import DirectoryService, is_host_name
from .instance import Instance
from .problem import Problem, rejected, unavailable

# name_server.py ends before.
LOOKUP_TIMEOUT = 20.0
MOST_TRIED = 4


@dataclass(frozen=True)
class DomainController:
    """`host` as DNS or the tenant names it; its address when it was given as one. `address` was judged."""

    host: str
    address: str


def find_services(instance: Instance, name_servers: tuple[str, ...], name: str) -> dict:
    return _ask(instance, "find_services", name_servers, name) or {"answeredBy": None, "targets": []}


def find_addresses(instance: Instance, name_servers: tuple[str, ...], name: str) -> list[str]:
    return _ask(instance, "find_addresses", name_servers, name).get("addresses", [])


def _ask(instance: Instance, function: str, name_servers: tuple[str, ...], name: str) -> dict:
    """Empty when the name servers keep it from ending."""
    payload = {"servers": list(name_servers), "name": name}
    try:
        return instance.python(f"name_server:{function}", payload, timeout=LOOKUP_TIMEOUT)
    except Problem as problem:
        if problem.reason not in ENDED_EARLY:
            raise
        return {}


def find_domain_controllers(
    instance: Instance, service: DirectoryService, denied: list[Network]
) -> list[DomainController]:
    """In the order to try: those of `servers`, else those of the site, else those of the domain. Never empty.

    Unavailable when no name server answers, Rejected when there are none or none may be talked to."""
    where = f"domain {service.domain}: "
    site = f"{service.site}._sites." if service.site and not service.servers else ""
    found = find_services(instance, service.dns_ips, f"_ldap._tcp.{site}dc._msdcs.{service.domain}")
    if found["answeredBy"] is None:
        servers = ", ".join(service.dns_ips)
        raise unavailable("NameServerNotAnswering", f"{where}no name server answers (asked: {servers})")
    targets = [(each["host"], each["addresses"]) for each in found["targets"] if is_host_name(each["host"])]
    asked = found["answeredBy"]
    if not targets:
        place = f" in site {service.site}" if site else ""
        raise rejected("DomainNotFound", f"{where}name server {asked} knows no domain controllers of it{place}")
    if service.servers:
        targets = [
            (
                each,
                find_addresses(instance, service.dns_ips, each) if refusal(each, []) == "not an IP address" else [each],
            )
            for each in service.servers
        ]
    usable: list[DomainController] = []
    refused: list[str] = []
    for host, addresses in targets:
        for address in addresses:
            why = refusal(address, denied)
            if why is None:
                usable.append(DomainController(host, address))
            else:
                refused.append(f"{address} of {host} is {why}" if host != address else f"{address} is {why}")
    if usable:
        return usable[:MOST_TRIED]
    if refused:
        raise rejected("AddressDenied", f"{where}no domain controller may be used: {'; '.join(refused[:3])}")
    names = ", ".join(host for host, _ in targets[:3])
    raise rejected("DomainControllerNotFound", f"{where}name server {asked} knows no address of {names}")
