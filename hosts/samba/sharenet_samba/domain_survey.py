"""What has to be true before a share server can join a domain, looked at without changing anything there or here."""

from __future__ import annotations

import re
import time
from calendar import timegm
from dataclasses import dataclass

from .address_policy import Network
from .command import ENDED_EARLY
from .directory_data import DirectoryConnection, DirectoryError, Entry, filter_value
from .directory_errors import directory_problem
from .directory_service import DirectoryService, dn_of, foreign_account, invalid, is_host_name
from .distinguished_name import DN, escaped, parse_dn, same_name
from .domain_controllers import DomainController, find_domain_controllers
from .instance import Instance
from .kerberos import log_in
from .machine_account import AccountPlace, check_creation, check_move, find_account, foreign, is_elsewhere, is_ours
from .problem import Problem, rejected, unavailable
from .trial import Trial, hosts_file

# Kerberos refuses at five minutes; a clock that is this far off will be there soon.
LARGEST_SKEW = 240.0
LOOKUP_TIMEOUT = 6.0
# As `net ads lookup` shows the NetBIOS name, which a domain controller tells without a login.
PRE_WINDOWS_NAME = re.compile(r"^Pre-Win2k Domain:\s*(\S+)", re.MULTILINE)
# Names become part of smb.conf and of its parameters, SIDs of ranges of numbers: a controller may say anything.
NETBIOS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}", re.ASCII)
# A domain that every member has.
BUILT_IN = "BUILTIN"
DOMAIN_SID = re.compile(r"S-1-5-21(-[0-9]{1,10}){3}", re.ASCII)
COMPUTERS_CONTAINER = "AA312825768811D1ADED00C04FD8D5CD"


@dataclass(frozen=True)
class DomainSurvey:
    """A domain as one of its controllers describes it. `controllers`: all that may be used, `host` the one that was
    asked, by the name of its service principal. `account`: ours, when there is one."""

    service: DirectoryService
    controllers: list[DomainController]
    host: str
    address: str
    netbios_name: str
    sid: str
    place: AccountPlace
    account: Entry | None


def survey_domain(
    instance: Instance, trial: Trial, service: DirectoryService, denied: list[Network], *, leaving: bool = False
) -> DomainSurvey:
    """Rejected or Unavailable with a sentence for the tenant at the first thing that stands against a join.
    Afterwards the trial has a ticket of the service's account. `leaving`: whether an account may be made there, or is
    ours, is not asked."""
    controllers = find_domain_controllers(instance, service, denied)
    controller, host, base = _log_in_somewhere(trial, service, controllers)
    where = f"domain {service.domain}"
    try:
        trial.write("hosts", hosts_file({host: controller.address}))
        connection = DirectoryConnection(trial, host)
        netbios_name, sid = _identity(connection, base, instance.state.hostname, where)
        ou_dn = base if leaving else _organizational_unit(connection, service, base)
        place = AccountPlace(service.domain, base, ou_dn, instance.state.hostname.upper())
        account = find_account(connection, place)
        if leaving:
            return DomainSurvey(service, controllers, host, controller.address, netbios_name, sid, place, account)
        if account is not None and not is_ours(instance, account):
            raise foreign(place, account)
        if account is None or is_elsewhere(account, place):
            check_creation(connection, place, service.user)
        if account is not None and is_elsewhere(account, place):
            check_move(connection, account, place, service.user)
    except DirectoryError as error:
        raise directory_problem(f"{where}: domain controller {controller.address}", service.user, error) from error
    return DomainSurvey(service, controllers, host, controller.address, netbios_name, sid, place, account)


def _log_in_somewhere(
    trial: Trial, service: DirectoryService, controllers: list[DomainController]
) -> tuple[DomainController, str, str]:
    """The first controller that answers, its host name and the domain's base DN; the trial has a ticket then."""
    silent: list[str] = []
    failed: Problem | None = None
    for controller in controllers:
        try:
            host, base = _root(trial, service, controller)
            _check_user_domain(trial, service, controller)
            problem = log_in(trial, service.realm, controller.address, service.user, service.password or "")
        except DirectoryError as error:
            silent.append(f"{controller.address}: {error.text}")
            continue
        if problem is None:
            return controller, host, base
        if problem.kind != "Unavailable":
            raise problem
        failed = problem if problem.reason == "LoginFailed" else failed
        silent.append(f"{controller.address}: {problem.message}")
    if failed is not None:
        raise failed
    asked = ", ".join(each.address for each in controllers)
    message = f"domain {service.domain}: no domain controller answers (asked: {asked})"
    raise unavailable("DomainControllerNotAnswering", message, detail="; ".join(silent))


