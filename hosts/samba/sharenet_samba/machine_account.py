"""The share server's computer account in a domain: found, made, moved, removed. One that we did not make is not
touched.

An account is ours when it carries our mark, which it gets in the operation that makes it, or has the object GUID that
state.json recorded."""

from __future__ import annotations

from dataclasses import dataclass

from .directory_data import (
    ACCOUNT_DISABLED,
    ALREADY_EXISTS,
    INSUFFICIENT_ACCESS,
    DirectoryConnection,
    DirectoryError,
    Entry,
    filter_value,
)
from .directory_errors import directory_problem
from .distinguished_name import escaped, parent_of, same_name
from .instance import Instance
from .problem import Problem, rejected, unavailable

# Of userAccountControl.
WORKSTATION_TRUST_ACCOUNT = 0x1000
# A server has one account in each domain that it was in; a controller can claim any number.
MOST_ACCOUNTS = 50
ATTRIBUTES = ["objectGUID", "sAMAccountName", "description", "userAccountControl", "dNSHostName"]


@dataclass(frozen=True)
class AccountPlace:
    """Where the account is or is to be. `computer` without the dollar sign."""

    domain: str
    base_dn: str
    ou_dn: str
    computer: str

    @property
    def dn(self) -> str:
        return f"{self.rdn},{self.ou_dn}"

    @property
    def rdn(self) -> str:
        return f"CN={escaped(self.computer)}"


def mark_of(instance: Instance) -> str:
    """What the account's description says, for a person too."""
    owner = instance.state.owner.installation_id
    return f"Sharenet share server {instance.state.server_id} of installation {owner}"


def find_account(connection: DirectoryConnection, place: AccountPlace) -> Entry | None:
    """By its account name in the whole domain: names are unique there, wherever the object is."""
    expression = f"(sAMAccountName={filter_value(place.computer)}$)"
    found = connection.search(place.base_dn, "sub", expression, ATTRIBUTES)
    return found[0] if found else None


def is_ours(instance: Instance, account: Entry) -> bool:
    made = instance.state.directory.get("madeAccounts", [])
    return account.first("description") == mark_of(instance) or account.first("objectGUID") in made


def is_elsewhere(account: Entry, place: AccountPlace) -> bool:
    return not same_name(parent_of(account.dn), place.ou_dn)


def foreign(place: AccountPlace, account: Entry) -> Problem:
    return rejected(
        "MachineAccountForeign",
        f"domain {place.domain}: there is an account '{place.computer}$' already that this share server did not make; "
        "it is left alone",
        detail=account.dn,
    )


def may_not_create(place: AccountPlace, user: str) -> Problem:
    return rejected(
        "MachineAccountNotAllowed",
        f"domain {place.domain}: '{user}' may not create computer accounts in {place.ou_dn}",
    )


def may_not_move(place: AccountPlace, user: str) -> Problem:
    return rejected(
        "MachineAccountMoveNotAllowed",
        f"domain {place.domain}: '{user}' may not move the share server's computer account to {place.ou_dn}: it needs "
        "to delete computer objects where it is, to create them there, and to write their cn and name",
    )


def check_creation(connection: DirectoryConnection, place: AccountPlace, user: str) -> None:
    """Whether the account that is logged in may create a computer object there, asked of the domain controller."""
    found = connection.search(place.ou_dn, "base", "(objectClass=*)", ["allowedChildClassesEffective"])
    if not found:
        raise rejected("OrganizationalUnitNotFound", f"domain {place.domain}: there is no {place.ou_dn}")
    allowed = found[0].values.get("allowedchildclasseseffective", [])
    if "computer" not in (each.lower() for each in allowed):
        raise may_not_create(place, user)


def check_move(connection: DirectoryConnection, account: Entry, place: AccountPlace, user: str) -> None:
    """Whether it may rename the object, as far as the domain controller tells; deleting it there is needed as well."""
    found = connection.search(account.dn, "base", "(objectClass=*)", ["allowedAttributesEffective"])
    allowed = {each.lower() for each in found[0].values.get("allowedattributeseffective", [])} if found else set()
    # `name` follows from cn and is never listed.
    if "cn" not in allowed:
        raise may_not_move(place, user)


def ensure_account(instance: Instance, connection: DirectoryConnection, place: AccountPlace, user: str) -> Entry:
    """The account, made when it is missing and moved when it is elsewhere. What is made is recorded before."""
    account = find_account(connection, place)
    if account is None:
        try:
            connection.add(place.dn, _new_account(instance, place))
        except DirectoryError as error:
            raise _refused(place, error, user) from error
        account = find_account(connection, place)
        if account is None:
            raise unavailable(
                "MachineAccountNotFound", f"domain {place.domain}: the computer account just made is not found yet"
            )
    if not is_ours(instance, account):
        raise foreign(place, account)
    made = instance.state.directory.setdefault("madeAccounts", [])
    if account.first("objectGUID") not in made:
        made.append(account.first("objectGUID"))
        del made[:-MOST_ACCOUNTS]
        instance.save()
    if is_elsewhere(account, place):
        _move(connection, account, place, user)
        account = find_account(connection, place) or account
    control = _control(account, 0)
    if control & ACCOUNT_DISABLED:
        # We disabled it when the server left the domain.
        connection.replace(account.dn, "userAccountControl", [str(control & ~ACCOUNT_DISABLED)])
    return account


def _new_account(instance: Instance, place: AccountPlace) -> dict[str, list[str]]:
    return {
        "objectClass": ["computer"],
        "sAMAccountName": [f"{place.computer}$"],
        "userAccountControl": [str(WORKSTATION_TRUST_ACCOUNT)],
        "dNSHostName": [f"{place.computer.lower()}.{place.domain}"],
        "description": [mark_of(instance)],
    }


def _refused(place: AccountPlace, error: DirectoryError, user: str) -> Problem:
    if error.code == INSUFFICIENT_ACCESS:
        return may_not_create(place, user)
    if error.code == ALREADY_EXISTS:
        return rejected(
            "MachineAccountForeign", f"domain {place.domain}: there is an object {place.dn} already; it is left alone"
        )
    return _failed("MachineAccountNotMade", "making", place, error, user)


def _failed(reason: str, what: str, place: AccountPlace, error: DirectoryError, user: str) -> Problem:
    where = f"domain {place.domain}: the domain controller"
    return directory_problem(where, user, error, failed=reason, what=f"{what} the computer account")


def _control(account: Entry, otherwise: int) -> int:
    given = account.first("userAccountControl")
    return int(given) if given.isdecimal() and len(given) <= 10 else otherwise


def _move(connection: DirectoryConnection, account: Entry, place: AccountPlace, user: str) -> None:
    try:
        connection.move(account.dn, place.rdn, place.ou_dn)
    except DirectoryError as error:
        if error.code != INSUFFICIENT_ACCESS:
            raise _failed("MachineAccountNotMoved", "moving", place, error, user) from error
        raise may_not_move(place, user) from error


def remove_account(instance: Instance, connection: DirectoryConnection, place: AccountPlace) -> str | None:
    """Deletes the account, or disables it where it may not be deleted. None when it is gone or disabled or not ours,
    else its DN."""
    account = find_account(connection, place)
    if account is None or not is_ours(instance, account):
        return None
    try:
        connection.delete(account.dn)
        return None
    except DirectoryError:
        pass
    try:
        control = _control(account, WORKSTATION_TRUST_ACCOUNT) | ACCOUNT_DISABLED
        connection.replace(account.dn, "userAccountControl", [str(control)])
        return None
    except DirectoryError:
        return account.dn
