"""Logging in at a domain controller: the password goes to kinit by standard input, and what stays is a ticket in a file
that the trial removes."""

from __future__ import annotations

from .command import ENDED_EARLY
from .directory_errors import login_problem
from .problem import Problem, unavailable
from .trial import Trial

LOGIN_TIMEOUT = 8.0


def krb5_conf(realm: str, kdcs: list[str]) -> str:
    """With `kdcs` (addresses) only these are asked, else those that DNS names."""
    lines = [
        "[libdefaults]",
        f"\tdefault_realm = {realm}",
        f"\tdns_lookup_kdc = {'false' if kdcs else 'true'}",
        "\tdns_lookup_realm = false",
        "\tdns_canonicalize_hostname = false",
        "\trdns = false",
        # A clock that is off is to be told, not to be hidden.
        "\tkdc_timesync = 0",
        "\tudp_preference_limit = 0",
    ]
    if kdcs:
        lines += [
            "[realms]",
            f"\t{realm} = {{",
            *(f"\t\tkdc = {f'[{each}]' if ':' in each else each}" for each in kdcs),
            "\t}",
        ]
    return "\n".join([*lines, ""])


def log_in(trial: Trial, realm: str, kdc: str, user: str, password: str) -> Problem | None:
    """Gets a ticket from this domain controller (an address). What it says against it, Rejected, or Unavailable when it
    does not answer; None when the ticket is there."""
    trial.write("krb5.conf", krb5_conf(realm, [kdc]))
    argv = ["kinit", "-c", f"FILE:{trial.inside('ticket')}", "--", f"{user}@{realm}"]
    where = f"domain {realm.lower()}: "
    silent = unavailable("DomainControllerNotAnswering", f"{where}domain controller {kdc} does not answer")
    try:
        done = trial.run(argv, stdin=f"{password}\n".encode(), timeout=LOGIN_TIMEOUT)
    except Problem as problem:
        if problem.reason not in ENDED_EARLY:
            raise
        return silent
    if done.code == 0:
        return None
    return login_problem((done.error_text + done.text)[-1000:], f"domain {realm.lower()}", user, kdc)
