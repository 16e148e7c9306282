"""What has to be true before a share server can use an LDAP directory, looked at without changing anything."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .address_policy import Network, refusal
from .command import ENDED_EARLY, Completed
from .directory_data import Entry, parse_ldif
from .directory_errors import INVALID_CREDENTIALS, ldap_problem
from .directory_service import DirectoryService, LDAPAddress, dn_of, invalid, is_host_name, ldap_address
from .domain_controllers import find_addresses, find_services
from .domain_survey import DOMAIN_SID, NETBIOS_NAME
from .instance import Instance
from .ldap_tls import FAILED, GOOD, HOST_AUTHORITIES, REFUSED, SILENT
from .ldap_tls import refusal as tls_refusal
from .problem import Problem, rejected, unavailable
from .trial import Trial, hosts_file

TIMEOUT = 8.0
# File of a trial with the authorities of its service.
AUTHORITIES = "authorities.pem"
# How the connection is protected, best first.
VERIFIED, ENCRYPTED, PLAIN = "verified", "encrypted", "plain"
# Exit codes of the ldap tools are LDAP's result codes; negative ones of the library come as their low eight bits.
NO_SUCH_OBJECT = 32
SIZE_LIMIT = 4
# As the library calls what it gave up.
TIME_OUT = 85


# Names of servers, and domains whose servers DNS names, that a share server remembers as verified.
MOST_VERIFIED = 64


@dataclass(frozen=True)
class LDAPSurvey:
    """`urls` as the daemons get them, `hosts` the judged addresses of the names in them, `protection` how connections
    are protected, `suffix` below which users and groups are, `name` and `sid` of its sambaDomain."""

    service: DirectoryService
    urls: list[str]
    hosts: dict[str, list[str]]
    start_tls: bool
    protection: str
    suffix: str
    name: str
    sid: str

    @property
    def verified(self) -> list[str]:
        return _identities(self.service, [ldap_address("", each) for each in self.urls])


def _identities(service: DirectoryService, servers: list[LDAPAddress]) -> list[str]:
    """What is verified: servers by name, and those that DNS names for a domain also as the domain's."""
    names = sorted({each.host.lower() for each in servers})
    return names if service.servers else [f"_ldap._tcp.{service.domain}", *names]


def survey_ldap(instance: Instance, service: DirectoryService, denied: list[Network]) -> LDAPSurvey:
    """Rejected or Unavailable with a sentence for the tenant at the first thing that stands against its use."""
    silent: list[str] = []
    servers = _addresses(instance, service, denied)
    known = instance.state.directory.get("verifiedLDAP", [])
    once = any(each in known for each in _identities(service, [server for server, _ in servers]))
    hosts: dict[str, list[str]] = {}
    for server, address in servers:
        if server.host != address:
            hosts[server.host] = sorted({*hosts.get(server.host, []), address})
    with Trial(instance, service.dns_ips, {}) as trial:
        trial.write(AUTHORITIES, service.authorities)
        for server, address in servers:
            survey = _ask(trial, service, server, address, once)
            if survey is not None:
                urls = list(dict.fromkeys(each.url() for each, _ in servers))
                return LDAPSurvey(service, urls, hosts, *survey)
            silent.append(address)
    raise unavailable("LDAPServerNotAnswering", f"LDAP: no server answers (asked: {', '.join(silent)})")


def remember_verified(directory: dict, survey: LDAPSurvey) -> None:
    """From now on no connection to these servers goes unverified. `directory` has to be saved."""
    if survey.protection == VERIFIED:
        known = [*directory.get("verifiedLDAP", []), *survey.verified]
        directory["verifiedLDAP"] = list(dict.fromkeys(reversed(known)))[:MOST_VERIFIED][::-1]


def _addresses(instance: Instance, service: DirectoryService, denied: list[Network]) -> list[tuple[LDAPAddress, str]]:
    servers = [ldap_address(service.name, each) for each in service.servers]
    known: dict[str, list[str]] = {}
    if not servers:
        servers, known = _servers_of_domain(instance, service)
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


