"""Names of a domain as winbind knows them. Run inside a share server: one process for all names of a share."""

from __future__ import annotations

import ctypes
import re
import subprocess
import time

# As wbclient.h has them.
SUCCESS = 0
KINDS = {1: "user", 2: "group", 4: "group", 5: "group", 9: "user"}
# Of a domain: what is built in, such as BUILTIN and NT AUTHORITY, is the same everywhere and no name of a directory.
NT_AUTHORITY = bytes((0, 0, 0, 0, 0, 5))
NOT_UNIQUE = 21
SID_TYPE = re.compile(r"^S-1-5-21-[0-9-]+ SID_(USER|DOM_GROUP|ALIAS|WKN_GROUP|COMPUTER)\b")
# The caller waits longer.
SECONDS = 20.0


class DomainSid(ctypes.Structure):
    _fields_ = [
        ("revision", ctypes.c_uint8),
        ("count", ctypes.c_uint8),
        ("authority", ctypes.c_uint8 * 6),
        ("parts", ctypes.c_uint32 * 15),
    ]


def resolve_by_winbind(payload: dict) -> dict:
    """{names: {name: how it is asked for}} -> {name: user | group | null}, without those that were not answered."""
    kinds: dict[str, str | None] = {}
    answers = False
    end = time.monotonic() + SECONDS
    for name, full in payload["names"].items():
        if time.monotonic() > end:
            break
        kind = _kind(full)
        # winbind says the same of a name that is not there and of a domain that does not answer.
        if kind is None and not answers:
            answers = _wbinfo("--ping-dc", 10) is not None
            kind = _kind(full) if answers else None
        if kind is None and not answers:
            # The others are not asked for: rules that are taken away must not wait for a directory that is down.
            break
        kinds[name] = kind
    return kinds


def _kind(full: str) -> str | None:
    domain, backslash, name = full.rpartition("\\")
    if not backslash:
        found = SID_TYPE.match(_wbinfo(f"--name-to-sid={full}", 15) or "")
        return None if found is None else ("user" if found[1] in ("USER", "COMPUTER") else "group")
    sid, kind = DomainSid(), ctypes.c_int()
    lookup = ctypes.CDLL("libwbclient.so.0").wbcLookupName
    lookup.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p]
    if lookup(domain.encode(), name.encode(), ctypes.byref(sid), ctypes.byref(kind)) != SUCCESS:
        return None
    of_domain = bytes(sid.authority) == NT_AUTHORITY and sid.count > 1 and sid.parts[0] == NOT_UNIQUE
    return KINDS.get(kind.value) if of_domain else None


def _wbinfo(option: str, seconds: float) -> str | None:
    try:
        done = subprocess.run(["wbinfo", option], capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
