"""What the verbs ask of the directory: whether a security service would work, to change to one, to leave all."""

from __future__ import annotations

from . import active_directory, ldap_membership, membership
from .account_expiry import NEVER, UNKNOWN
from .address_policy import denied_networks
from .directory_service import DirectoryService, parse_service
from .domain_membership import place_of, trust_problem
from .idmap import as_details
from .instance import Instance
from .problem import Problem, rejected
from .trial import discard

SETTINGS = {
    "deniedRanges": [],
    "idmapRange": {"first": 100_000_000, "size": 1_000_000, "count": 1000},
    "updateDNS": True,
}
# Until an update was measured on this server.
FIRST_ESTIMATE = 5


def complete(settings: dict) -> dict:
    """`settings` of the request with what it leaves out."""
    given = {key: value for key, value in settings.items() if value is not None}
    idmap = {**SETTINGS["idmapRange"], **given.get("idmapRange", {})}
    return {**SETTINGS, **given, "idmapRange": idmap}


def apply_initial(instance: Instance, services: list[dict], settings: dict) -> dict:
    """The directory of a new server, {details, warnings}; again for one that has it. No service: a standalone
    server."""
    if len(services) > 1:
        raise rejected(
            "SecurityServicesNotSupported", "a Samba share server takes one security service, active_directory or ldap"
        )
    if services:
        return update(instance, services[0], None, None, settings)
    _tidy(instance)
    if membership.current(instance) is None:
        membership.apply_record(instance, None)
        instance.start({"smbd"})
        instance.wait_for_smbd()
    return {"details": details(instance), "warnings": []}


def check(instance: Instance, new: dict, _current: dict | None, settings: dict, _share_ids: list[str]) -> dict:
    """Nothing is changed by it. Unavailable when it can't be told now."""
    try:
        settings = complete(settings)
        service = parse_service(new, denied_networks(settings["deniedRanges"]))
        _combination(instance, service)
        kind = active_directory if service.type == "active_directory" else ldap_membership
        restarted = kind.check(instance, service, settings)
    except Problem as problem:
        if problem.kind != "Rejected":
            raise
        refused = {"credentialsRefused": True} if problem.refuses_credentials else {}
        return {"compatible": False, "reason": problem.reason, "message": problem.message, **refused}
    return {"compatible": True, "impact": _impact(instance, restarted)}


def _impact(instance: Instance, restarted: set[str]) -> dict:
    sessions = len(instance.open_sessions())
    if "smbd" in restarted:
        seconds = round(instance.state.directory.get("lastInterruption", FIRST_ESTIMATE)) or 1
        text = f"{sessions} open sessions are cut; clients can connect again after about {seconds} s"
        return {"disruptsSessions": True, "estimatedSeconds": seconds, "text": text, "openSessions": sessions}
    text = "open sessions stay; " + ("new logins wait for a moment" if restarted else "nothing is restarted")
    return {
        "disruptsSessions": False,
        "estimatedSeconds": 1 if restarted else 0,
        "text": text,
        "openSessions": sessions,
    }


def update(instance: Instance, new: dict, current: dict | None, attempted: dict | None, settings: dict) -> dict:
    """Makes `new` the directory: {details, warnings}. `current` and `attempted` are what it was and what was last
    tried, for cleaning up with their accounts. On a Problem the old one is in force; the same call again goes on."""
    settings = complete(settings)
    _tidy(instance)
    denied = denied_networks(settings["deniedRanges"])
    service = parse_service(new, denied)
    _combination(instance, service)
    if service.type == "active_directory":
        warnings = active_directory.update(instance, service, _former([current, attempted], denied), settings)
    else:
        warnings = ldap_membership.update(instance, service, settings)
    return {"details": details(instance), "warnings": warnings}


def leave(instance: Instance, services: list[dict], settings: dict) -> list[dict[str, str]]:
    """Before the server is removed: warnings of what is left in directories. Daemons may run on."""
    settings = complete(settings)
    discard(instance)
    instance.state.directory.pop("switchingTo", None)
    return active_directory.leave_all(instance, _former(services, denied_networks(settings["deniedRanges"])), settings)


def health(instance: Instance) -> dict:
    """{healthy, reason?, message?, details}: whether users can log in."""
    record = membership.current(instance)
    problem = membership.daemon_missing(instance, record)
    if problem is None and record is not None:
        works = trust_problem if record["type"] == "active_directory" else ldap_membership.login_problem
        problem = works(instance)
    found = {"healthy": problem is None, "details": details(instance)}
    return found if problem is None else {**found, "reason": problem.reason, "message": problem.message}


def credentials_expire_time(instance: Instance) -> str | None:
    """When the account that the server joined with can't log in any more, RFC 3339, as it was when the service was
    applied; None: never, or not known."""
    told = (membership.current(instance) or {}).get("credentialsExpireTime")
    return None if told in (NEVER, UNKNOWN) else told


def details(instance: Instance) -> dict[str, str]:
    """For backendDetails: what a tenant may know, as strings."""
    record = membership.current(instance)
    ranges = as_details(instance.state.directory)
    known = {"idmapRanges": ranges} if ranges else {}
    if record is None:
        return known
    if record["type"] == "ldap":
        return {
            **known,
            "directory": "ldap",
            "workgroup": record["name"],
            "domainSID": record["sid"],
            "ldapSuffix": record["suffix"],
        }
    return {
        **known,
        "directory": "active_directory",
        "domain": record["domain"],
        "workgroup": record["netbiosName"],
        "domainSID": record["sid"],
        "machineAccount": place_of(record).dn,
        # Always there: the operator keeps a detail that is not sent again.
        "credentialsExpireTime": record.get("credentialsExpireTime", UNKNOWN),
    }


def _combination(instance: Instance, service: DirectoryService) -> None:
    record = membership.current(instance)
    if record is not None and record["type"] != service.type:
        raise rejected(
            "SecurityServiceCombinationNotSupported",
            f"a Samba share server can't use {record['type']} and {service.type} at the same time",
        )


def _former(services: list[dict | None], denied: list) -> list[DirectoryService]:
    """Those that can still be used to log in."""
    found = []
    for each in services:
        try:
            if each is not None:
                found.append(parse_service(each, denied))
        except Problem:
            continue
    return found


def _tidy(instance: Instance) -> None:
    """What a killed call left."""
    discard(instance)
    membership.recover(instance)
    membership.remove_unused_secrets(instance)
