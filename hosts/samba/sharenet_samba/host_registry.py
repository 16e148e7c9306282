"""What the roots of a host have in common: which share server has which address, and which numbers of quota projects are
taken. Share servers of one host do not see each other on the network, nor the host itself: no probe finds out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import quota
from .deadline import Deadline
from .durable import read_json, write_json
from .layout import Layout
from .locks import holding
from .problem import Problem, internal, rejected
from .segments import host_addresses, read_devices, segments_of
from .state import Allocation, Share, has_data, load_state

FOLDER = Path("/var/lib/sharenet-samba")
FORMAT = 1


@dataclass
class Registry:
    """`servers`: by root, by server id, the addresses with interface and VLAN. `last_project` was the last to be given."""

    servers: dict[str, dict[str, list[dict]]] = field(default_factory=dict)
    last_project: int = quota.FIRST_PROJECT


@contextmanager
def host_lock(deadline: Deadline) -> Iterator[None]:
    """One call at a time on what this file is about. Unavailable `Busy` at the deadline."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The work has begun: it goes on without its caller.
    with holding(FOLDER / "lock", Deadline(deadline.left()), "the file server host"):
        yield


def _read() -> Registry:
    path = FOLDER / "registry.json"
    try:
        raw = read_json(path)
        if raw is None:
            return Registry()
        if raw.pop("format") != FORMAT:
            raise ValueError("another format")
        registry = Registry(**raw)
        if not isinstance(registry.servers, dict) or not isinstance(registry.last_project, int):
            raise ValueError("fields of another type")
        return registry
    except (ValueError, KeyError, TypeError) as cause:
        raise internal(
            "HostRegistryUnreadable",
            "the file server host can't read which addresses its share servers have; an administrator must look at it",
            detail=f"{path}: {type(cause).__name__}: {cause}",
        ) from cause


def _write(registry: Registry) -> None:
    write_json(FOLDER / "registry.json", {"format": FORMAT, **asdict(registry)})


def _name(layout: Layout) -> str:
    return os.path.realpath(layout.root)


def _entries(interface: str, allocations: list[Allocation]) -> list[dict]:
    return [{"address": each.ip_address, "interface": interface, "vlan": each.segmentation_id} for each in allocations]


def _of(layout: Layout) -> Registry:
    """With the servers of this root, which may be older than the registry. To be called with the lock."""
    registry = _read()
    if _name(layout) not in registry.servers:
        known = registry.servers[_name(layout)] = {}
        for server_id in layout.server_ids():
            try:
                state = load_state(layout.server(server_id).state)
            except Problem:
                continue
            if state is not None:
                known[server_id] = _entries(state.interface, state.allocations)
                taken = [each.project or 0 for each in state.shares.values()]
                registry.last_project = max(registry.last_project, *taken, 0)
        _write(registry)
    return registry


def _remains(root: str, server_id: str) -> bool:
    """False when the server is certainly gone: not so when its file system is not mounted."""
    servers = Path(root) / "servers"
    base = servers / server_id
    return not servers.is_dir() or (base / "state.json").exists() or has_data(base)


def register(layout: Layout, deadline: Deadline) -> None:
    """Makes a root known with the first call for it, so that calls for other roots respect what its servers have."""
    if _name(layout) not in _read().servers:
        with host_lock(deadline):
            _of(layout)


def claim(layout: Layout, server_id: str, interface: str, allocations: list[Allocation]) -> None:
    """Gives the server its addresses, in place of those it had. To be called with the lock, which is held until the state
    is stored: a claim without a state is void. Rejected `AddressInUse` when the host or another share server has one."""
    registry = _of(layout)
    own = host_addresses()
    entries = _entries(interface, allocations)
    for each in entries:
        if each["address"] in own:
            raise rejected(
                "AddressInUse",
                f"the address {each['address']} is that of the file server host itself; take it out of the subnet's "
                "allocation ranges",
            )
    for root, servers in registry.servers.items():
        registry.servers[root] = {
            other: has for other, has in servers.items() if (root, other) == (_name(layout), server_id) or _remains(root, other)
        }
    _refuse_shared(registry, _name(layout), server_id, entries)
    registry.servers[_name(layout)][server_id] = entries
    _write(registry)


def _refuse_shared(registry: Registry, root: str, server_id: str, entries: list[dict]) -> None:
    wanted = {each["address"]: each for each in entries}
    rivals = [
        (each, other_root, other)
        for other_root, servers in registry.servers.items()
        for other, has in servers.items()
        for each in has
        if each["address"] in wanted and (other_root, other) != (root, server_id)
    ]
    devices = read_devices() if rivals else {}
    for theirs, other_root, other in rivals:
        mine = wanted[theirs["address"]]
        places = [segments_of(each["interface"], each["vlan"], devices) for each in (mine, theirs)]
        if places[0] & places[1]:
            where = f"share server {other} of root {other_root}"
            message = f"the address {mine['address']} is already used by another share server of the file server host"
            raise rejected("AddressInUse", message, detail=where)


def release(layout: Layout, server_id: str) -> None:
    """The server is gone. To be called with the lock."""
    registry = _of(layout)
    if registry.servers[_name(layout)].pop(server_id, None) is not None:
        _write(registry)


def is_project_shared(layout: Layout, share: Share) -> bool:
    """Whether another share on the same file system has the number too: two roots of a former version could give it."""
    place = quota.point_of(layout.root)
    for other in {_name(layout), *_read().servers}:
        root = Layout(other)
        if quota.point_of(root.root) != place:
            continue
        for server_id in root.server_ids():
            try:
                state = load_state(root.server(server_id).state)
            except Problem:
                continue
            if state and any(each.id != share.id and each.project == share.project for each in state.shares.values()):
                return True
    return False


def new_project(layout: Layout) -> int:
    """A number that no share of this host has or had. To be called with the lock."""
    registry = _of(layout)
    registry.last_project = quota.free_project([registry.last_project])
    _write(registry)
    return registry.last_project
