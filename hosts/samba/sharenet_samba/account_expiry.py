"""Until when the account of a security service may log in, as its domain computes it: the policy of the domain or of
the account is applied there. Asked by the account about itself, while the password is at hand."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from .directory_data import DirectoryConnection, DirectoryError, filter_value
from .directory_service import DirectoryService

NEVER = "never"
# The domain does not say, or the account may not read it.
UNKNOWN = "unknown"

PASSWORD_EXPIRES = "msDS-UserPasswordExpiryTimeComputed"
ACCOUNT_EXPIRES = "accountExpires"
# Times of a directory count tenths of microseconds from here.
EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)
NO_TIME = 0x7FFFFFFFFFFFFFFF


def expiry_of(connection: DirectoryConnection, service: DirectoryService, base_dn: str) -> str:
    """When the account's password or the account itself expires, whichever is first: RFC 3339 in UTC, NEVER or UNKNOWN.
    Nothing fails because of it."""
    user = filter_value(service.user)
    expression = f"(|(sAMAccountName={user})(userPrincipalName={user}@{filter_value(service.domain)}))"
    try:
        attributes = ["sAMAccountName", PASSWORD_EXPIRES, ACCOUNT_EXPIRES]
        found = connection.search(base_dn, "sub", expression, attributes)
    except DirectoryError:
        return UNKNOWN
    # A domain controller takes a logon name for an account name first.
    found.sort(key=lambda entry: entry.first("sAMAccountName").lower() != service.user.lower())
    return earliest(found[0].first(PASSWORD_EXPIRES), found[0].first(ACCOUNT_EXPIRES)) if found else UNKNOWN


def earliest(password_expires: str, account_expires: str) -> str:
    """Of the two attributes' values, "" where there is none."""
    try:
        # 0 is a password that has to be changed before the next login: the login of just now contradicts it.
        password, account = int(password_expires) or None, int(account_expires or NO_TIME) or NO_TIME
    except ValueError:
        return UNKNOWN
    if password is None or password < 0 or account < 0:
        return UNKNOWN
    try:
        expires = EPOCH + timedelta(microseconds=min(password, account) // 10)
    except OverflowError:
        return NEVER
    return expires.strftime("%Y-%m-%dT%H:%M:%SZ")
