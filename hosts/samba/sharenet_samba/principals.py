"""Users and groups of access rules."""

from __future__ import annotations

import ctypes
import grp
import pwd
import re
from typing import TYPE_CHECKING

from .command import ENDED_EARLY
from .idmap import LOWEST_ID
from .problem import Problem
from .state import State

if TYPE_CHECKING:
    from .instance import Instance

# Without these a name means the same to every program that it passes. Directories themselves forbid most of them.
NOT_IN_NAMES = re.compile(r'["%/:;|=,<>?*\[\]\x00-\x1f\x7f]')
# Samba takes it for a SID, such as that of everyone, wherever a name of no domain may be.
LIKE_A_SID = re.compile(r"s-[0-9x]+-.*", re.IGNORECASE)
# As glibc's nss.h has them.
NSS_STATUS_NOTFOUND = 0
NSS_STATUS_SUCCESS = 1
UNKNOWN_NAME = b"sharenet-asks-whether-you-answer"


def name_problem(to: str) -> str | None:
    """Why no rule can have this name; None when it can."""
    name = to.lstrip("@+")
    if not 1 <= len(name) <= 255 or len(to) - len(name) > 1:
        return "a user or group has 1 to 255 characters"
    if NOT_IN_NAMES.search(name) or name != name.strip() or name.endswith("\\") or name.count("\\") > 1:
        return "the name has characters that no user or group can have"
    if "  " in name:
        return "the name has several blanks in a row, which Samba reads as one"
    if LIKE_A_SID.fullmatch(name):
        return "the name has the form of a security identifier (SID); no rule can have one"
    if name[0] in "-&+@\\":
        return "the name begins with a character that no user or group can begin with"
    return None


def is_directory_member(state: State) -> bool:
    return state.sections.get("global", {}).get("security", "").lower() == "ads"


def qualified(to: str, state: State) -> str:
    """The name as Samba is to look it up: in a domain a bare name, and one with either name of the domain, is of the
    domain that the server is joined to now."""
    settings = state.sections.get("global", {})
    if not is_directory_member(state):
        return to
    own, workgroup = settings.get("realm", "").lower(), settings.get("workgroup", state.workgroup)
    domain, backslash, name = to.rpartition("\\")
    if not backslash:
        name, _, domain = to.partition("@")
    if domain and domain.lower() not in (own, workgroup.lower()):
        return to
    return f"{workgroup}\\{name}"


def resolve_locally(payload: dict) -> dict:
    """{names} -> {name: user | group | null} by the system's own lookup, without names that an LDAP directory could not
    be asked for. Run inside the server."""
    kinds = {name: _local_kind(name) for name in payload["names"]}
    unknown = [name for name, kind in kinds.items() if kind is None]
    if not unknown or ldap_answers():
        # Again, for it may have begun to answer only now.
        return {**kinds, **{name: _local_kind(name) for name in unknown}}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _local_kind(name: str) -> str | None:
    """None also for what has a number of a system, such as root."""
    lookups = (("user", lambda: pwd.getpwnam(name).pw_uid), ("group", lambda: grp.getgrnam(name).gr_gid))
    for kind, number in lookups:
        try:
            return kind if number() >= LOWEST_ID else None
        except KeyError:
            continue
    return None


def ldap_answers(nsswitch: str = "/etc/nsswitch.conf", library: str = "libnss_ldap.so.2") -> bool:
    """Whether the LDAP directory, where names come from one, says of an unused name that it does not know it.
    The usual lookup says the same of a directory that is down."""
    with open(nsswitch, encoding="utf-8") as file:
        if not any(line.startswith("passwd:") and "ldap" in line.split() for line in file):
            return True
    # The module's own entry point: NSS_STATUS_UNAVAIL or NSS_STATUS_TRYAGAIN when there is no answer. The result goes into a
    # struct passwd, of which nothing is read here.
    lookup = ctypes.CDLL(library)._nss_ldap_getpwnam_r
    lookup.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    result, buffer, error = ctypes.create_string_buffer(256), ctypes.create_string_buffer(4096), ctypes.c_int()
    status = lookup(UNKNOWN_NAME, result, buffer, len(buffer), ctypes.byref(error))
    return status in (NSS_STATUS_NOTFOUND, NSS_STATUS_SUCCESS)


def _ask(instance: "Instance", function: str, names: object) -> dict[str, str | None]:
    try:
        return instance.python(function, {"names": names}, timeout=30)
    except Problem as problem:
        if problem.reason not in ENDED_EARLY:
            raise
        # A directory that is down lets each look-up wait.
        return {}


def resolve(instance: "Instance", names: list[str]) -> dict[str, str | None]:
    """user, group or None (the directory has no such name) of each name, which may have `@` or `+` in front to mean a
    group only. Names for which the directory could not be asked are left out."""
    state = instance.state
    asked = {name: qualified(name.lstrip("@+"), state) for name in names}
    if is_directory_member(state):
        running = instance.running("winbindd")
        kinds = _ask(instance, "winbind_names:resolve_by_winbind", asked) if running else {}
    else:
        known = _ask(instance, "principals:resolve_locally", sorted(set(asked.values())))
        kinds = {name: known[full] for name, full in asked.items() if full in known}
    return {name: None if name[0] in "@+" and kind == "user" else kind for name, kind in kinds.items()}
