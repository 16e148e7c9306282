"""What a share server's pid 1 is to do (`wanted.json`) and what it does (`status.json`), both in `control/`.

A state, not messages: a process that is killed in between finds the last desired state again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .acl_attribute import ATTRIBUTE
from .durable import read_json, write_json
from .layout import CLIENT_PIPES

# Programs of the daemons. In the foreground, so that pid 1 sees them end; with a process group of their own.
DAEMONS = {
    "smbd": [
        *("/usr/sbin/smbd", "--foreground", "--no-process-group"),
        f"--option=acl_xattr:security_acl_name={ATTRIBUTE}",
        f"--option=ncalrpc dir={CLIENT_PIPES}",
    ],
    "winbindd": ["/usr/sbin/winbindd", "--foreground", "--no-process-group"],
    # Names of an LDAP directory's users and groups for the system.
    "nslcd": ["/usr/sbin/nslcd", "--nofork"],
}


def write_wanted(control: Path, daemons: list[str], restarts: dict[str, int], hostname: str) -> None:
    """`restarts` counts for each daemon how often it was to be restarted: a higher number restarts it."""
    write_json(control / "wanted.json", {"daemons": sorted(daemons), "restarts": restarts, "hostname": hostname})


def read_wanted(control: Path) -> dict:
    return read_json(control / "wanted.json") or {"daemons": [], "restarts": {}, "hostname": "server"}


def read_status(control: Path) -> dict:
    """{pid: pid 1 as the host counts, started: its start time, daemons: {name: {pid (inside), restart, failures, running}}}"""
    try:
        return read_json(control / "status.json") or {}
    except ValueError:
        return {}


def start_time(pid: int) -> int | None:
    """When the process started, in ticks since the host did: with the pid it names one process. None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            # The program's name may have anything in it, but is the last that is in parentheses.
            return int(file.read().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


@contextmanager
def opened_leader(control: Path, namespace_file: Path) -> Iterator[tuple[int, int] | None]:
    """Pid and descriptor of the server's living pid 1, else None. What is checked of the pid holds for the descriptor,
    which was opened before."""
    status = read_status(control)
    pid = status.get("pid")
    try:
        fd = os.pidfd_open(pid) if isinstance(pid, int) and pid > 0 else -1
    except OSError:
        fd = -1
    try:
        yield (pid, fd) if fd >= 0 and _is_leader(pid, status.get("started"), namespace_file) else None
    finally:
        if fd >= 0:
            os.close(fd)


def _is_leader(pid: int, started: int | None, namespace_file: Path) -> bool:
    """Whether it is pid 1 of its namespace and in the server's network. A server that the former version of this program
    started has no start time in its report."""
    try:
        network = os.stat(f"/proc/{pid}/ns/net")
        expected = os.stat(namespace_file)
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
    except (OSError, ValueError):
        return False
    inside = lines.get("NSpid", "").split()
    return (
        network.st_ino == expected.st_ino
        and len(inside) >= 2
        and inside[-1] == "1"
        and not lines.get("State", "").strip().startswith(("Z", "X"))
        and (started is None or started == start_time(pid))
    )


def leader(control: Path, namespace_file: Path) -> int | None:
    """The pid of the server's living pid 1, else None."""
    with opened_leader(control, namespace_file) as found:
        return None if found is None else found[0]


def signal_leader(control: Path, namespace_file: Path, number: int) -> None:
    """Nothing when it is gone."""
    with opened_leader(control, namespace_file) as found:
        if found is not None:
            send(found[1], number)


def send(fd: int, number: int) -> None:
    """A signal to the process of the descriptor; nothing when it is gone."""
    try:
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        pass