def _root(trial: Trial, service: DirectoryService, controller: DomainController) -> tuple[str, str]:
    """Its host name and the domain's base DN; also compares the clocks."""
    anonymous = DirectoryConnection(trial, controller.address, authenticated=False)
    attributes = ["currentTime", "dnsHostName", "defaultNamingContext"]
    found = anonymous.search("", "base", "(objectClass=*)", attributes)
    root = found[0] if found else Entry("")
    host, base = root.first("dnsHostName").lower(), root.first("defaultNamingContext")
    if not is_host_name(host) or not same_name(base, service.base_dn):
        raise rejected("DomainUnknown", f"domain {service.domain}: {controller.address} is no domain controller of it")
    skew = _skew(root.first("currentTime"))
    if abs(skew) > LARGEST_SKEW:
        raise rejected(
            "ClockSkew",
            f"domain {service.domain}: the clock of {controller.address} and the file server host's differ by "
            f"{abs(skew):.0f} s",
        )
    return host, base


def _check_user_domain(trial: Trial, service: DirectoryService, controller: DomainController) -> None:
    """Before a login: an account of another domain must not become the one of that name in this domain."""
    if not service.user_domain:
        return
    try:
        text = trial.run(["net", "ads", "lookup", "-S", controller.address], timeout=LOOKUP_TIMEOUT).text
    except Problem as problem:
        if problem.reason not in ENDED_EARLY:
            raise
        text = ""
    found = PRE_WINDOWS_NAME.search(text)
    # A controller that can't be asked this way: the name that nearly all domains have.
    known = found[1] if found else service.domain.partition(".")[0]
    if service.user_domain.lower() != known.lower():
        raise foreign_account(service, service.user, service.user_domain)


def _skew(current_time: str) -> float:
    try:
        return timegm(time.strptime(current_time[:14], "%Y%m%d%H%M%S")) - time.time()
    except ValueError:
        return 0.0


def _identity(connection: DirectoryConnection, base: str, hostname: str, where: str) -> tuple[str, str]:
    """The domain's NetBIOS name and SID. It is not the name of another domain that the share server has."""
    domain = connection.search(base, "base", "(objectClass=*)", ["objectSid"])
    root = connection.search("", "base", "(objectClass=*)", ["configurationNamingContext"])
    configuration = root[0].first("configurationNamingContext") if root else ""
    expression = f"(&(nCName={filter_value(base)})(nETBIOSName=*))"
    names = connection.search(f"CN=Partitions,{configuration}", "one", expression, ["nETBIOSName"])
    sid = domain[0].first("objectSid") if domain else ""
    name = names[0].first("nETBIOSName") if names else ""
    if name.upper() in (BUILT_IN, hostname.upper()):
        raise rejected("DomainInvalid", f"{where}: its NetBIOS name {name} is the name of another domain of the share server")
    for attribute, value, pattern in (("nETBIOSName", name, NETBIOS_NAME), ("objectSid", sid, DOMAIN_SID)):
        if not pattern.fullmatch(value):
            message = f"{where}: its domain controllers give no {attribute} that a share server can use"
            raise rejected("DomainInvalid", message, detail=repr(value))
    return name, sid


def _organizational_unit(connection: DirectoryConnection, service: DirectoryService, base: str) -> str:
    """The DN that the account is to be in, as the domain controller writes it; without `ou`, where the domain keeps its
    computers."""
    if service.ou == "":
        found = connection.search(base, "base", "(objectClass=*)", ["wellKnownObjects"])
        for value in found[0].values.get("wellknownobjects", []) if found else []:
            if value.upper().startswith(f"B:32:{COMPUTERS_CONTAINER}:"):
                return value.split(":", 3)[3]
        return f"CN=Computers,{base}"
    dn = organizational_unit_dn(service, base)
    found = connection.search(dn, "base", "(objectClass=*)", ["objectClass"])
    if not found:
        raise rejected("OrganizationalUnitNotFound", f"domain {service.domain}: there is no {dn}")
    return found[0].dn


def organizational_unit_dn(service: DirectoryService, base: str) -> str:
    """`ou` is a DN, absolute or below the domain, or a path such as Servers/Files or corp.example/Servers/Files."""
    if "=" not in service.ou:
        names = [each for each in service.ou.strip("/").split("/") if each]
        if len(names) > 1 and names[0].rstrip(".").lower() == service.domain:
            del names[0]
        if not names:
            raise invalid(service.name, "ou is empty")
        return ",".join([*(f"OU={escaped(each)}" for each in reversed(names)), base])
    given, domain = dn_of(service.name, "ou", service.ou), parse_dn(base)
    if given.is_within(domain):
        return str(given)
    if any(pair.type.upper() == "DC" for part in given.parts for pair in part):
        raise invalid(service.name, f"ou is in {DN(_root_parts(given))}, not in the service's domain {base}")
    return str(given.below(domain))


def _root_parts(name: DN) -> tuple:
    """The last parts of a name, from where they are components of a domain's name."""
    kinds = [all(pair.type.upper() == "DC" for pair in part) for part in name.parts]
    first = next((at for at in range(len(kinds)) if all(kinds[at:])), None)
    return name.parts if first is None else name.parts[first:]
