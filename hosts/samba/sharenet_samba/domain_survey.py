"""What has to be true before a share server can join a domain, looked at without changing anything there or here."""

from __future__ import annotations

import time
from calendar import timegm
from dataclasses import dataclass

from .address_policy import Network
from .directory_data import DirectoryConnection, DirectoryError, Entry, filter_value, not_answering, rdn_value
from .directory_service import DirectoryService, invalid, is_host_name
from .domain_controllers import DomainController, find_domain_controllers
from .instance import Instance
from .kerberos import log_in
from .machine_account import AccountPlace, check_creation, check_move, find_account, foreign, is_elsewhere, is_ours
from .problem import rejected, unavailable
from .trial import Trial, hosts_file

# Kerberos refuses at five minutes; a clock that is this far off will be there soon.
LARGEST_SKEW = 240.0
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
        netbios_name, sid = _identity(connection, base)
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
        raise not_answering(f"{where}: domain controller {controller.address}", error) from error
    return DomainSurvey(service, controllers, host, controller.address, netbios_name, sid, place, account)


def _log_in_somewhere(
    trial: Trial, service: DirectoryService, controllers: list[DomainController]
) -> tuple[DomainController, str, str]:
    """The first controller that answers, its host name and the domain's base DN; the trial has a ticket then."""
    silent: list[str] = []
    for controller in controllers:
        try:
            host, base = _root(trial, service, controller)
            problem = log_in(trial, service.realm, controller.address, service.user, service.password or "")
        except DirectoryError as error:
            silent.append(f"{controller.address}: {error.text}")
            continue
        if problem is None:
            return controller, host, base
        if problem.kind != "Unavailable":
            raise problem
        silent.append(f"{controller.address}: no answer of its KDC")
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
    if not is_host_name(host) or base.lower() != service.base_dn.lower():
        raise rejected("DomainUnknown", f"domain {service.domain}: {controller.address} is no domain controller of it")
    skew = _skew(root.first("currentTime"))
    if abs(skew) > LARGEST_SKEW:
        raise rejected(
            "ClockSkew",
            f"domain {service.domain}: the clock of {controller.address} and the file server host's differ by "
            f"{abs(skew):.0f} s",
        )
    return host, base


def _skew(current_time: str) -> float:
    try:
        return timegm(time.strptime(current_time[:14], "%Y%m%d%H%M%S")) - time.time()
    except ValueError:
        return 0.0


def _identity(connection: DirectoryConnection, base: str) -> tuple[str, str]:
    """The domain's NetBIOS name and SID."""
    domain = connection.search(base, "base", "(objectClass=*)", ["objectSid"])
    root = connection.search("", "base", "(objectClass=*)", ["configurationNamingContext"])
    configuration = root[0].first("configurationNamingContext") if root else ""
    expression = f"(&(nCName={filter_value(base)})(nETBIOSName=*))"
    names = connection.search(f"CN=Partitions,{configuration}", "one", expression, ["nETBIOSName"])
    sid = domain[0].first("objectSid") if domain else ""
    name = names[0].first("nETBIOSName") if names else ""
    if not sid.startswith("S-1-5-21-") or not name:
        raise DirectoryError(None, "no objectSid or nETBIOSName")
    return name, sid


def _organizational_unit(connection: DirectoryConnection, service: DirectoryService, base: str) -> str:
    """The DN that the account is to be in. `ou` is a DN, absolute or below the domain, or a path such as Servers/Files;
    without it, where the domain keeps its computers."""
    if service.ou == "":
        found = connection.search(base, "base", "(objectClass=*)", ["wellKnownObjects"])
        for value in found[0].values.get("wellknownobjects", []) if found else []:
            if value.upper().startswith(f"B:32:{COMPUTERS_CONTAINER}:"):
                return value.split(":", 3)[3]
        return f"CN=Computers,{base}"
    dn = organizational_unit_dn(service, base)
    if not connection.search(dn, "base", "(objectClass=*)", ["objectClass"]):
        raise rejected("OrganizationalUnitNotFound", f"domain {service.domain}: there is no {dn}")
    return dn


def organizational_unit_dn(service: DirectoryService, base: str) -> str:
    if "=" not in service.ou:
        names = [each for each in service.ou.strip("/").split("/") if each]
        if not names:
            raise invalid(service.name, "ou is empty")
        return ",".join([*(f"OU={rdn_value(each)}" for each in reversed(names)), base])
    if service.ou.lower().endswith(f",{base.lower()}"):
        return service.ou
    if ",dc=" in service.ou.lower():
        raise invalid(service.name, f"ou is not below {base}")
    return f"{service.ou},{base}"
