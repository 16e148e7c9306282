"""Samba's configuration of this version for share servers that a former version configured, without a restart."""

from __future__ import annotations

import sys
from pathlib import Path

from .deadline import Deadline
from .host_registry import register
from .instance import Instance
from .layout import IDENTIFIER, Layout
from .locks import locked
from .network import renew_denied
from .problem import Problem
from .sessions import close_lost


def roots_in_use(processes: Path = Path("/proc")) -> list[str]:
    """Roots of the share servers whose keepers run on this host."""
    roots = set()
    for file in processes.glob("[0-9]*/cmdline"):
        try:
            arguments = file.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "supervise" in arguments:
            servers, _, server_id = arguments[arguments.index("supervise") + 1].rpartition("/servers/")
            if servers and IDENTIFIER.fullmatch(server_id):
                roots.add(servers)
    return sorted(roots)


def _renew(layout: Layout, server_id: str, deadline: Deadline) -> None:
    with locked(layout, server_id, deadline, "this share server"):
        instance = Instance(layout, server_id, deadline)
        if not instance.exists or instance.state.phase == "removing":
            return
        instance.configure(instance.state.sections)
        if instance.leader() is None:
            return
        instance.reload()
        renew_denied(instance.paths, instance.state)
        for share in instance.state.shares.values():
            # Of addresses that no rule names: the former version's configuration may have let them in.
            close_lost(instance, share, [rule for rule in share.rules if rule.type == "ip"])


def renew_all() -> int:
    """Exit code 1 when a server keeps its former configuration until its next change or start."""
    failed = 0
    for root in roots_in_use():
        layout = Layout(root)
        register(layout, Deadline(60))
        for server_id in layout.server_ids():
            try:
                _renew(layout, server_id, Deadline(60))
            except Problem as problem:
                failed = 1
                print(f"share server {server_id}: {problem.reason}: {problem.message}", file=sys.stderr)
    return failed
