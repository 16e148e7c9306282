"""What a directory refused or failed to do, as a problem for the tenant. What it said goes to the log only: messages
name its code."""

from __future__ import annotations

import re

from .directory_codes import ADMINISTRATOR, KERBEROS, KINIT, LDAP, LOGON, NT_STATUS, OUTAGE, Code
from .directory_data import DirectoryError
from .problem import Problem, rejected, unavailable

LOGON_CODE = re.compile(r"\bdata ([0-9a-fA-F]{1,8})\b")
STATUS_NAME = re.compile(r"NT_STATUS_([A-Z0-9_]{1,60})")
KERBEROS_NUMBER = re.compile(r"KRB5 error code ([0-9]{1,3})")
ASK_ADMINISTRATOR = "; an administrator of the directory has to see to it"
INVALID_CREDENTIALS = 49

# What happened to `user` at `server`, by reason.
SENTENCES = {
    "PasswordRefused": "password of '{user}' refused by {server}",
    "PasswordExpired": "password of '{user}' has expired, says {server}",
    "AccountUnknown": "there is no account '{user}', says {server}",
    "AccountDisabled": "account '{user}' is disabled, locked or expired, says {server}",
    "AccountRefused": "login of '{user}' is not allowed by {server}",
    "LoginRefused": "login of '{user}' refused by {server}",
    "ClockSkew": "its clock and the file server host's differ too much for {server}",
    "EncryptionNotSupported": "{server} and this share server have no encryption type in common",
    "DomainUnknown": "{server} is no domain controller of it",
}


def sentence(reason: str, user: str, server: str) -> str:
    return SENTENCES[reason].format(user=user, server=server)


def _problem(code: Code | None, shown: str, refused: str, failed: str, message: str, detail: str) -> Problem:
    """`refused` and `failed`: the reasons where the code has none of its own. An unknown code may be anything."""
    if code is None or code.whose == OUTAGE:
        return unavailable(code.reason if code and code.reason else failed, f"{message}: {shown}", detail=detail)
    ask = ASK_ADMINISTRATOR if code.whose == ADMINISTRATOR else ""
    return rejected(code.reason or refused, f"{message}: {shown}{ask}", detail=detail)


def ldap_problem(
    code: int | None, text: str, where: str, user: str, *, failed: str = "DirectoryNotAnswering", what: str = ""
) -> Problem:
    """`code` None: the server could not be talked to. `failed`: the reason of an outage. `what` it was asked for."""
    if code is None:
        return unavailable(failed, f"{where} did not answer {what or 'a question about its directory'}", detail=text)
    known = LDAP.get(code)
    shown = f"LDAP result {code}" + (f" ({known.name})" if known else "")
    if code == INVALID_CREDENTIALS:
        found = LOGON_CODE.search(text)
        known = LOGON.get(int(found[1], 16), known) if found else known
    if known and known.reason:
        shown = f"{shown}, {known.name}" if known.name not in shown else shown
        return rejected(known.reason, f"{where}: {sentence(known.reason, user, 'the server')} ({shown})", detail=text)
    message = f"{where} did not do {what or 'what was asked of its directory'}"
    return _problem(known, shown, "DirectoryRefused", failed, message, text)


def directory_problem(
    where: str, user: str, error: DirectoryError, *, failed: str = "DirectoryNotAnswering", what: str = ""
) -> Problem:
    return ldap_problem(error.code, error.text, where, user, failed=failed, what=what)


def kerberos_code(text: str) -> Code | None:
    """What kinit means; the longest text that fits, for some are part of others."""
    known = [*KERBEROS.values(), *KINIT]
    return max((each for each in known if each.text in text), key=lambda each: len(each.text), default=None)


def login_problem(text: str, where: str, user: str, kdc: str) -> Problem:
    """Why kinit got no ticket from this domain controller."""
    code = kerberos_code(text)
    if code is not None and code.reason in SENTENCES:
        return rejected(code.reason, f"{where}: {sentence(code.reason, user, kdc)}", detail=text)
    if code is not None and code.reason:
        return unavailable(code.reason, f"{where}: domain controller {kdc} does not answer", detail=text)
    number = KERBEROS_NUMBER.search(text)
    shown = f"Kerberos error {code.name if code else number[1] if number else 'unknown'}"
    message = f"{where}: login of '{user}' at {kdc} failed"
    return _problem(code, shown, "LoginRefused", "LoginFailed", message, text)


def join_problem(text: str, where: str, user: str, computer: str, address: str) -> Problem:
    """Why `net ads join` failed."""
    names = STATUS_NAME.findall(text)
    known = [NT_STATUS[name] for name in names if name in NT_STATUS]
    known += [each for each in NT_STATUS.values() if each.text and each.text in text]
    # It names the first thing that failed, and what followed from it.
    code = next((each for each in known if each.whose != OUTAGE), known[0] if known else None)
    if code is not None and code.reason == "JoinNotAllowed":
        message = f"{where}: '{user}' may not set the password of computer account '{computer}$'"
        return rejected(code.reason, message, detail=text)
    if code is not None and code.reason in SENTENCES:
        return rejected(code.reason, f"{where}: {sentence(code.reason, user, address)}", detail=text)
    shown = f"NT_STATUS_{code.name}" if code else f"NT_STATUS_{names[0]}" if names else "an unknown status"
    return _problem(
        code, shown, "JoinRefused", "JoinFailed", f"{where}: the share server could not join through {address}", text
    )
