"""Who is connected to which share, and how they are disconnected."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from .addresses import parse_address, parse_network
from .deadline import wait_until
from .principals import qualified
from .problem import unavailable
from .state import Rule, Share

if TYPE_CHECKING:
    from .instance import Instance


def list_sessions(instance: "Instance") -> list[dict]:
    """[{tree, pid, share, user, address}]; empty while smbd is down. `pid` is smbd's process inside the server, `tree`
    the connection to the share."""
    if not instance.running("smbd"):
        return []
    done = instance.run(["smbstatus", "--json"], timeout=15)
    try:
        return _read_status(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise unavailable("SessionsUnknown", "smbd of the share server does not report its sessions") from None


def _read_status(status: dict) -> list[dict]:
    sessions = status.get("sessions", {})
    found = []
    for tree, each in status.get("tcons", {}).items():
        if each.get("service") == "IPC$":
            continue
        session = sessions.get(str(each.get("session_id")), {})
        found.append(
            {
                "tree": f"{each['server_id']['pid']}/{each['server_id'].get('unique_id', '')}/{tree}",
                "pid": int(each["server_id"]["pid"]),
                "share": str(each["service"]),
                "user": str(session.get("username", "")),
                "address": str(each.get("machine", "")),
            }
        )
    return found


def _from(address: str, rule: Rule) -> bool:
    try:
        return parse_address(address) in parse_network(rule.to)
    except ValueError:
        return False


def _bare(user: str) -> str:
    return user.rpartition("\\")[2].partition("@")[0].casefold()


def _is(rule: Rule, user: str) -> bool:
    """Whether the rule is certainly one for this user and no group. A rule without a domain is for that user of any."""
    if rule.principal != "user":
        return False
    named = rule.to.casefold() == user.casefold()
    return named or ("\\" not in rule.to and "@" not in rule.to and _bare(rule.to) == _bare(user))


def _may_be(rule: Rule, user: str) -> bool:
    """Whether the rule may be one for this user: by a group, or by a name that a directory alone can compare."""
    return rule.principal == "group" or "@" in rule.to or _bare(rule.to) == _bare(user)


def keeps_access(session: dict, rules: list[Rule], lost: list[Rule]) -> bool:
    """Whether the session may stay, when the rules `lost` are no longer in force as they were. Only what is certain
    counts: a user's own rule (groups are not looked up) and an address in a range. Who is disconnected needlessly comes
    back: clients connect again by themselves."""
    users = [rule for rule in rules if rule.type == "user"]
    addresses = [rule for rule in rules if rule.type == "ip"]
    lost_addresses = [rule for rule in lost if rule.type == "ip"]
    if lost_addresses and not any(_from(session["address"], rule) for rule in addresses):
        return False
    if any(rule.type == "ip" and rule.level == "rw" for rule in lost) and any(r.level == "ro" for r in addresses):
        return False
    lost_users = [rule for rule in lost if rule.type == "user"]
    if not lost_users:
        return True
    own = [rule for rule in users if _is(rule, session["user"])]
    if not any(_may_be(rule, session["user"]) for rule in lost_users):
        return True
    writable = any(rule.level == "rw" for rule in lost_users)
    return any(rule.level == "rw" for rule in own) or (bool(own) and not writable)


def close_lost(instance: "Instance", share: Share, lost: list[Rule]) -> None:
    """Disconnects those whom a rule let in that is gone or lower now."""
    if not lost:
        return
    # As sessions have them: with the domain.
    in_force, gone = (
        [replace(rule, to=qualified(rule.to, instance.state)) if rule.type == "user" else rule for rule in rules]
        for rules in (share.rules, lost)
    )
    doomed = [
        each
        for each in list_sessions(instance)
        if each["share"].lower() == share.name.lower() and not keeps_access(each, in_force, gone)
    ]
    _close(instance, share.name, doomed)


def close_share(instance: "Instance", name: str) -> None:
    """Disconnects all from a share."""
    _close(instance, name, [each for each in list_sessions(instance) if each["share"].lower() == name.lower()])


def _close(instance: "Instance", name: str, doomed: list[dict]) -> None:
    """Asked first; a process that does not obey is ended, and with it all of that client's connections."""
    pids = sorted({each["pid"] for each in doomed})
    for pid in pids:
        instance.run(["smbcontrol", str(pid), "close-share", name], timeout=10)
    gone = {each["tree"] for each in doomed}

    def closed() -> bool:
        return not gone & {each["tree"] for each in list_sessions(instance)}

    if not pids or wait_until(closed, instance.deadline.limit(3), pause=0.1):
        return
    left = {each["pid"] for each in list_sessions(instance) if each["tree"] in gone}
    for pid in sorted(left):
        instance.run(["kill", "-KILL", str(pid)], timeout=5)
    if not wait_until(closed, instance.deadline.limit(5), pause=0.1):
        message = "sessions that lost their access could not be closed; this is tried again"
        raise unavailable("SessionsNotClosed", message)
