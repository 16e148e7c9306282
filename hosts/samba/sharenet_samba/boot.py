"""Servers come up again after the host did."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from .deadline import Deadline
from .instance import Instance
from .layout import IDENTIFIER, Layout, ServerPaths
from .locks import locked
from .problem import Problem
from .request import Fields
from .servers import bring_up
from .state import has_data

# Most of a start is waiting for answers that must not come.
AT_ONCE = 8


def _start_one(layout: Layout, server_id: str, deadline: Deadline) -> str | None:
    """What is wrong, None when it runs."""
    try:
        with locked(layout, server_id, deadline, "this share server"):
            instance = Instance(layout, server_id, deadline)
            if not instance.exists:
                return "ShareServerNotFound: the share server does not exist on the file server host"
            if instance.state.phase != "removing":
                bring_up(instance)
        return None
    except Problem as problem:
        return f"{problem.reason}: {problem.message}"


def is_known(paths: ServerPaths) -> bool:
    """Not so what a call left that was killed before it stored a state."""
    return paths.state.exists() or has_data(paths.base)


def start(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, serverID?} -> {running: [id], failed: {id: text}}. Starts all servers of the root, or the one."""
    only = request.optional_text("serverID", IDENTIFIER)
    ids = [only] if only else [each for each in layout.server_ids() if is_known(layout.server(each))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(lambda server_id: _start_one(layout, server_id, deadline), ids))
    failed = {server_id: wrong for server_id, wrong in zip(ids, outcomes) if wrong is not None}
    return {"running": [server_id for server_id in ids if server_id not in failed], "failed": failed}


def start_all(root: str) -> int:
    """For a host's boot without systemd: `sharenet-samba-host start ROOT`. Exit code 1 when a server did not start."""
    try:
        layout = Layout(root)
        layout.make()
    except Problem as problem:
        print(f"{problem.reason}: {problem.message}", file=sys.stderr)
        return 1
    result = start(layout, Fields({}, "request"), Deadline(300))
    json.dump(result, sys.stdout)
    print()
    return 1 if result["failed"] else 0
