"""What the host knows of one share server: `state.json`, written before each outside effect."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from .durable import read_json, write_durably
from .problem import internal

FORMAT = 1


@dataclass
class Owner:
    """Who may touch the server: one installation of the operator, for one tenant's namespace."""

    installation_id: str
    namespace_uid: str


@dataclass
class Allocation:
    """An address of the server. `prefix_length` and `segmentation_id` are numbers, the rest as in the API."""

    ip_address: str
    prefix_length: int
    network_type: str
    subnet_name: str
    gateway: str | None = None
    mtu: int | None = None
    segmentation_id: int | None = None


@dataclass
class Link:
    """A network interface of the server: `kind` veth or macvlan, `name` inside, `host_name` of veth's outer end,
    `parent` the interface or bridge of the host, `vlan_device` what was made on the host for a VLAN."""

    kind: str
    name: str
    parent: str
    allocations: list[Allocation] = field(default_factory=list)
    host_name: str | None = None
    vlan: int | None = None
    vlan_device: str | None = None


@dataclass
class Rule:
    """An access rule in force. `principal` is user or group for a rule of type user, as it was resolved."""

    id: str
    type: str
    to: str
    level: str
    principal: str | None = None


@dataclass
class Share:
    """`size` in bytes, `project` the quota's project number where the file system counts projects."""

    id: str
    name: str
    size: int
    project: int | None = None
    removing: bool = False
    rules: list[Rule] = field(default_factory=list)


@dataclass
class State:
    """`phase`: creating, ready or removing. `daemons` are those that should run. `sections` is the directory's part of
    smb.conf. `directory` belongs to directory.py and is any JSON. `closing` has the rules, by share, whose sessions are
    still to be closed."""

    owner: Owner
    server_id: str
    name: str
    hostname: str
    interface: str
    allocations: list[Allocation] = field(default_factory=list)
    workgroup: str = "WORKGROUP"
    phase: str = "creating"
    links: list[Link] = field(default_factory=list)
    daemons: list[str] = field(default_factory=list)
    restarts: dict[str, int] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)
    closing: dict[str, list[Rule]] = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    sections: dict[str, dict[str, str]] = field(default_factory=dict)
    directory: dict = field(default_factory=dict)


def save_state(path: Path, state: State) -> None:
    # In one line: with thousands of rules this takes a small part of the time that indented text would.
    write_durably(path, json.dumps({"format": FORMAT, **vars(state)}, default=vars, sort_keys=True) + "\n")


def has_data(base: Path) -> bool:
    """Whether the directory of a server has anything that cannot be made again. The state is stored when there are but
    empty directories, and is the last that is removed."""
    try:
        if any((base / "shares").iterdir()):
            return True
    except (FileNotFoundError, NotADirectoryError):
        pass
    return any(files for name in ("private", "lib") for _, _, files in os.walk(base / name))


def load_state(path: Path) -> State | None:
    """None when there is no such server. A file of another format, a damaged one, or one that is missing beside a
    server's data is an Internal problem: the data is never removed, and the file never overwritten, by a guess."""
    try:
        raw = read_json(path)
        if raw is None:
            if has_data(path.parent):
                raise ValueError("the file is missing, and there is data")
            return None
        if raw.pop("format") != FORMAT:
            raise ValueError("another format")
        allocations = [Allocation(**each) for each in raw.pop("allocations")]
        links = []
        for link in raw.pop("links"):
            of_link = [Allocation(**each) for each in link.pop("allocations")]
            links.append(Link(allocations=of_link, **link))
        shares = {}
        for key, share in raw.pop("shares").items():
            rules = [Rule(**rule) for rule in share.pop("rules")]
            shares[key] = Share(rules=rules, **share)
        closing = {key: [Rule(**rule) for rule in rules] for key, rules in raw.pop("closing").items()}
        owner = Owner(**raw.pop("owner"))
        return State(owner=owner, allocations=allocations, links=links, shares=shares, closing=closing, **raw)
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise internal(
            "StateUnreadable",
            "the file server host can't read what it stored about this share server; an administrator must look at it",
            detail=f"{path}: {type(cause).__name__}: {cause}",
        ) from cause
