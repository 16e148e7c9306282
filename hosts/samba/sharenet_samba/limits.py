"""What one share server may take of its host: processes and memory, by control groups of version 1 or 2. Where systemd runs
the host its unit has the same limits. Where there are no control groups, or they can't be written, what remains are the
limits of each process and Samba's own of their number."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import systemd
from .deadline import wait_until

GROUP = "sharenet-samba"
# Threads count too. smbd alone has as many processes as samba_settings says.
MOST_TASKS = 2048
# Shares of the host's memory: from the first on a server is slowed down, at the second its largest process is ended.
MEMORY_HIGH, MEMORY_MAX = 25, 33
CONTROLLERS = frozenset(("pids", "memory"))


@dataclass(frozen=True)
class Hierarchy:
    top: Path
    unified: bool
    controllers: frozenset[str]


def hierarchies(mountinfo: str) -> list[Hierarchy]:
    """Those with a controller that is used here, each once."""
    found = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, more = left.split(), right.split()
        if len(fields) < 5 or len(more) < 3 or more[0] not in ("cgroup", "cgroup2"):
            continue
        top = Path(fields[4])
        if not (top / "cgroup.procs").exists():
            # Another file system is mounted over it.
            continue
        unified = more[0] == "cgroup2"
        names = (top / "cgroup.controllers").read_text().split() if unified else more[2].split(",")
        if CONTROLLERS & set(names):
            found[top] = Hierarchy(top, unified, CONTROLLERS & set(names))
    return list(found.values())


def settings(hierarchy: Hierarchy, memory: int) -> dict[str, str]:
    """Files of a group with what is written into them. `memory`: of the host, in bytes."""
    result = {}
    if "pids" in hierarchy.controllers:
        result["pids.max"] = str(MOST_TASKS)
    if "memory" in hierarchy.controllers:
        most = str(memory * MEMORY_MAX // 100)
        if hierarchy.unified:
            result |= {"memory.high": str(memory * MEMORY_HIGH // 100), "memory.max": most}
        else:
            result["memory.limit_in_bytes"] = most
    return result


def _here() -> list[Hierarchy]:
    return hierarchies(Path("/proc/self/mountinfo").read_text())


def join(server_id: str) -> None:
    """Puts this process, and all that it starts, into the server's groups. Says what it could not limit."""
    if systemd.in_use():
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limited: set[str] = set()
    for hierarchy in _here():
        try:
            make_group(hierarchy, server_id, memory)
            limited |= hierarchy.controllers
        except OSError as cause:
            print(f"no limits by the control group {hierarchy.top}: {cause}", file=sys.stderr, flush=True)
    for controller in sorted(CONTROLLERS - limited):
        print(f"the host's control groups do not limit {controller} of this share server", file=sys.stderr, flush=True)


def make_group(hierarchy: Hierarchy, server_id: str, memory: int) -> None:
    """Makes it, and puts this process into it."""
    group = hierarchy.top / GROUP / server_id
    group.mkdir(parents=True, exist_ok=True)
    if hierarchy.unified:
        wanted = " ".join(f"+{name}" for name in sorted(hierarchy.controllers))
        for above in (hierarchy.top, group.parent):
            (above / "cgroup.subtree_control").write_text(wanted)
    for name, value in settings(hierarchy, memory).items():
        (group / name).write_text(value)
    (group / "cgroup.procs").write_text("0")


def remove(server_id: str) -> None:
    for hierarchy in _here():
        group = hierarchy.top / GROUP / server_id
        # The last of its processes may take a moment to go. A group that stays is empty and costs nothing.
        wait_until(lambda: _is_removed(group), 2)


def _is_removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def group_files(pid: int) -> Iterator[int]:
    """Descriptors, for the caller to close, of the files that take a process into the groups of `pid`, a share server's."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    for hierarchy in _here():
        for controllers, path in paths.items():
            ours = hierarchy.unified if controllers == "" else bool(hierarchy.controllers & set(controllers.split(",")))
            # Not those of the whole host, or of a session, where the server has no group of its own.
            if ours and "sharenet" in path:
                try:
                    yield os.open(hierarchy.top / path.lstrip("/") / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
                except OSError:
                    pass


def enter(files: tuple[int, ...]) -> None:
    """Puts this process into the groups of these files."""
    for file in files:
        try:
            os.write(file, b"0")
        except OSError:
            # The server has just ended: so will what is run in it.
            pass
