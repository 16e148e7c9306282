"""The share server's own name in its domain's DNS, registered and removed with the ticket of the join account.

Not as the computer account: the record would stay that account's, and one created again after a return could not change
it."""

from __future__ import annotations

from .domain_membership import join_settings
from .problem import Problem
from .trial import Trial

TIMEOUT = 15.0


def _name(record: dict) -> str:
    return f"{record['computer'].lower()}.{record['domain']}"


def register(trial: Trial, record: dict) -> list[dict[str, str]]:
    """Warnings: a share server can be reached by its address without it."""
    if not record["updateDNS"]:
        return []
    addresses = [each.ip_address for each in trial.instance.state.allocations]
    return _warning(record, "added to", _succeeds(trial, record, ["register", _name(record), *addresses]))


def unregister(trial: Trial, record: dict) -> list[dict[str, str]]:
    if not record["updateDNS"]:
        return []
    return _warning(record, "removed from", _succeeds(trial, record, ["unregister", _name(record)]))


def _succeeds(trial: Trial, record: dict, argv: list[str]) -> bool:
    trial.write_smb_conf(join_settings(record))
    try:
        return trial.run(["net", "ads", "dns", *argv, "--use-kerberos=required"], timeout=TIMEOUT).code == 0
    except Problem as problem:
        if problem.reason == "DeadlineExceeded":
            raise
        return False


def _warning(record: dict, what: str, succeeded: bool) -> list[dict[str, str]]:
    if succeeded:
        return []
    return [
        {
            "reason": "DNSNotUpdated",
            "message": f"domain {record['domain']}: {_name(record)} could not be {what} its DNS",
        }
    ]
