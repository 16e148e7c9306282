"""Denied ranges in the network of a share server: a routing table that is asked before the usual one ends the way to them.

A server's own subnets are its clients' and its gateway's: a range that contains one of them denies the rest of itself. A
range within a subnet is denied also there. Addresses of the server itself are its own before any table is asked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .address_policy import ALWAYS_DENIED, denied_networks
from .addresses import Network, parse_network
from .command import must
from .state import State

TABLE = "100"
# Link-local IPv6 addresses are on an interface, which a route that denies is not: they have a rule. The kernel finds
# neighbours without asking either.
RULES = {4: [f"priority {TABLE} lookup {TABLE}"], 6: [f"priority {TABLE} lookup {TABLE}", "priority 99 to fe80::/10 prohibit"]}
DENY, LEAVE = "prohibit", "throw"


def wanted_routes(state: State, version: int) -> dict[Network, str]:
    """What the table is to have for a family: the range, and whether it is denied or left to the usual table."""
    denied = [network for network, _ in ALWAYS_DENIED] + denied_networks(state.settings.get("deniedRanges", []))
    own = [parse_network(f"{each.ip_address}/{each.prefix_length}") for each in state.allocations]
    routes = {network: DENY for network in denied} | {network: LEAVE for network in own}
    return {network: kind for network, kind in routes.items() if network.version == version}


def _range(text: str, version: int) -> Network:
    return parse_network({4: "0.0.0.0/0", 6: "::/0"}[version] if text == "default" else text)


def changes(wanted: dict[Network, str], shown: Iterable[dict], rules: Iterable[dict], version: int) -> list[str]:
    """Lines for `ip -batch` that make the table so. What is denied now and later stays denied in between, and a server's
    own subnets stay reachable."""
    present: dict[Network, str] = {}
    former = []
    for each in shown:
        if each.get("type") in (DENY, LEAVE) and str(each.get("table", "main")) == TABLE:
            present[_range(each["dst"], version)] = each["type"]
        elif each.get("type") == DENY and str(each.get("table", "main")) == "main":
            # Those of a former version.
            former.append(f"route del {DENY} {each['dst']} table main")
    order = sorted(wanted.items(), key=lambda each: each[1] == DENY)
    lines = [f"route replace {kind} {network} table {TABLE}" for network, kind in order if present.get(network) != kind]
    priorities = {str(each.get("priority")) for each in rules}
    lines += [f"rule add {rule}" for rule in RULES[version] if rule.split()[1] not in priorities]
    stale = [(network, kind) for network, kind in present.items() if network not in wanted]
    # Before a subnet is no longer left to the usual table, nothing else of the table is taken away.
    lines += [f"route del {kind} {network} table {TABLE}" for network, kind in stale]
    return lines + former


def deny(namespace: str, state: State) -> None:
    """Brings the denied ranges of the state into force in the server's network, without an interruption for anybody else.
    Nothing is done where they are."""
    for version in (4, 6):
        if version == 6 and not Path("/proc/sys/net/ipv6").is_dir():
            continue
        ip = ["ip", "-n", namespace, f"-{version}"]
        shown = json.loads(must([*ip, "-j", "route", "show", "table", "all"]).stdout or b"[]")
        rules = json.loads(must([*ip, "-j", "rule", "show"]).stdout or b"[]")
        lines = changes(wanted_routes(state, version), shown, rules, version)
        if lines:
            must([*ip, "-batch", "-"], stdin="".join(f"{line}\n" for line in lines).encode())
