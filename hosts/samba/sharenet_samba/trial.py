"""Programs that see another resolver, Kerberos and Samba configuration than the daemons of the share server, which go
on undisturbed: how a directory is tried out, and joined, before anything changes."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from . import beneath
from .command import Completed
from .control import opened_leader, send
from .instance import Instance
from .smbconf import render

INSIDE = "/var/lib/samba/private/trial"
ETC = ("resolv.conf", "hosts")


class Trial:
    """A directory in the server's private one, emptied at the start and removed at the end.

    with Trial(instance, name_servers, hosts) as trial: trial.write("krb5.conf", text); trial.run([...])
    """

    def __init__(self, instance: Instance, name_servers: tuple[str, ...], hosts: Mapping[str, str]) -> None:
        self.instance = instance
        self.path: Path = instance.paths.private / "trial"
        self._files = {
            "resolv.conf": resolv_conf(name_servers),
            "hosts": hosts_file(hosts),
            "krb5.conf": "[libdefaults]\n",
            "smb.conf": "[global]\n",
        }

    def __enter__(self) -> Trial:
        end_programs(self.instance)
        discard(self.instance)
        for name in ("", "lock", "state", "cache", "private", "log"):
            beneath.make_directory(self.instance.paths.base, self.path / name, 0o700)
        for name, text in self._files.items():
            self.write(name, text)
        return self

    def __exit__(self, *_: object) -> None:
        discard(self.instance)

    def write(self, name: str, text: str) -> None:
        beneath.write_file(self.instance.paths.base, self.path / name, text)

    def inside(self, name: str) -> str:
        """A file of the trial as programs inside the server see it."""
        return f"{INSIDE}/{name}"

    def write_smb_conf(self, settings: Mapping[str, str]) -> None:
        """Settings of the global section; what Samba stores goes into the trial unless they say otherwise."""
        own = {
            "private dir": self.inside("private"),
            "lock directory": self.inside("lock"),
            "state directory": self.inside("state"),
            "cache directory": self.inside("cache"),
            "pid directory": self.inside("lock"),
            "ncalrpc dir": self.inside("lock/ncalrpc"),
            "log file": self.inside("log/samba"),
            "disable netbios": "yes",
        }
        self.write("smb.conf", render({"global": {**own, **settings}}))

    def run(
        self, argv: list[str], *, timeout: float, stdin: bytes | None = None, env: Mapping[str, str] | None = None
    ) -> Completed:
        """Runs a program inside the share server that sees the trial's files. With the ticket of log_in()."""
        env = {
            **(env or {}),
            "KRB5_CONFIG": self.inside("krb5.conf"),
            "KRB5CCNAME": f"FILE:{self.inside('ticket')}",
            "SMB_CONF_PATH": self.inside("smb.conf"),
        }
        seen = {f"/etc/{name}": self.inside(name) for name in ETC}
        return self.instance.run(argv, stdin=stdin, timeout=timeout, env=env, seen=seen)


def end_programs(instance: Instance) -> None:
    """Ends programs of a trial whose call was killed: a late join would change the account's password once more. They are
    those of the server's processes that see other files than its pid 1."""
    with opened_leader(instance.paths.control, instance.paths.namespace_file) as found:
        if found is None:
            return
        server = _namespaces(found[0])
        for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
            try:
                fd = os.pidfd_open(pid)
            except OSError:
                continue
            try:
                theirs = _namespaces(pid)
                if server and theirs and theirs[0] == server[0] and theirs[1] != server[1]:
                    send(fd, signal.SIGKILL)
            finally:
                os.close(fd)


def _namespaces(pid: int) -> tuple[int, int] | None:
    """Of process ids and of mounts."""
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino, os.stat(f"/proc/{pid}/ns/mnt").st_ino
    except OSError:
        return None


def discard(instance: Instance) -> None:
    """Removes what a trial left, also one that was killed."""
    beneath.remove(instance.paths.base, instance.paths.private / "trial")


def resolv_conf(name_servers: tuple[str, ...], search: str = "") -> str:
    lines = [f"nameserver {each}" for each in name_servers[:3]]
    if search:
        lines.append(f"search {search}")
    return "\n".join([*lines, "options timeout:2 attempts:2", ""])


def hosts_file(hosts: Mapping[str, str]) -> str:
    """`hosts`: host name -> address."""
    return "".join(["127.0.0.1 localhost\n", "::1 localhost\n", *(f"{ip} {name}\n" for name, ip in hosts.items())])