def _servers_of_domain(
    instance: Instance, service: DirectoryService
) -> tuple[list[LDAPAddress], dict[str, list[str]]]:
    """What DNS names, all of one scheme, with their addresses. A certificate proves a name only: one of another domain
    would prove nothing about this one."""
    found = find_services(instance, service.dns_ips, f"_ldap._tcp.{service.domain}")
    if found["answeredBy"] is None:
        asked = ", ".join(service.dns_ips)
        raise unavailable("NameServerNotAnswering", f"domain {service.domain}: no name server answers (asked: {asked})")
    named = [each for each in found["targets"] if is_host_name(each["host"])]
    within = [each for each in named if f".{each['host']}".endswith(f".{service.domain}")]
    if service.tls_required and named and not within:
        raise rejected(
            "LDAPServerNotFound",
            f"domain {service.domain}: DNS names LDAP servers of other domains only ({named[0]['host']}), which no "
            "certificate proves to be the domain's: name them in servers",
        )
    targets = within if service.tls_required else named
    servers = [LDAPAddress("ldaps" if each["port"] == 636 else "ldap", each["host"], each["port"]) for each in targets]
    servers = [each for each in servers if each.scheme == servers[0].scheme]
    return servers, {each["host"]: each["addresses"] for each in targets}


def _looked_up(instance: Instance, service: DirectoryService, host: str) -> list[str]:
    if not service.dns_ips:
        raise invalid(service.name, f"dnsIPs must name a name server that knows {host}")
    return find_addresses(instance, service.dns_ips, host)


def _search(
    runner: Trial | Instance,
    url: str,
    service: DirectoryService | None,
    protection: str,
    authorities: str,
    base: str,
    scope: str,
    *what: str,
) -> Completed:
    """Bound as the service's user, or anonymously without one. `runner`: where programs see the addresses of names. The
    code is TIME_OUT when the server kept the search from ending."""
    bound = ["-D", service.user, "-y", "/proc/self/fd/0"] if service else []
    secure = ["-ZZ"] if protection != PLAIN and url.startswith("ldap:") else []
    argv = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-o", "nettimeout=4", "-l", "5", "-z", "2", "-H", url]
    env = {
        "LDAPTLS_REQCERT": "demand" if protection == VERIFIED else "never",
        "LDAPTLS_CACERT": authorities,
        "LDAPRC": "/dev/null",
    }
    stdin = (service.password or "").encode() if service else None
    argv += [*secure, *bound, "-b", base, "-s", scope, *what]
    try:
        return runner.run(argv, stdin=stdin, timeout=TIMEOUT, env=env)
    except Problem as problem:
        if problem.reason not in ENDED_EARLY:
            raise
        return Completed(TIME_OUT, b"", problem.message.encode())


def _entries(done: Completed) -> list[Entry]:
    return parse_ldif(done.text)


def _found(instance: Instance, server: LDAPAddress, address: str, authorities: str) -> tuple[str, int]:
    """What a probe of the server's certificate finds, and OpenSSL's code."""
    payload = {"address": address, "port": server.port, "name": server.host, "ldaps": server.scheme == "ldaps"}
    try:
        probed = instance.python("ldap_tls:probe", {**payload, "authorities": authorities}, timeout=TIMEOUT)
    except Problem as problem:
        if problem.reason not in ENDED_EARLY:
            raise
        return SILENT, 0
    return probed["found"], probed.get("code", 0)


