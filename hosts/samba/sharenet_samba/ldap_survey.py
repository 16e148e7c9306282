"""What has to be true before a share server can use an LDAP directory, looked at without changing anything."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .address_policy import Network, refusal
from .command import Completed
from .directory_data import Entry, parse_ldif
from .directory_errors import INVALID_CREDENTIALS, ldap_problem
from .directory_service import DirectoryService, LDAPAddress, dn_of, invalid, is_host_name, ldap_address
from .domain_controllers import find_addresses, find_services
from .instance import Instance
from .problem import Problem, rejected, unavailable

TIMEOUT = 8.0
START_TLS = "1.3.6.1.4.1.1466.20037"
# How the connection is protected, best first.
VERIFIED, ENCRYPTED, PLAIN = "verified", "encrypted", "plain"
NETBIOS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
# Exit codes of the ldap tools are LDAP's result codes; negative ones of the library come as their low eight bits.
NO_SUCH_OBJECT = 32
SIZE_LIMIT = 4


@dataclass(frozen=True)
class LDAPSurvey:
    """`urls` as the daemons get them, `suffix` below which users and groups are, `name` and `sid` of its
    sambaDomain."""

    service: DirectoryService
    urls: list[str]
    start_tls: bool
    protection: str
    suffix: str
    name: str
    sid: str


def survey_ldap(instance: Instance, service: DirectoryService, denied: list[Network]) -> LDAPSurvey:
    """Rejected or Unavailable with a sentence for the tenant at the first thing that stands against its use."""
    silent: list[str] = []
    servers = _addresses(instance, service, denied)
    for server, address in servers:
        survey = _ask(instance, service, server, address)
        if survey is not None:
            urls = list(dict.fromkeys(each.url() for each, _ in servers))
            return LDAPSurvey(service, urls, *survey)
        silent.append(address)
    raise unavailable("LDAPServerNotAnswering", f"LDAP: no server answers (asked: {', '.join(silent)})")


def _addresses(instance: Instance, service: DirectoryService, denied: list[Network]) -> list[tuple[LDAPAddress, str]]:
    servers = [ldap_address(service.name, each) for each in service.servers]
    known: dict[str, list[str]] = {}
    if not servers:
        found = find_services(instance, service.dns_ips, f"_ldap._tcp.{service.domain}")
        if found["answeredBy"] is None:
            asked = ", ".join(service.dns_ips)
            raise unavailable(
                "NameServerNotAnswering", f"domain {service.domain}: no name server answers (asked: {asked})"
            )
        for each in found["targets"]:
            if is_host_name(each["host"]):
                servers.append(LDAPAddress("ldaps" if each["port"] == 636 else "ldap", each["host"], each["port"]))
                known[each["host"]] = each["addresses"]
    usable: list[tuple[LDAPAddress, str]] = []
    for server in servers:
        literal = refusal(server.host, []) != "not an IP address"
        addresses = [server.host] if literal else known.get(server.host) or _looked_up(instance, service, server.host)
        for address in addresses:
            why = refusal(address, denied)
            if why is not None:
                raise rejected("AddressDenied", f"LDAP server {server.host} can't be used: {address} is {why}")
            usable.append((server, address))
    if not usable:
        raise rejected(
            "LDAPServerNotFound", f"security service '{service.name}': no address of an LDAP server was found"
        )
    return usable[:6]


def _looked_up(instance: Instance, service: DirectoryService, host: str) -> list[str]:
    if not service.dns_ips:
        raise invalid(service.name, f"dnsIPs must name a name server that knows {host}")
    return find_addresses(instance, service.dns_ips, host)


def _search(
    instance: Instance, url: str, service: DirectoryService | None, protection: str, base: str, scope: str, *what: str
) -> Completed:
    """Bound as the service's user, or anonymously without one."""
    bound = ["-D", service.user, "-y", "/proc/self/fd/0"] if service else []
    secure = ["-ZZ"] if protection != PLAIN and url.startswith("ldap:") else []
    argv = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-o", "nettimeout=4", "-l", "5", "-z", "2", "-H", url]
    env = {"LDAPTLS_REQCERT": "demand" if protection == VERIFIED else "never", "LDAPRC": "/dev/null"}
    stdin = (service.password or "").encode() if service else None
    return instance.run([*argv, *secure, *bound, "-b", base, "-s", scope, *what], stdin=stdin, timeout=TIMEOUT, env=env)


