"""Joining a domain, changing from one to another, and leaving. The old one is left after the new one works."""

from __future__ import annotations

from . import dns_records
from .account_expiry import expiry_of
from .address_policy import denied_networks
from .directory_data import DirectoryConnection, DirectoryError
from .directory_errors import directory_problem, join_problem
from .directory_service import DirectoryService
from .distinguished_name import same_name
from .domain_membership import join_settings, place_of, record_of, trust_problem
from .domain_survey import DomainSurvey, survey_domain
from .idmap import has_room
from .instance import Instance
from .machine_account import ensure_account, remove_account
from .membership import current, new_private_directory, remove_unused_secrets, switch
from .problem import Problem
from .trial import Trial

JOIN_TIMEOUT = 60.0
# For each old domain; its controllers may be gone permanently.
LEAVE_TIMEOUT = 20.0

# What may change while the trust stays.
LIGHT = ("serviceID", "dnsIPs", "servers", "siteServers", "user", "ouDN", "updateDNS")


def trial_for(instance: Instance, service: DirectoryService) -> Trial:
    return Trial(instance, service.dns_ips, {})


def check(instance: Instance, service: DirectoryService, settings: dict) -> set[str]:
    """The dry run. The daemons that an update would restart; Rejected or Unavailable when it would fail."""
    with trial_for(instance, service) as trial:
        survey = survey_domain(instance, trial, service, denied_networks(settings.get("deniedRanges", [])))
    has_room(instance.state.directory, survey.sid, settings["idmapRange"])
    if not _stays(instance, survey):
        return {"smbd", "winbindd"}
    old = current(instance) or {}
    new = _adjusted(instance, survey, settings, old)
    return {"winbindd"} if _resolving(new) != _resolving(old) else set()


def update(
    instance: Instance, service: DirectoryService, former: list[DirectoryService], settings: dict
) -> list[dict[str, str]]:
    """Makes the share server a member of the service's domain. `former`: services whose accounts may clean up what is
    left behind. Warnings; on a Problem the old membership is in force."""
    warnings: list[dict[str, str]] = []
    with trial_for(instance, service) as trial:
        survey = survey_domain(instance, trial, service, denied_networks(settings.get("deniedRanges", [])))
        _abandon(instance, survey)
        if _stays(instance, survey):
            _adjust(instance, trial, survey, settings)
        else:
            record = _join(instance, trial, survey, settings)
            _enter(instance, record)
            warnings += dns_records.register(trial, record)
        connection = DirectoryConnection(trial, survey.host)
        instance.state.directory["current"]["credentialsExpireTime"] = expiry_of(
            connection, service, survey.place.base_dn
        )
        instance.save()
    warnings += leave_former(instance, [service, *former], settings)
    return warnings


def _stays(instance: Instance, survey: DomainSurvey) -> bool:
    """Whether the server is a member of this domain already and trusted by it."""
    old = current(instance)
    if old is None or old["type"] != "active_directory" or old["sid"] != survey.sid:
        return False
    same = old["netbiosName"] == survey.netbios_name and old["computer"] == survey.place.computer
    return same and survey.account is not None and trust_problem(instance) is None


def _abandon(instance: Instance, survey: DomainSurvey) -> None:
    """A join that failed or was killed, of another domain: its account is left behind with the others."""
    directory = instance.state.directory
    joining = directory.get("joining")
    if joining is not None and joining["sid"] != survey.sid:
        directory.setdefault("leaving", []).append(joining)
        del directory["joining"]
        instance.save()


def _adjusted(instance: Instance, survey: DomainSurvey, settings: dict, old: dict) -> dict:
    fresh = record_of(instance, survey, settings, old["privateDirectory"])
    return {**old, **{key: fresh[key] for key in LIGHT}}


def _resolving(record: dict) -> tuple:
    return record["dnsIPs"], record["servers"], record["siteServers"]


def _adjust(instance: Instance, trial: Trial, survey: DomainSurvey, settings: dict) -> None:
    """The same domain: the account moves if it has to, winbindd restarts if it is to ask other servers."""
    old = current(instance) or {}
    new = _adjusted(instance, survey, settings, old)
    if not same_name(new["ouDN"], old["ouDN"]) or survey.account is None:
        _with_account(instance, trial, survey)
    if _resolving(new) != _resolving(old):
        switch(instance, new, {"winbindd"}, trust_problem)
        return
    instance.state.directory["current"] = new
    instance.save()


