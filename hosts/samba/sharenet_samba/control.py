"""What a share server's pid 1 is to do (`wanted.json`) and what it does (`status.json`), both in `control/`.

A state, not messages: whoever is killed in between finds the last wish again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from .durable import read_json, write_json

# Programs of the daemons. In the foreground, so that pid 1 sees them end; with a process group of their own.
DAEMONS = {
    "smbd": ["/usr/sbin/smbd", "--foreground", "--no-process-group"],
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
    """{pid: pid 1 as the host counts, daemons: {name: {pid (inside), restart, failures, running}}}"""
    try:
        return read_json(control / "status.json") or {}
    except ValueError:
        return {}


def leader(control: Path, namespace_file: Path) -> int | None:
    """The pid of the server's living pid 1, else None. A pid that another process got since is not taken for it: it
    must be pid 1 of its namespace and be in the server's network."""
    pid = read_status(control).get("pid")
    if not isinstance(pid, int):
        return None
    try:
        network = os.stat(f"/proc/{pid}/ns/net")
        expected = os.stat(namespace_file)
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
    except (OSError, ValueError):
        return None
    inside = lines.get("NSpid", "").split()
    if network.st_ino != expected.st_ino or len(inside) < 2 or inside[-1] != "1":
        return None
    return None if lines.get("State", "").strip().startswith(("Z", "X")) else pid


def notify(pid: int) -> None:
    """Makes pid 1 read the wish."""
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:
        pass