def _entries(done: Completed) -> list[Entry]:
    return parse_ldif(done.text)


def _ask(
    instance: Instance, service: DirectoryService, server: LDAPAddress, address: str
) -> tuple[bool, str, str, str, str] | None:
    """(start TLS, protection, suffix, sambaDomain's name and SID); None when it does not answer."""
    url = server.url(address)
    root_query = ("", "base", "(objectClass=*)", "namingContexts", "supportedExtension")
    protection = VERIFIED if server.scheme == "ldaps" else PLAIN
    root = _search(instance, url, None, protection, *root_query)
    if root.code != 0 and server.scheme == "ldaps":
        protection = ENCRYPTED
        root = _search(instance, url, None, protection, *root_query)
    if root.code != 0:
        return None
    entry = (_entries(root) or [Entry("")])[0]
    start_tls = server.scheme == "ldap" and START_TLS in entry.values.get("supportedextension", [])
    if start_tls:
        verified = _search(instance, server.url(server.host), None, VERIFIED, *root_query).code == 0
        protection = VERIFIED if verified else ENCRYPTED
    suffix = _suffix(service, entry.values.get("namingcontexts", []))
    name, sid = _samba_domain(instance, service, url, protection, suffix, address)
    return start_tls, protection, suffix, name, sid


def _suffix(service: DirectoryService, contexts: list[str]) -> str:
    """The directory that the bind DN is in; `ou` narrows it."""
    user = dn_of(service.name, "user", service.user)
    known = [dn_of(service.name, "the LDAP server's naming context", each) for each in contexts if each]
    context = max((each for each in known if user.is_within(each)), key=lambda each: len(each.parts), default=None)
    if service.base:
        context = dn_of(service.name, "domain", service.base)
    if service.ou:
        ou = dn_of(service.name, "ou", service.ou)
        complete = context is None or any(ou.is_within(each) for each in known)
        return str(ou if complete else ou.below(context))
    if context is None:
        raise invalid(service.name, "user is in no directory of the LDAP server: give ou, the DN that users are below")
    return str(context)


def _samba_domain(
    instance: Instance, service: DirectoryService, url: str, protection: str, suffix: str, address: str
) -> tuple[str, str]:
    """Logs in, and reads the one sambaDomain: its SID is the one that the users' SIDs begin with."""
    asked = ("(objectClass=sambaDomain)", "sambaDomainName", "sambaSID")
    done = _search(instance, url, service, protection, suffix, "sub", *asked)
    where = f"LDAP server {address}: "
    if done.code == NO_SUCH_OBJECT:
        raise rejected("SuffixNotFound", f"{where}there is no {suffix}, or '{service.user}' may not read it")
    if done.code not in (0, SIZE_LIMIT):
        server, text = f"LDAP server {address}", done.error_text[-500:]
        raise ldap_problem(done.code, text, server, service.user, failed="LDAPServerNotAnswering")
    found = [each for each in _entries(done) if each.first("sambaDomainName")]
    if service.domain:
        first = service.domain.split(".")[0]
        found = [each for each in found if each.first("sambaDomainName").lower() == first] or found
    if len(found) != 1:
        number = "no object" if not found else "more than one object"
        raise rejected(
            "SambaDomainNotFound",
            f"{where}there is {number} of class sambaDomain below {suffix} that '{service.user}' may read",
        )
    name, sid = found[0].first("sambaDomainName"), found[0].first("sambaSID")
    if not NETBIOS_NAME.fullmatch(name) or not sid.startswith("S-1-5-21-"):
        raise rejected(
            "SambaDomainInvalid", f"{where}the sambaDomain below {suffix} has no usable sambaDomainName and sambaSID"
        )
    return name, sid


def bind_problem(
    instance: Instance, urls: list[str], protection: str, user: str, password: str, suffix: str
) -> Problem | None:
    """Why a share server that is set up can't read its directory, None when one of its servers lets it."""
    service = DirectoryService(id="", name="", type="ldap", user=user, password=password)
    codes = []
    for url in urls:
        code = _search(instance, url, service, protection, suffix, "base", "(objectClass=*)", "1.1").code
        if code == 0:
            return None
        # The other servers would count the same refused log-in.
        if code == INVALID_CREDENTIALS:
            return rejected("DirectoryPasswordRefused", f"LDAP: password of '{user}' refused")
        codes.append(code)
    return unavailable(
        "DirectoryNotReadable", "LDAP: no server lets the share server read its directory", detail=str(codes)
    )
