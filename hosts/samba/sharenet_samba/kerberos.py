"""Logging in at a domain controller: the password goes to kinit by standard input, and what stays is a ticket in a file
that the trial removes."""

from __future__ import annotations

from .problem import Problem, rejected, unavailable
from .trial import Trial

LOGIN_TIMEOUT = 8.0

# What kinit says, for which the codes of Kerberos stand; it is never passed on.
REFUSALS = (
    ("Preauthentication failed", "PasswordRefused", "password of '{user}' refused by {kdc}"),
    ("Password incorrect", "PasswordRefused", "password of '{user}' refused by {kdc}"),
    ("Decrypt integrity check failed", "PasswordRefused", "password of '{user}' refused by {kdc}"),
    ("not found in Kerberos database", "AccountUnknown", "there is no account '{user}', says {kdc}"),
    (
        "Client's credentials have been revoked",
        "AccountDisabled",
        "account '{user}' is disabled, locked or expired, says {kdc}",
    ),
    ("Client's entry in database has expired", "AccountDisabled", "account '{user}' has expired, says {kdc}"),
    ("Password has expired", "PasswordExpired", "password of '{user}' has expired, says {kdc}"),
    ("Password expired", "PasswordExpired", "password of '{user}' has expired, says {kdc}"),
    ("Clock skew too great", "ClockSkew", "its clock and the file server host's differ too much for {kdc}"),
    ("KDC policy rejects", "AccountRefused", "login of '{user}' is not allowed by {kdc}"),
    (
        "KDC has no support for encryption type",
        "EncryptionNotSupported",
        "{kdc} and this share server have no encryption type in common",
    ),
    ("Realm not local to KDC", "DomainUnknown", "{kdc} is no domain controller of it"),
)


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
        if problem.reason != "CommandTimeout":
            raise
        return silent
    if done.code == 0:
        return None
    for text, reason, sentence in REFUSALS:
        if text in done.error_text or text in done.text:
            return rejected(reason, where + sentence.format(user=user, kdc=kdc), detail=done.error_text[-500:])
    if "Cannot contact any KDC" in done.error_text:
        return silent
    return rejected("LoginRefused", f"{where}login of '{user}' refused by {kdc}", detail=done.error_text[-500:])