def _ask(
    trial: Trial, service: DirectoryService, server: LDAPAddress, address: str, once: bool
) -> tuple[bool, str, str, str, str] | None:
    """(start TLS, protection, suffix, sambaDomain's name and SID); None when it does not answer.

    `once`: it was verified before."""
    authorities = trial.inside(AUTHORITIES) if service.authorities else HOST_AUTHORITIES
    found, code = _found(trial.instance, server, address, authorities)
    if found == SILENT:
        return None
    where = f"LDAP server {address}" if server.host == address else f"LDAP server {server.host} ({address})"
    if found != GOOD and (service.tls_required or once or server.scheme == "ldaps"):
        raise tls_refusal(found, code, server.host, where, _advice(service, server, once))
    protection = {GOOD: VERIFIED, REFUSED: PLAIN}.get(found, ENCRYPTED)
    trial.write("hosts", hosts_file({} if server.host == address else {server.host: address}))
    url = server.url()
    root_query = ("", "base", "(objectClass=*)", "namingContexts")
    root = _search(trial, url, None, protection, authorities, *root_query)
    if root.code != 0:
        if found != GOOD or root.code == TIME_OUT:
            return None
        # The probe and the library that the daemons use have to agree.
        raise tls_refusal(FAILED, 0, server.host, where, "")
    entry = (_entries(root) or [Entry("")])[0]
    suffix = _suffix(service, entry.values.get("namingcontexts", []))
    name, sid = _samba_domain(trial, service, url, protection, authorities, suffix, address)
    return server.scheme == "ldap" and protection != PLAIN, protection, suffix, name, sid


def _advice(service: DirectoryService, server: LDAPAddress, once: bool) -> str:
    if once and not service.tls_required:
        return "; this share server has verified it before, and does not go back"
    if server.scheme == "ldaps":
        return "; servers of the scheme ldaps are always verified"
    return "; tls.mode Opportunistic would use it unverified"


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
    trial: Trial, service: DirectoryService, url: str, protection: str, authorities: str, suffix: str, address: str
) -> tuple[str, str]:
    """Logs in, and reads the one sambaDomain: its SID is the one that the users' SIDs begin with."""
    asked = ("(objectClass=sambaDomain)", "sambaDomainName", "sambaSID")
    done = _search(trial, url, service, protection, authorities, suffix, "sub", *asked)
    where = f"LDAP server {address}: "
    if done.code == NO_SUCH_OBJECT:
        raise rejected("SuffixNotFound", f"{where}there is no {suffix}, or '{service.user}' may not read it")
    if done.code not in (0, SIZE_LIMIT):
        server, text = f"LDAP server {address}", done.error_text[-500:]
        code = None if done.code == TIME_OUT else done.code
        raise ldap_problem(code, text, server, service.user, failed="LDAPServerNotAnswering")
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
    if not NETBIOS_NAME.fullmatch(name) or not DOMAIN_SID.fullmatch(sid):
        raise rejected(
            "SambaDomainInvalid", f"{where}the sambaDomain below {suffix} has no usable sambaDomainName and sambaSID"
        )
    return name, sid


def bind_problem(instance: Instance, record: dict, password: str, authorities: str) -> Problem | None:
    """Why a share server that is set up can't read its directory, None when one of its servers lets it."""
    user, protection = record["bindDN"], record["protection"]
    service = DirectoryService(id="", name="", type="ldap", user=user, password=password)
    codes = []
    for url in record["urls"]:
        query = (record["suffix"], "base", "(objectClass=*)", "1.1")
        code = _search(instance, url, service, protection, authorities, *query).code
        if code == 0:
            return None
        # The other servers would count the same refused log-in.
        if code == INVALID_CREDENTIALS:
            return rejected("DirectoryPasswordRefused", f"LDAP: password of '{user}' refused")
        codes.append(code)
    if protection == VERIFIED:
        for url in record["urls"]:
            server = ldap_address("", url)
            for address in record.get("hosts", {}).get(server.host, [server.host]):
                found, code = _found(instance, server, address, authorities)
                if found not in (GOOD, SILENT):
                    return tls_refusal(found, code, server.host, f"LDAP server {server.host} ({address})", "")
    return unavailable(
        "DirectoryNotReadable", "LDAP: no server lets the share server read its directory", detail=str(codes)
    )
