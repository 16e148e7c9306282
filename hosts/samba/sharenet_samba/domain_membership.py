"""Being a member of an Active Directory domain: the record, the files that follow from it, and whether it works."""

from __future__ import annotations

from .domain_survey import DomainSurvey
from .idmap import default_range, range_of
from .instance import Instance
from .kerberos import krb5_conf
from .machine_account import AccountPlace
from .membership import name_servers_text, private_inside
from .problem import Problem, unavailable
from .state import Allocation


def record_of(instance: Instance, survey: DomainSurvey, settings: dict, private_directory: str) -> dict:
    """The record of a membership that is to be; takes the domain's range of ids. `instance` has to be saved."""
    service = survey.service
    directory = instance.state.directory
    return {
        "type": "active_directory",
        "serviceID": service.id,
        "domain": service.domain,
        "netbiosName": survey.netbios_name,
        "sid": survey.sid,
        "dnsIPs": list(service.dns_ips),
        # Where the tenant named controllers or a site, these are preferred; others are used when they are gone.
        "servers": list(service.servers),
        "siteServers": [each.host for each in survey.controllers] if service.site and not service.servers else [],
        "user": service.user,
        "baseDN": survey.place.base_dn,
        "ouDN": survey.place.ou_dn,
        "computer": survey.place.computer,
        "privateDirectory": private_directory,
        "idRange": list(range_of(directory, survey.sid, settings["idmapRange"])),
        "defaultRange": list(default_range(directory, settings["idmapRange"])),
        "updateDNS": bool(settings.get("updateDNS", True)),
    }


def place_of(record: dict) -> AccountPlace:
    return AccountPlace(record["domain"], record["baseDN"], record["ouDN"], record["computer"])


def join_settings(record: dict) -> dict[str, str]:
    """What `net ads join` and the daemons have in common."""
    private = private_inside(record["privateDirectory"])
    return {
        "security": "ADS",
        "realm": record["domain"].upper(),
        "workgroup": record["netbiosName"],
        "netbios name": record["computer"],
        "private dir": private,
        "kerberos method": "secrets and keytab",
        "dedicated keytab file": f"{private}/krb5.keytab",
    }


def sections_of(record: dict) -> dict[str, dict[str, str]]:
    """The directory's part of smb.conf."""
    name = record["netbiosName"]
    preferred = record["servers"] or [*record["siteServers"], "*"]
    settings = {
        **join_settings(record),
        "idmap config * : backend": "tdb",
        "idmap config * : range": _range(record["defaultRange"]),
        f"idmap config {name} : backend": "rid",
        f"idmap config {name} : range": _range(record["idRange"]),
        "winbind use default domain": "no",
        "winbind enum users": "no",
        "winbind enum groups": "no",
        "winbind offline logon": "no",
        "winbind refresh tickets": "no",
        "template shell": "/usr/sbin/nologin",
        "template homedir": "/nonexistent",
        "map to guest": "never",
    }
    if preferred != ["*"]:
        settings["password server"] = " ".join(preferred)
    return {"global": settings}


def _range(bounds: list[int]) -> str:
    return f"{bounds[0]}-{bounds[1]}"


def write_files(instance: Instance, record: dict) -> None:
    domain = record["domain"]
    instance.write_file("resolv.conf", name_servers_text(record, domain))
    # Without servers of the tenant's choice the domain controllers are found by DNS, also when they change.
    instance.write_file("krb5.conf", krb5_conf(domain.upper(), record["servers"]))
    instance.write_file("hosts", own_hosts_text(record, instance.state.allocations))
    services = [
        "passwd: files winbind",
        "group: files winbind",
        "hosts: files dns",
        "services: files",
        "protocols: files",
    ]
    instance.write_file("nsswitch.conf", "\n".join([*services, ""]))
    instance.configure(sections_of(record))


def own_hosts_text(record: dict, allocations: list[Allocation]) -> str:
    """The server's /etc/hosts, with its own name in the domain."""
    host = record["computer"].lower()
    own = [f"{each.ip_address} {host}.{record['domain']} {host}" for each in allocations]
    return "\n".join(["127.0.0.1 localhost", "::1 localhost", *own, ""])


def trust_problem(instance: Instance) -> Problem | None:
    """Why the domain does not accept this server, None when it does."""
    done = instance.run(["wbinfo", "--check-secret"], timeout=10)
    if done.code == 0:
        return None
    record = instance.state.directory.get("switchingTo") or instance.state.directory.get("current") or {}
    return unavailable(
        "DomainTrustLost",
        f"domain {record.get('domain', '')}: its domain controllers do not answer, or do not accept the share server's "
        "computer account",
        detail=(done.text + done.error_text)[-500:],
    )
