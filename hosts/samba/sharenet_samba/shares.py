"""The verbs about shares: a directory each, with a size limit where the file system can."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from . import host_registry, quota
from .call_order import in_turn
from .command import run_command
from .deadline import Deadline
from .instance import Instance
from .layout import IDENTIFIER, Layout
from .problem import Problem, internal, rejected, unavailable
from .request import Fields, share_of
from .servers import lock_of, ready_instance
from .sessions import close_share
from .state import Share


def _directory(instance: Instance, share_id: str) -> Path:
    return instance.paths.shares / share_id


def _make_directory(path: Path) -> None:
    """Also all right when it is there, but not when something else has its name."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as cause:
        message = "the share's place on the host is not a directory"
        raise internal("ShareDirectoryUnsafe", message, detail=str(cause)) from cause
    try:
        # Who may write is decided by the access rules; the directories above are closed to the host's users.
        os.fchmod(fd, 0o777)
        os.fsync(fd)
    finally:
        os.close(fd)


def known_share(instance: Instance, share_id: str) -> Share:
    share = instance.state.shares.get(share_id)
    if share is None:
        raise Problem("NotFound", "ShareNotFound", "the share does not exist on this share server")
    return share


def _exists(instance: Instance, share_id: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(_directory(instance, share_id), follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def add(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, owner, serverID, share} -> {path, quota}. There is no access before access-set gives it."""
    wanted = share_of(request)
    with in_turn(layout, request, deadline, wanted.id):
        instance = ready_instance(layout, request, deadline)
        shares = instance.state.shares
        if any(each.name.lower() == wanted.name.lower() and each.id != wanted.id for each in shares.values()):
            raise rejected("ShareNameInUse", f'the share server already has a share "{wanted.name}"')
        share = shares.get(wanted.id)
        if share is not None and share.removing:
            raise rejected("ShareBeingRemoved", "the share is being removed")
        kind = quota.kind_of(instance.paths.shares)
        if share is None:
            share = Share(id=wanted.id, name=wanted.name, size=wanted.size)
            if kind == "project":
                with host_registry.host_lock(deadline):
                    share.project = host_registry.new_project(layout)
            shares[wanted.id] = share
            instance.save()
        _make_directory(_directory(instance, share.id))
        if share.project is not None:
            quota.set_limit(_directory(instance, share.id), share.project, share.size)
        instance.configure(instance.state.sections, only=share.id)
        instance.reload()
        return {"path": share.name, "quota": "none" if share.project is None else "project"}


def resize(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, owner, serverID, shareID, newSize} -> {size, quota}. Bytes."""
    share_id = request.text("shareID", IDENTIFIER)
    size = request.number("newSize", 1, 1 << 60)
    with in_turn(layout, request, deadline, f"{share_id}/size"):
        instance = ready_instance(layout, request, deadline)
        share = known_share(instance, share_id)
        if share.project is not None and host_registry.is_project_shared(layout, share):
            raise rejected(
                "ProjectShared",
                "an older version gave this share and another one of the file server host the same project number, so that "
                "one limit holds for both; move the data to a new share and delete this one",
                detail=f"project {share.project}",
            )
        if size < share.size:
            used = quota.used_bytes(_directory(instance, share_id), share.project, deadline)
            if used > size:
                raise rejected(
                    "ShareShrinkingPossibleDataLoss",
                    f"the share holds {used} bytes: it can't become smaller than that ({size} bytes asked for)",
                )
        if share.project is not None:
            quota.set_limit(_directory(instance, share_id), share.project, size)
        share.size = size
        instance.save()
        instance.configure(instance.state.sections, only=share_id)
        instance.reload()
        return {"size": size, "quota": "none" if share.project is None else "project"}


def describe(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, owner, serverID, shareID} -> {exists, path, size, quota}. One whose directory is gone does not exist."""
    share_id = request.text("shareID", IDENTIFIER)
    with lock_of(layout, request, deadline):
        instance = ready_instance(layout, request, deadline)
        share = instance.state.shares.get(share_id)
        if share is None or share.removing or not _exists(instance, share_id):
            return {"exists": False}
        kind = "none" if share.project is None else "project"
        return {"exists": True, "path": share.name, "size": share.size, "quota": kind, "rules": len(share.rules)}


def remove(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, owner, serverID, shareID} -> {}. First access to it ends, then its data goes. A share that is not there is
    removed already; so is one of a server that is not there."""
    share_id = request.text("shareID", IDENTIFIER)
    with in_turn(layout, request, deadline, share_id):
        try:
            instance = ready_instance(layout, request, deadline)
        except Problem as problem:
            if problem.kind == "NotFound":
                return {}
            raise
        share = instance.state.shares.get(share_id)
        if share is None:
            return {}
        if not share.removing:
            share.removing = True
            instance.save()
        instance.configure(instance.state.sections, only=share_id)
        instance.reload()
        close_share(instance, share.name)
        _delete_data(_directory(instance, share_id), deadline)
        if share.project is not None and not host_registry.is_project_shared(layout, share):
            quota.clear_limit(instance.paths.shares, share.project)
        del instance.state.shares[share_id]
        instance.save()
        return {}


def _delete_data(path: Path, deadline: Deadline) -> None:
    """rm neither follows links nor minds how deep a tenant nested directories."""
    done = run_command(["rm", "-rf", "--one-file-system", "--", str(path)], timeout=deadline.limit(3600))
    if done.code != 0:
        raise unavailable(
            "ShareDataNotRemoved",
            "the share's data could not be removed completely; this is tried again",
            detail=done.error_text[:1000],
        )
