"""What a share server belongs to, as a record in state.json, and the step from one record to another.

A record alone is enough to write every file again: the step is undone by applying the old one, also by the next call
when this one was killed. Secrets of each join are in a directory of their own, which smb.conf names."""

from __future__ import annotations

import time
from collections.abc import Mapping

from . import beneath
from .deadline import wait_until
from .instance import Instance
from .private_etc import START
from .problem import Problem, unavailable
from .trial import resolv_conf

PRIVATE_INSIDE = "/var/lib/samba/private"
TRUST_TIMEOUT = 25.0


def current(instance: Instance) -> dict | None:
    """The record in force; None is a standalone server."""
    return instance.state.directory.get("current")


def new_private_directory(instance: Instance, prefix: str) -> str:
    """Name of an empty directory for the secrets of one join, never used before."""
    number = int(instance.state.directory.get("generation", 0)) + 1
    instance.state.directory["generation"] = number
    instance.save()
    name = f"{prefix}-{number}"
    beneath.make_directory(instance.paths.base, instance.paths.private / name, 0o700)
    return name


def private_inside(name: str) -> str:
    return f"{PRIVATE_INSIDE}/{name}"


def daemons_of(record: dict | None) -> set[str]:
    if record is None:
        return {"smbd"}
    return {"smbd", "winbindd"} if record["type"] == "active_directory" else {"smbd", "nslcd"}


def apply_record(instance: Instance, record: dict | None) -> None:
    """Writes every file as the record wants it. Daemons are not told."""
    from . import domain_membership, ldap_membership

    if record is None:
        for name in ("resolv.conf", "krb5.conf", "nsswitch.conf"):
            instance.write_file(name, START[name])
        instance.write_file("hosts", hosts_text(instance, {}))
        instance.configure({})
    elif record["type"] == "active_directory":
        domain_membership.write_files(instance, record)
    else:
        ldap_membership.write_files(instance, record)


def switch(instance: Instance, record: dict | None, restarted: set[str], works) -> float:
    """Makes `record` the one in force. `restarted`: the daemons that have to restart; the others read their files
    again. `works(instance)` -> Problem | None is awaited.

    Seconds for which the service was interrupted. On a Problem everything is as before."""
    directory = instance.state.directory
    before = current(instance)
    directory["switchingTo"] = record
    instance.save()
    started = time.monotonic()
    try:
        _begin(instance, record, restarted)
        _await(instance, works)
    except Problem as problem:
        _undo(instance, before, restarted, problem)
        raise
    directory["current"] = record
    del directory["switchingTo"]
    instance.save()
    return time.monotonic() - started


def _begin(instance: Instance, record: dict | None, restarted: set[str]) -> None:
    wanted = daemons_of(record)
    ended = restarted | (set(instance.state.daemons) - wanted)
    if ended:
        instance.stop(ended)
    if "winbindd" in ended:
        # Names and ids of the old domain would be answered from here.
        instance.run(["net", "cache", "flush"], timeout=10)
        for name in ("winbindd_cache.tdb", "netsamlogon_cache.tdb"):
            for path in (instance.paths.cache / name, instance.paths.run / name):
                beneath.remove(instance.paths.base, path)
    apply_record(instance, record)
    instance.start(wanted)
    if not ended >= wanted:
        instance.reload()


def _await(instance: Instance, works) -> None:
    found: list[Problem | None] = [None]

    def tried() -> bool:
        found[0] = works(instance)
        # Asking again would be one more refused log-in.
        return found[0] is None or found[0].refuses_credentials

    instance.wait_for_smbd()
    wait_until(tried, instance.deadline.limit(TRUST_TIMEOUT), pause=0.1)
    if found[0] is not None:
        raise found[0]


def _undo(instance: Instance, before: dict | None, restarted: set[str], problem: Problem) -> None:
    try:
        _begin(instance, before, restarted)
        instance.wait_for_smbd()
        del instance.state.directory["switchingTo"]
        instance.save()
    except Problem as second:
        # The next call finds `switchingTo` and tries this again.
        problem.detail = f"{problem.detail or ''}; going back failed: {second.message} {second.detail or ''}"


def recover(instance: Instance) -> None:
    """Goes back to the record in force when a call was killed while it switched."""
    if "switchingTo" not in instance.state.directory:
        return
    _begin(instance, current(instance), {"smbd", "winbindd", "nslcd"})
    del instance.state.directory["switchingTo"]
    instance.save()


def remove_unused_secrets(instance: Instance) -> None:
    """Removes the directories of joins that no record needs any more."""
    directory = instance.state.directory
    needed = [directory.get("current"), directory.get("joining"), *directory.get("leaving", [])]
    names = {each["privateDirectory"] for each in needed if each}
    for name in beneath.names(instance.paths.base, instance.paths.private):
        if name.startswith(("domain-", "ldap-")) and name not in names:
            beneath.remove(instance.paths.base, instance.paths.private / name)


def daemon_missing(instance: Instance, record: dict | None) -> Problem | None:
    for name in sorted(daemons_of(record)):
        if not instance.running(name):
            return unavailable("DaemonNotRunning", f"{name} of the share server does not run")
    return None


def hosts_text(instance: Instance, hosts: Mapping[str, list[str]]) -> str:
    """The server's own /etc/hosts, with these addresses of names besides its own. A directory's server of that name comes
    instead: daemons would reach either of two."""
    name = instance.state.hostname.lower()
    own = [] if name in map(str.lower, hosts) else [f"127.0.1.1 {name}"]
    others = [f"{each} {name}" for name, addresses in hosts.items() for each in addresses]
    return "\n".join(["127.0.0.1 localhost", "::1 localhost", *own, *others, ""])


def name_servers_text(record: dict, search: str) -> str:
    return resolv_conf(tuple(record["dnsIPs"]), search)
