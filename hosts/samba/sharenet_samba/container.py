"""The root file system of a share server: the host's programs, read-only, and its own files; nothing else of the host.

Called by pid 1 in fresh mount, process, network, host name and IPC namespaces."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from . import beneath, syscalls
from .layout import CLIENT_PIPES, PROGRAM, ServerPaths
from .private_etc import KEYTAB
from .syscalls import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REMOUNT, mount

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
DEVICES = ("null", "zero", "full", "random", "urandom")
TOP_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
# Of /proc, which is read-only: what tells of the host.
PROC_HIDDEN = (
    "acpi",
    "asound",
    "config.gz",
    "driver",
    "interrupts",
    "kallsyms",
    "kcore",
    "key-users",
    "keys",
    "kmsg",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "modules",
    "sched_debug",
    "scsi",
    "slabinfo",
    "timer_list",
    "vmallocinfo",
)
# Servers of remote procedure calls that a file server does not need; Samba has no setting that leaves them out.
RPC_HIDDEN = ("rpcd_spoolss", "rpcd_mdssvc", "rpcd_fsrvp", "rpcd_epmapper", "rpcd_rpcecho")
RPC_PROGRAMS = ("usr/libexec/samba", "usr/lib/x86_64-linux-gnu/samba", "usr/lib/samba")
# Pipes of the others that clients may open: to list shares and sessions, and to look up names. An administrator of a domain
# could write to the registry without end through winreg, which the server of srvsvc needs for itself.
PIPES = ("srvsvc", "wkssvc", "lsarpc", "lsass", "samr")
OWN = MS_NOSUID | MS_NODEV | MS_NOEXEC


def _bind(source: Path, target: Path, flags: int) -> None:
    """`target` is in a file system that is made here: nothing from inside is in its path."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.touch()
    mount(source, target, flags=MS_BIND)
    mount("", target, flags=MS_REMOUNT | MS_BIND | flags)


def _bind_beneath(source: str | Path, base: Path, target: Path, flags: int) -> None:
    """`target` is there, in a directory that processes of the share server write to or did."""
    for source_path, more in ((source, MS_BIND), ("", MS_REMOUNT | MS_BIND | flags)):
        # Opened again, it is what was mounted there.
        with beneath.open_path(base, target) as place:
            mount(source_path, f"/proc/self/fd/{place}", flags=more)


def _hide(file: Path) -> None:
    mount("/dev/null", file, flags=MS_BIND)
    mount("", file, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | OWN)


def _tmpfs(target: Path, options: str, flags: int) -> None:
    target.mkdir(parents=True, exist_ok=True)
    mount("tmpfs", target, "tmpfs", flags, options)


def enter_container(paths: ServerPaths, hostname: str) -> None:
    """Builds the root and moves into it. Whatever the host has mounted is out of reach afterwards."""
    top = paths.mount
    _tmpfs(top, "mode=0755,size=1m", MS_NOSUID | MS_NODEV)
    _bind(Path("/usr"), top / "usr", MS_RDONLY | MS_NOSUID | MS_NODEV)
    for name in TOP_LINKS:
        host = Path("/") / name
        if host.is_symlink():
            (top / name).symlink_to(os.readlink(host))
        elif host.is_dir():
            _bind(host, top / name, MS_RDONLY | MS_NOSUID | MS_NODEV)
    for program in (top / folder / name for folder in RPC_PROGRAMS for name in RPC_HIDDEN):
        if program.is_file():
            _hide(program)
    own = {
        # Written from outside only.
        "etc": (paths.etc, MS_RDONLY | OWN),
        "var/lib/samba": (paths.lib, OWN),
        "var/cache/samba": (paths.cache, OWN),
        "var/log/samba": (paths.log, OWN),
        "shares": (paths.shares, OWN),
        # With the versions to come: whoever calls inside has its own.
        "program": (PROGRAM.parent, MS_RDONLY | MS_NOSUID | MS_NODEV),
    }
    _tmpfs(top / "run", "mode=0755,size=16m", OWN)
    _tmpfs(top / "tmp", "mode=1777,size=64m", OWN)
    _tmpfs(top / "dev", "mode=0755,size=1m", MS_NOSUID | MS_NOEXEC)
    for name, (source, flags) in own.items():
        _bind(source, top / name, flags)
    beneath.make_directory(top, top / "var/lib/samba/private", 0o700)
    _bind_beneath(paths.private, top, top / "var/lib/samba/private", OWN)
    if beneath.is_file(paths.base, paths.etc / KEYTAB):
        with beneath.open_path(paths.base, paths.etc / KEYTAB) as keytab:
            _bind_beneath(f"/proc/self/fd/{keytab}", top, top / "etc" / KEYTAB, OWN)
    _bind(paths.run, top / "run/samba", OWN)
    _make_client_pipes(top / CLIENT_PIPES.lstrip("/"))
    for name in DEVICES:
        _bind(Path("/dev") / name, top / "dev" / name, MS_NOSUID | MS_NOEXEC)
    _tmpfs(top / "dev/shm", "mode=1777,size=64m", OWN)
    (top / "dev/fd").symlink_to("/proc/self/fd")
    mount("", top / "dev", flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC)
    (top / "var/run").symlink_to("/run")
    (top / "var/tmp").symlink_to("/tmp")
    (top / "root").mkdir(mode=0o700)
    _mount_proc(top / "proc")
    os.chdir(top)
    syscalls.pivot_root(".", ".")
    syscalls.unmount(".")
    os.chdir("/")
    mount("", "/", flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    socket.sethostname(hostname)


def _make_client_pipes(directory: Path) -> None:
    """In a file system that was just made. A link leads nowhere until the server of its pipe runs."""
    directory.mkdir(mode=0o755)
    (directory / "np").mkdir(mode=0o700)
    for name in PIPES:
        (directory / "np" / name).symlink_to(f"/run/samba/ncalrpc/np/{name}")


def _mount_proc(proc: Path) -> None:
    proc.mkdir()
    mount("proc", proc, "proc", OWN)
    mount("", proc, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | OWN)
    for name in PROC_HIDDEN:
        if (proc / name).is_dir():
            mount("tmpfs", proc / name, "tmpfs", MS_RDONLY | OWN, "size=0")
        elif (proc / name).exists():
            _hide(proc / name)
