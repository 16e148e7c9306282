"""Users of an LDAP directory: Samba reads them with its ldapsam backend, the system's names come from nslcd.

The record, the files that follow from it, changing from one directory or password to another, and whether it works."""

from __future__ import annotations

import re

from . import beneath
from .address_policy import denied_networks
from .directory_service import DirectoryService, invalid
from .distinguished_name import same_name
from .idmap import LOWEST_ID
from .instance import Instance
from .ldap_survey import ENCRYPTED, PLAIN, LDAPSurvey, bind_problem, remember_verified, survey_ldap
from .ldap_tls import HOST_AUTHORITIES
from .membership import (
    current,
    hosts_text,
    name_servers_text,
    new_private_directory,
    private_inside,
    remove_unused_secrets,
    switch,
)
from .problem import Problem, internal
from .trial import Trial

# Of a service that brings its own, as the daemons see it.
OWN_AUTHORITIES = "/etc/ldap/authorities.pem"
# smbpasswd takes what is beyond for another line, and nslcd does not start with a longer line.
LONGEST_PASSWORD = 254
LONGEST_NAME = 4000
# What makes it another directory, or another way to it.
SAME = ("urls", "startTLS", "protection", "name", "sid", "dnsIPs", "authorities")
SAME_NAME = ("suffix", "bindDN")


def check(instance: Instance, service: DirectoryService, settings: dict) -> set[str]:
    """The dry run. The daemons that an update would restart; Rejected or Unavailable when it would fail."""
    survey = _survey(instance, service, settings)
    return set() if _stays(instance, survey) else {"smbd", "nslcd"}


def update(instance: Instance, service: DirectoryService, settings: dict) -> list[dict[str, str]]:
    """Warnings; on a Problem the old directory is in force.

    smbd is restarted for a new password too: it keeps the one that it began with, and a reload does not change that."""
    survey = _survey(instance, service, settings)
    if not _stays(instance, survey):
        record = _record(survey, new_private_directory(instance, "ldap"))
        _store_password(instance, record, service.password or "")
        instance.state.directory["lastInterruption"] = switch(instance, record, {"smbd", "nslcd"}, login_problem)
        instance.save()
        remove_unused_secrets(instance)
    else:
        old = instance.state.directory["current"]
        # Before state.json: a call that dies in between finds the old addresses there, and writes the new ones again.
        instance.write_file("hosts", hosts_text(instance, survey.hosts))
        instance.state.directory["current"] = {**old, "serviceID": service.id, "hosts": survey.hosts}
    remember_verified(instance.state.directory, survey)
    instance.save()
    return _warnings(survey)


def _survey(instance: Instance, service: DirectoryService, settings: dict) -> LDAPSurvey:
    password = service.password or ""
    if password != password.strip():
        raise invalid(service.name, "an LDAP password must not begin or end with a blank")
    if len(password.encode()) > LONGEST_PASSWORD:
        raise invalid(service.name, f"an LDAP password has at most {LONGEST_PASSWORD} bytes: Samba reads no more")
    survey = survey_ldap(instance, service, denied_networks(settings.get("deniedRanges", [])))
    for name in (survey.suffix, service.user):
        if len(name.encode()) > LONGEST_NAME:
            raise invalid(service.name, f"a distinguished name has at most {LONGEST_NAME} bytes; {name[:64]}... is longer")
    return survey


def _record(survey: LDAPSurvey, private_directory: str) -> dict:
    return {
        "type": "ldap",
        "serviceID": survey.service.id,
        "urls": survey.urls,
        # Where names lead, as it was judged: the daemons look nothing up themselves.
        "hosts": survey.hosts,
        "authorities": survey.service.authorities,
        "startTLS": survey.start_tls,
        "protection": survey.protection,
        "suffix": survey.suffix,
        "bindDN": survey.service.user,
        "name": survey.name,
        "sid": survey.sid,
        "dnsIPs": list(survey.service.dns_ips),
        "privateDirectory": private_directory,
    }


def _stays(instance: Instance, survey: LDAPSurvey) -> bool:
    """Whether the server uses this directory, with this password, already."""
    old = current(instance)
    if old is None or old["type"] != "ldap":
        return False
    new = _record(survey, old["privateDirectory"])
    same = all(old.get(key) == new[key] for key in SAME) and all(same_name(old[key], new[key]) for key in SAME_NAME)
    return (
        same
        and _stored_password(instance, old) == survey.service.password
        and login_problem(instance) is None
    )


def _store_password(instance: Instance, record: dict, password: str) -> None:
    """For smbd in its secrets.tdb, for nslcd in a file from which its configuration is written."""
    beneath.write_file(instance.paths.base, _password_file(instance, record), password)
    with Trial(instance, (), {}) as trial:
        trial.write_smb_conf(
            {**sections_of(record)["global"], "private dir": private_inside(record["privateDirectory"])}
        )
        done = trial.run(
            ["smbpasswd", "-c", trial.inside("smb.conf"), "-s", "-W"],
            stdin=f"{password}\n{password}\n".encode(),
            timeout=10,
        )
    if done.code != 0:
        raise internal("SecretNotStored", "Samba did not store the bind password", detail=done.error_text[-500:])