def _with_account(instance: Instance, trial: Trial, survey: DomainSurvey) -> None:
    try:
        ensure_account(instance, DirectoryConnection(trial, survey.host), survey.place, survey.service.user)
    except DirectoryError as error:
        where = f"domain {survey.service.domain}: domain controller {survey.address}"
        raise directory_problem(where, survey.service.user, error, what="making the computer account") from error


def _join(instance: Instance, trial: Trial, survey: DomainSurvey, settings: dict) -> dict:
    """Joins beside the running daemons. What is about to be made is in state.json before it is made."""
    record = record_of(instance, survey, settings, new_private_directory(instance, "domain"))
    instance.state.directory["joining"] = record
    instance.save()
    _with_account(instance, trial, survey)
    trial.write_smb_conf(join_settings(record))
    # The file is found by its variable too; named, it makes the program recognizable after this one was killed.
    config = f"--configfile={trial.inside('smb.conf')}"
    argv = ["net", "ads", "join", config, "--use-kerberos=required", "--no-dns-updates", "-S", survey.host]
    done = trial.run(argv, timeout=JOIN_TIMEOUT)
    if done.code != 0:
        text, service = (done.text + done.error_text)[-1000:], survey.service
        where = f"domain {service.domain}"
        raise join_problem(text, where, service.user, survey.place.computer, survey.address)
    return record


def _enter(instance: Instance, record: dict) -> None:
    directory = instance.state.directory
    old = current(instance)
    seconds = switch(instance, record, {"smbd", "winbindd"}, trust_problem)
    directory["lastInterruption"] = seconds
    directory.pop("joining", None)
    if old is not None and old["type"] == "active_directory" and old["sid"] != record["sid"]:
        directory.setdefault("leaving", []).append(old)
    instance.save()
    remove_unused_secrets(instance)


def leave_former(instance: Instance, services: list[DirectoryService], settings: dict) -> list[dict[str, str]]:
    """Removes accounts and DNS records of domains that the server is no longer in. What can't be removed is reported
    once."""
    directory = instance.state.directory
    warnings: list[dict[str, str]] = []
    refused: set[str] = set()
    for record in list(directory.get("leaving", [])):
        again = current(instance)
        if again is None or again.get("sid") != record["sid"]:
            usable = [each for each in services if each.id not in refused]
            left = _leave(instance, record, usable, settings)
            refused |= {each["refusedService"] for each in left if "refusedService" in each}
            warnings += left
        directory["leaving"].remove(record)
        instance.save()
    remove_unused_secrets(instance)
    return warnings


def _leave(instance: Instance, record: dict, services: list[DirectoryService], settings: dict) -> list[dict[str, str]]:
    place = place_of(record)
    left = [
        {
            "reason": "MachineAccountLeft",
            "message": f"domain {record['domain']}: the computer account {place.dn} was not removed; delete it there",
        }
    ]
    service = next(
        (
            each
            for each in services
            if each.type == "active_directory" and each.domain == record["domain"] and each.password
        ),
        None,
    )
    if service is None:
        return left
    warnings: list[dict[str, str]] = []
    try:
        with trial_for(instance, service) as trial:
            survey = survey_domain(
                instance, trial, service, denied_networks(settings.get("deniedRanges", [])), leaving=True
            )
            if survey.sid != record["sid"]:
                return left
            warnings += dns_records.unregister(trial, record)
            dn = remove_account(instance, DirectoryConnection(trial, survey.host), place)
    except (Problem, DirectoryError) as error:
        if isinstance(error, Problem) and error.refuses_credentials:
            left[0]["refusedService"] = service.id
        return [*warnings, *left]
    return warnings if dn is None else [*warnings, *left]


def leave_all(instance: Instance, services: list[DirectoryService], settings: dict) -> list[dict[str, str]]:
    """Before the server is removed: out of every domain that it is in or was about to join."""
    directory = instance.state.directory
    leaving = directory.setdefault("leaving", [])
    for key in ("joining", "current"):
        record = directory.pop(key, None)
        if record is not None and record["type"] == "active_directory":
            leaving.append(record)
    instance.save()
    return leave_former(instance, services, settings)
