"""The network of a share server: a namespace of its own with the subnets' addresses and gateways, and nothing else."""

from __future__ import annotations

import ipaddress
import json

from . import denied_routes, host_registry, links
from .address_probe import address_in_use
from .command import must, run_command
from .deadline import Deadline
from .inside import read_answer
from .layout import PROGRAM, Layout, ServerPaths
from .state import Allocation, State

SYSCTLS = {
    "net.ipv4.ip_forward": "0",
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.default.accept_redirects": "0",
    "net.ipv4.conf.all.accept_source_route": "0",
    "net.ipv4.conf.all.rp_filter": "1",
    "net.ipv6.conf.all.forwarding": "0",
    "net.ipv6.conf.all.accept_ra": "0",
    "net.ipv6.conf.default.accept_ra": "0",
    "net.ipv6.conf.default.accept_redirects": "0",
    "net.ipv6.conf.default.autoconf": "0",
    # Duplicate addresses are looked for, whatever the host's own settings are.
    "net.ipv6.conf.all.accept_dad": "1",
    "net.ipv6.conf.default.accept_dad": "1",
    "net.ipv6.conf.default.dad_transmits": "1",
    "net.ipv6.conf.default.optimistic_dad": "0",
}


def in_namespace(paths: ServerPaths, *argv: str) -> list[str]:
    return ["nsenter", f"--net={paths.namespace_file}", *argv]


def _call(paths: ServerPaths, function: str, payload: dict, deadline: Deadline) -> dict:
    """A function of ours in the network, but not yet in the server: its pid 1 comes later."""
    entry = str(PROGRAM / "sharenet-samba-host")
    argv = in_namespace(paths, "/usr/bin/python3", "-I", "-B", entry, "call", function)
    done = run_command(argv, stdin=json.dumps(payload).encode(), timeout=deadline.limit(15))
    return read_answer(done, function)


def _addresses(paths: ServerPaths) -> set[str]:
    """Addresses that are set and usable."""
    shown = must(in_namespace(paths, "ip", "-j", "addr", "show")).stdout
    return {
        each["local"]
        for link in json.loads(shown or b"[]")
        for each in link.get("addr_info", [])
        if "local" in each and not each.get("tentative") and not each.get("dadfailed")
    }


def missing_addresses(paths: ServerPaths, state: State) -> list[str]:
    """Addresses of the server that are not set; all of them when it has no namespace."""
    wanted = [each.ip_address for each in state.allocations]
    if not paths.namespace_file.exists():
        return wanted
    have = {ipaddress.ip_address(each) for each in _addresses(paths)}
    return [each for each in wanted if ipaddress.ip_address(each) not in have]


def bring_up(paths: ServerPaths, state: State, deadline: Deadline) -> None:
    """Makes namespace, links, addresses and routes as far as they are missing. An address that is not yet set is probed
    first: Rejected `AddressInUse` when another machine, the host or another share server of it has it."""
    if paths.namespace_file.exists() and not missing_addresses(paths, state):
        return
    with host_registry.host_lock(deadline):
        host_registry.claim(Layout(str(paths.base.parent.parent)), paths.server_id, state.interface, state.allocations)
    if not paths.namespace_file.exists():
        must(["ip", "netns", "add", paths.namespace])
    # Those that a kernel does not have are passed over.
    values = [f"{name}={value}" for name, value in SYSCTLS.items()]
    run_command(in_namespace(paths, "sysctl", "-q", "-w", *values), timeout=10)
    must(in_namespace(paths, "ip", "link", "set", "lo", "up"))
    for link in state.links:
        links.make(paths, link)
        for allocation in link.allocations:
            _set_address(paths, link.name, allocation, deadline)
    _set_routes(paths, state)


def _set_address(paths: ServerPaths, interface: str, allocation: Allocation, deadline: Deadline) -> None:
    address = ipaddress.ip_address(allocation.ip_address)
    if address in {ipaddress.ip_address(each) for each in _addresses(paths)}:
        return
    target = {"interface": interface, "address": str(address)}
    if address.version == 4:
        other = _call(paths, "address_probe:probe_ipv4", target, deadline)["conflict"]
        if other is not None:
            raise address_in_use(str(address), f"{other} answered on {interface}")
    argv = ["ip", "addr", "replace", f"{address}/{allocation.prefix_length}", "dev", interface]
    must(in_namespace(paths, *argv))
    if address.version == 4:
        _call(paths, "address_probe:announce_ipv4", target, deadline)
    elif _call(paths, "address_probe:await_ipv6", {**target, "seconds": 5}, deadline)["conflict"]:
        must(in_namespace(paths, "ip", "addr", "del", f"{address}/{allocation.prefix_length}", "dev", interface))
        raise address_in_use(str(address), f"duplicate address detection failed on {interface}")


def renew_denied(paths: ServerPaths, state: State) -> None:
    """Brings the denied ranges of the state into force where the server has a network."""
    if paths.namespace_file.exists():
        denied_routes.deny(paths.namespace, state)


def _set_routes(paths: ServerPaths, state: State) -> None:
    """The first gateway of each family leads out; denied ranges lead nowhere, whoever resolved or redirected what."""
    for version in (4, 6):
        for link in state.links:
            gateways = [each.gateway for each in link.allocations if each.gateway]
            gateway = next((each for each in gateways if ipaddress.ip_address(each).version == version), None)
            if gateway is not None:
                argv = ["ip", f"-{version}", "route", "replace", "default", "via", gateway, "dev", link.name]
                must(in_namespace(paths, *argv))
                break
    denied_routes.deny(paths.namespace, state)


def tear_down(paths: ServerPaths, state: State) -> None:
    """Removes what bring_up made. Missing things are fine."""
    if paths.namespace_file.exists():
        must(["ip", "netns", "delete", paths.namespace])
    for link in state.links:
        links.remove(link)
