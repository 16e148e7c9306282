"""The root file system of a share server: the host's programs, read-only, and its own files; nothing else of the host.

Called by pid 1 in fresh mount, process, network, host name and IPC namespaces."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

from .layout import PROGRAM, ServerPaths

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
DEVICES = ("null", "zero", "full", "random", "urandom")
TOP_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


def _call(*argv: str) -> None:
    subprocess.run(argv, check=True, env=ENVIRONMENT, stdin=subprocess.DEVNULL)


def _bind(source: Path, target: Path, options: str) -> None:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.touch()
    _call("mount", "--bind", str(source), str(target))
    _call("mount", "-o", f"remount,bind,{options}", str(target))


def _tmpfs(target: Path, options: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    _call("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(target))


def enter_container(paths: ServerPaths, hostname: str) -> None:
    """Builds the root and moves into it. Whatever the host has mounted is out of reach afterwards."""
    top = paths.mount
    _tmpfs(top, "mode=0755,size=1m,nosuid,nodev")
    _bind(Path("/usr"), top / "usr", "ro,nodev")
    for name in TOP_LINKS:
        host = Path("/") / name
        if host.is_symlink():
            (top / name).symlink_to(os.readlink(host))
        elif host.is_dir():
            _bind(host, top / name, "ro,nodev")
    own = {
        "etc": (paths.etc, "nosuid,nodev,noexec"),
        "var/lib/samba": (paths.lib, "nosuid,nodev,noexec"),
        "var/lib/samba/private": (paths.private, "nosuid,nodev,noexec"),
        "var/cache/samba": (paths.cache, "nosuid,nodev,noexec"),
        "var/log/samba": (paths.log, "nosuid,nodev,noexec"),
        "shares": (paths.shares, "nosuid,nodev,noexec"),
        "control": (paths.control, "nosuid,nodev,noexec"),
        # With the versions to come: whoever calls inside has its own.
        "program": (PROGRAM.parent, "ro,nosuid,nodev"),
    }
    _tmpfs(top / "run", "mode=0755,size=16m,nosuid,nodev,noexec")
    _tmpfs(top / "tmp", "mode=1777,size=64m,nosuid,nodev,noexec")
    _tmpfs(top / "dev", "mode=0755,size=1m,nosuid,noexec")
    for name, (source, options) in own.items():
        _bind(source, top / name, options)
    _bind(paths.run, top / "run/samba", "nosuid,nodev,noexec")
    for name in DEVICES:
        _bind(Path("/dev") / name, top / "dev" / name, "nosuid,noexec")
    _tmpfs(top / "dev/shm", "mode=1777,size=64m,nosuid,nodev,noexec")
    (top / "dev/fd").symlink_to("/proc/self/fd")
    (top / "var/run").symlink_to("/run")
    (top / "var/tmp").symlink_to("/tmp")
    (top / "root").mkdir(mode=0o700)
    (top / "proc").mkdir()
    _call("mount", "-t", "proc", "-o", "nosuid,nodev,noexec", "proc", str(top / "proc"))
    os.chdir(top)
    _call("pivot_root", ".", ".")
    _call("umount", "-l", ".")
    os.chdir("/")
    _call("mount", "-o", "remount,bind,ro", "/")
    socket.sethostname(hostname)
