"""A security service as the directory code uses it. Every value was chosen by a tenant: what is not understood is
refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from .address_policy import Network, refusal
from .distinguished_name import DN, DNError, parse_dn
from .ldap_tls import authorities_problem
from .problem import Problem, rejected

LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
HOST_NAME = re.compile(rf"{LABEL}(\.{LABEL})*")
# inet_aton takes a name whose last label is a number for an IPv4 address: 127.1 and 0x7f000001 would be loopback.
NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
# What sAMAccountName can't hold, and `@`, which parts the realm off.
BAD_IN_ACCOUNT = re.compile(r'["/\\\[\]:;|=,+*?<>@\x00-\x1f\x7f]')
SITE = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})")


@dataclass(frozen=True)
class DirectoryService:
    """`password` is None where its Secret is gone. `servers`: host names or addresses, for LDAP also URLs."""

    id: str
    name: str
    type: str
    dns_ips: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    domain: str = ""
    user: str = ""
    password: str | None = None
    ou: str = ""
    site: str = ""
    # The domain before the backslash of `user`, still to be compared with the NetBIOS name of `domain`.
    user_domain: str = ""
    # The DN that `domain` of an LDAP service was given as.
    base: str = ""
    # Of an LDAP service: whether its servers have to be verified, and the authorities in PEM instead of the host's.
    tls_required: bool = True
    authorities: str = ""

    @property
    def realm(self) -> str:
        return self.domain.upper()

    @property
    def base_dn(self) -> str:
        return ",".join(f"DC={label}" for label in self.domain.split("."))


def invalid(name: str, what: str) -> Problem:
    return rejected("SecurityServiceInvalid", f"security service '{name}': {what}")


def dn_of(name: str, field: str, text: str) -> DN:
    """Rejected with what is wrong and where."""
    try:
        return parse_dn(text)
    except DNError as error:
        raise invalid(name, f"{field} is no distinguished name: {error}") from None


def is_host_name(text: str) -> bool:
    """Whether every program looks it up as a name in DNS: not one of this machine, and no way to write an address."""
    last = text.rpartition(".")[2]
    if len(text) > 253 or not HOST_NAME.fullmatch(text) or NUMBER.fullmatch(last):
        return False
    return last.lower() != "localhost"


def parse_service(raw: dict, denied: list[Network], *, credentials: bool = True) -> DirectoryService:
    """Rejected `SecurityServiceInvalid` or `AddressDenied`. `credentials`: whether user and password have to be
    there."""
    name = str(raw.get("name", ""))
    kind = raw.get("type")
    if kind not in ("active_directory", "ldap"):
        raise rejected(
            "SecurityServiceTypeNotSupported",
            f"security service '{name}': a Samba share server takes the types active_directory and ldap",
        )
    domain, base = _domain_of(name, kind, str(raw.get("domain") or ""))
    service = DirectoryService(
        id=str(raw.get("id", "")),
        name=name,
        type=kind,
        dns_ips=tuple(map(str, raw.get("dnsIPs") or ())),
        servers=tuple(str(each).removesuffix(".") for each in raw.get("servers") or ()),
        domain=domain,
        base=base,
        user=str(raw.get("user") or ""),
        password=raw.get("password"),
        ou=str(raw.get("ou") or ""),
        site=str(raw.get("defaultADSite") or ""),
    )
    for address in service.dns_ips:
        why = refusal(address, denied)
        if why is not None:
            raise rejected(
                "AddressDenied", f"security service '{name}': name server {address} can't be used: it is {why}"
            )
    if service.domain and not is_host_name(service.domain):
        raise invalid(name, "domain must be a DNS name such as ad.example.com")
    if credentials and not service.password:
        raise invalid(name, "its password is missing")
    if service.password and (re.search(r"[\x00\r\n]", service.password) or len(service.password.encode(errors="replace")) > 1023):
        # Of a longer one kinit leaves out the rest.
        raise invalid(name, "the password must be one line of at most 1023 bytes")
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in service.ou) or len(service.ou) > 1024:
        raise invalid(name, "ou must be one line of at most 1024 characters")
    if "=" in service.ou:
        dn_of(name, "ou", service.ou)
    return _of_active_directory(service) if kind == "active_directory" else _of_ldap(service, raw.get("tls"))


def _domain_of(name: str, kind: str, text: str) -> tuple[str, str]:
    """The DNS name of the domain, and its DN where an LDAP service has it as one."""
    if kind != "ldap" or "=" not in text:
        return text.removesuffix(".").lower(), ""
    base = dn_of(name, "domain", text)
    pairs = [pair for part in base.parts for pair in part]
    components = [pair.value for pair in pairs if pair.type.upper() == "DC"]
    return ".".join(components).lower() if len(components) == len(pairs) else "", str(base)


def _of_active_directory(service: DirectoryService) -> DirectoryService:
    name = service.name
    if not service.domain or "." not in service.domain:
        raise invalid(name, "domain must be the DNS name of the Active Directory domain, such as ad.example.com")
    if not service.dns_ips:
        raise invalid(name, "dnsIPs must name the domain's name servers")
    if service.site and not SITE.fullmatch(service.site):
        raise invalid(name, "defaultADSite must be the name of a site: letters, digits, - and _")
    for server in service.servers:
        if not is_host_name(server) and refusal(server, []) == "not an IP address":
            raise invalid(name, "servers must be host names or IP addresses of domain controllers")
    user_domain, _, user = service.user.rpartition("\\")
    account, _, realm = user.partition("@")
    for other in (realm, user_domain if "." in user_domain else ""):
        if other and other.lower().removesuffix(".") != service.domain:
            raise foreign_account(service, account, other)
    unsafe = BAD_IN_ACCOUNT.search(account) or not account.isprintable()
    if not account or len(account) > 104 or account.startswith("-") or unsafe:
        raise invalid(name, "user must be the logon name of an account of the domain")
    return replace(service, user=account, user_domain="" if "." in user_domain else user_domain)


def foreign_account(service: DirectoryService, account: str, other: str) -> Problem:
    what = f"user names an account of {other[:64]!r}, and the service's domain is {service.domain}"
    return invalid(service.name, f"{what}; write the logon name alone, such as {account[:64]!r}")


def _of_ldap(service: DirectoryService, tls: object) -> DirectoryService:
    name = service.name
    if not service.servers and not (service.domain and service.dns_ips):
        raise invalid(name, "servers, or domain and dnsIPs, must tell where the LDAP servers are")
    if "=" not in service.user or len(service.user) > 1024:
        raise invalid(name, "user must be the DN that the share server binds with, such as cn=samba,dc=example,dc=com")
    user = dn_of(name, "user", service.user)
    if service.ou and "=" not in service.ou:
        raise invalid(name, "ou must be a DN such as ou=files,dc=example,dc=com")
    if len({ldap_address(name, server).scheme for server in service.servers}) > 1:
        raise invalid(name, "servers must be all ldap or all ldaps: Samba and nslcd protect all connections in one way")
    required, authorities = _tls_of(name, tls)
    return replace(service, user=str(user), tls_required=required, authorities=authorities)


def _tls_of(name: str, tls: object) -> tuple[bool, str]:
    """(whether servers have to be verified, authorities in PEM or ""). No `tls` at all: they have to be."""
    if tls is None:
        return True, ""
    if not isinstance(tls, dict):
        raise invalid(name, "tls must have mode and caBundle")
    mode, authorities = tls.get("mode") or "Required", tls.get("caBundle") or ""
    if mode not in ("Required", "Opportunistic"):
        raise invalid(name, "tls.mode must be Required or Opportunistic")
    wrong = None if authorities == "" else authorities_problem(str(authorities))
    if wrong is not None:
        raise invalid(name, f"tls.caBundle {wrong}")
    return mode == "Required", str(authorities)


@dataclass(frozen=True)
class LDAPAddress:
    scheme: str
    host: str
    port: int

    def url(self, host: str | None = None) -> str:
        shown = host or self.host
        return f"{self.scheme}://{f'[{shown}]' if ':' in shown else shown}:{self.port}"


def ldap_address(name: str, server: str) -> LDAPAddress:
    """`host`, `host:port`, an IP address, or an URL of the schemes ldap and ldaps with no more than host and port."""
    text = (
        server
        if "://" in server
        else f"ldap://{f'[{server}]' if server.count(':') > 1 and not server.startswith('[') else server}"
    )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    host = host.removesuffix(".")
    # urlsplit leaves tabs and line breaks out.
    plain = server.isprintable() and not (parts.username or parts.password or parts.query or parts.fragment) and parts.path in ("", "/")
    known = is_host_name(host) or refusal(host, []) != "not an IP address"
    if parts.scheme not in ("ldap", "ldaps") or not plain or not known:
        raise invalid(name, "servers must be host names, IP addresses or URLs such as ldaps://ldap.example.com")
    return LDAPAddress(parts.scheme, host, port or (636 if parts.scheme == "ldaps" else 389))