def _password_file(instance: Instance, record: dict):
    return instance.paths.private / record["privateDirectory"] / "bind-password"


def _stored_password(instance: Instance, record: dict) -> str:
    """"" for one that was lost: the directory then refuses it, and a re-apply stores it again."""
    return (beneath.read_file(instance.paths.base, _password_file(instance, record)) or b"").decode(errors="replace")


def sections_of(record: dict) -> dict[str, dict[str, str]]:
    """The directory's part of smb.conf."""
    urls = " ".join(record["urls"])
    return {
        "global": {
            "server role": "standalone server",
            "security": "user",
            # Its own domain's name: users' SIDs begin with that domain's SID.
            "workgroup": record["name"],
            "netbios name": record["name"],
            "private dir": private_inside(record["privateDirectory"]),
            "passdb backend": f'ldapsam:"{urls}"',
            "ldap suffix": _name_for_samba(record["suffix"]),
            "ldap admin dn": _name_for_samba(record["bindDN"]),
            "ldap ssl": "start tls" if record["startTLS"] else "off",
            "ldap passwd sync": "no",
            "ldap connection timeout": "4",
            "map to guest": "never",
        }
    }


def _name_for_samba(name: str) -> str:
    """The same name without what smb.conf can't hold. A directory takes several blanks for one, as Samba does."""
    hexadecimal = re.sub(r"\\\\|%", lambda each: f"\\{ord(each[0][0]):02X}", name)
    return re.sub(" +", " ", hexadecimal)


def _authorities(record: dict) -> str:
    return OWN_AUTHORITIES if record.get("authorities") else HOST_AUTHORITIES


def write_files(instance: Instance, record: dict) -> None:
    password = _stored_password(instance, record)
    verified = "demand" if record["protection"] not in (PLAIN, ENCRYPTED) else "never"
    instance.write_file("resolv.conf", name_servers_text(record, "") if record["dnsIPs"] else "")
    # Records of versions that did not store addresses have their names looked up by the daemons.
    hosts = record.get("hosts")
    instance.write_file("hosts", hosts_text(instance, hosts or {}))
    looked_up = "hosts: files dns" if hosts is None else "hosts: files"
    names = ["passwd: files ldap", "group: files ldap", looked_up, "services: files", "protocols: files"]
    instance.write_file("nsswitch.conf", "\n".join([*names, ""]))
    ldap = instance.paths.etc / "ldap"
    beneath.make_directory(instance.paths.base, ldap, 0o755)
    authorities = _authorities(record)
    if record.get("authorities"):
        name = OWN_AUTHORITIES.rpartition("/")[2]
        beneath.write_file(instance.paths.base, ldap / name, record["authorities"], 0o644)
    text = f"TLS_CACERT {authorities}\nTLS_REQCERT {verified}\nNETWORK_TIMEOUT 4\n"
    beneath.write_file(instance.paths.base, ldap / "ldap.conf", text, 0o644)
    beneath.write_file(instance.paths.base, instance.paths.etc / "nslcd.conf", nslcd_conf(record, password))
    instance.configure(sections_of(record))


def nslcd_conf(record: dict, password: str) -> str:
    verified = "demand" if record["protection"] not in (PLAIN, ENCRYPTED) else "never"
    lines = [
        *(f"uri {each}" for each in record["urls"]),
        f"base {record['suffix']}",
        f"binddn {record['bindDN']}",
        f"bindpw {password}",
        f"ssl {'start_tls' if record['startTLS'] else 'on' if record['urls'][0].startswith('ldaps') else 'off'}",
        f"tls_cacertfile {_authorities(record)}",
        f"tls_reqcert {verified}",
        f"nss_min_uid {LOWEST_ID}",
        "filter group (&(objectClass=posixGroup)(!(gidNumber=0)))",
        "bind_timelimit 4",
        "timelimit 5",
    ]
    return "\n".join([*lines, ""])


def login_problem(instance: Instance) -> Problem | None:
    """Why the directory does not let the server read it, None when it does. Whether Samba does is seen by smbd
    running."""
    directory = instance.state.directory
    record = directory.get("switchingTo") or directory["current"]
    password = _stored_password(instance, record)
    return bind_problem(instance, record, password, _authorities(record))


def _warnings(survey: LDAPSurvey) -> list[dict[str, str]]:
    where = f"security service '{survey.service.name}': "
    if survey.protection == PLAIN:
        text = "its LDAP server offers no TLS; its password and hashes of passwords travel in the clear"
        return [{"reason": "LDAPNotEncrypted", "message": where + text}]
    if survey.protection == ENCRYPTED:
        text = "the certificate of its LDAP server is not verified; an impostor at its address gets the password"
        return [{"reason": "LDAPNotVerified", "message": where + text}]
    return []
