"""Programs that see another resolver, Kerberos and Samba configuration than the daemons of the share server, which go
on undisturbed: how a directory is tried out, and joined, before anything changes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from .command import Completed
from .durable import write_durably
from .instance import Instance
from .smbconf import render

INSIDE = "/var/lib/samba/private/trial"
ETC = ("resolv.conf", "hosts")
# Constant, and its parameters are arguments: nothing of a request is read as shell text.
AS_SEEN = 'for f in resolv.conf hosts; do mount --bind "$0/$f" "/etc/$f" || exit 125; done; exec "$@"'


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
            (self.path / name).mkdir(mode=0o700)
        for name, text in self._files.items():
            self.write(name, text)
        return self

    def __exit__(self, *_: object) -> None:
        discard(self.instance)

    def write(self, name: str, text: str) -> None:
        write_durably(self.path / name, text, 0o600)

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

    def run(self, argv: list[str], *, timeout: float, stdin: bytes | None = None) -> Completed:
        """Runs a program inside the share server that sees the trial's files. With the ticket of log_in()."""
        env = {
            "KRB5_CONFIG": self.inside("krb5.conf"),
            "KRB5CCNAME": f"FILE:{self.inside('ticket')}",
            "SMB_CONF_PATH": self.inside("smb.conf"),
        }
        seeing = ["unshare", "--mount", "--propagation", "private", "--", "/bin/sh", "-c", AS_SEEN, INSIDE]
        return self.instance.run([*seeing, *argv], stdin=stdin, timeout=timeout, env=env)


def end_programs(instance: Instance) -> None:
    """Ends programs of a trial whose call was killed: a late join would change the account's password once more."""
    if instance.leader() is not None:
        instance.run(["pkill", "-KILL", "-f", "--", INSIDE], timeout=5)


def discard(instance: Instance) -> None:
    """Removes what a trial left, also one that was killed."""
    shutil.rmtree(instance.paths.private / "trial", ignore_errors=True)


def resolv_conf(name_servers: tuple[str, ...], search: str = "") -> str:
    lines = [f"nameserver {each}" for each in name_servers[:3]]
    if search:
        lines.append(f"search {search}")
    return "\n".join([*lines, "options timeout:2 attempts:2", ""])


def hosts_file(hosts: Mapping[str, str]) -> str:
    """`hosts`: host name -> address."""
    return "".join(["127.0.0.1 localhost\n", "::1 localhost\n", *(f"{ip} {name}\n" for name, ip in hosts.items())])
