"""The verb remove: nothing of a share server stays on the host, and nothing that anybody still needs goes."""

from __future__ import annotations

from . import beneath, host_registry, limits, network
from .call_order import in_turn
from .deadline import Deadline
from .instance import Instance
from .layout import IDENTIFIER, Layout
from .problem import Problem, internal, rejected
from .request import Fields, owner_of
from .servers import check_owner, directory_part, end_processes, services_of


def remove(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, owner, serverID, securityServices} -> {warnings}. Rejected `ServerNotEmpty` while it has shares. What is
    not there is removed already."""
    owner = owner_of(request)
    server_id = request.text("serverID", IDENTIFIER)
    warnings: list[dict] = []
    with in_turn(layout, request, deadline, "server"):
        instance = Instance(layout, server_id, deadline)
        if not instance.exists:
            # Empty directories of a call that was killed: where there is data the state cannot be missing.
            beneath.remove(layout.servers, instance.paths.base)
            return {"warnings": warnings}
        state = instance.state
        check_owner(state, owner)
        if state.shares:
            raise rejected(
                "ServerNotEmpty",
                f"the share server still has {len(state.shares)} share(s); they must be deleted first",
                detail=", ".join(sorted(state.shares)),
            )
        if state.directory:
            warnings = _leave(instance, services_of(request))
        state.phase = "removing"
        instance.save()
        end_processes(instance)
        network.tear_down(instance.paths, state)
        limits.remove(server_id)
        _delete_files(instance)
        with host_registry.host_lock(deadline):
            host_registry.release(layout, server_id)
    return {"warnings": warnings}


def _leave(instance: Instance, services: list[dict]) -> list[dict]:
    """Leaves the directory as well as it can: a directory that is gone must not keep a server for ever."""
    try:
        instance.open()
        outcome = directory_part().leave(instance, services, instance.state.settings)
        return outcome.get("warnings", []) if isinstance(outcome, dict) else list(outcome or [])
    except Problem as problem:
        return [{"reason": "DirectoryNotLeft", "message": f"the share server's account may be left: {problem.message}"}]


def _delete_files(instance: Instance) -> None:
    """The state last: what is interrupted is found again."""
    base = instance.paths.base
    for name in beneath.names(base, base):
        if name != instance.paths.state.name:
            beneath.remove(base, base / name, instance.deadline.limit(3600))
    try:
        instance.paths.state.unlink(missing_ok=True)
        base.rmdir()
    except OSError as cause:
        raise internal("FilesNotRemoved", "the share server's files can't be removed", detail=str(cause)) from cause
