"""Searching and changing a directory with Samba's ldb tools, over LDAP, signed and sealed by Kerberos. Values travel as
LDIF in base64, so that none of them can be taken for anything else."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

from .command import ENDED_EARLY, Completed
from .problem import Problem
from .trial import Trial

TIMEOUT = 8.0
# Result codes of LDAP as the ldb tools print them.
CODE = re.compile(r"LDAP error (\d+) ")
NO_SUCH_OBJECT = 32
INSUFFICIENT_ACCESS = 50
ALREADY_EXISTS = 68
# No name, GUID or distinguished name that is asked for is so long; what is kept of an answer stays small.
LONGEST_VALUE = 4000
# Of the attribute userAccountControl.
ACCOUNT_DISABLED = 0x2


@dataclass
class Entry:
    dn: str
    values: dict[str, list[str]] = field(default_factory=dict)

    def first(self, attribute: str) -> str:
        found = self.values.get(attribute.lower(), [])
        return found[0] if found else ""


class DirectoryError(Exception):
    """`code`: LDAP's result code, None when the server could not be talked to. `text` is for logs only."""

    def __init__(self, code: int | None, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text[-1000:]


class DirectoryConnection:
    """`host`: as its service principal is named. `authenticated`: with the trial's ticket, else anonymously."""

    def __init__(self, trial: Trial, host: str, *, authenticated: bool = True) -> None:
        self._trial = trial
        self.host = host
        url = f"ldap://[{host}]" if ":" in host else f"ldap://{host}"
        ticket = f"--use-krb5-ccache={trial.inside('ticket')}"
        self._access = ["-H", url, *(["--use-kerberos=required", ticket] if authenticated else ["-U", "%"])]

    def search(self, base: str, scope: str, expression: str, attributes: list[str]) -> list[Entry]:
        """Entries below `base` (`scope` base, one or sub). None found is an empty list; DirectoryError otherwise."""
        argv = ["ldbsearch", *self._access, "-b", base, "-s", scope, "--", expression, *attributes]
        done = self._run(argv)
        if done.code != 0:
            error = _error(done.text + done.error_text)
            if error.code == NO_SUCH_OBJECT:
                return []
            raise error
        return parse_ldif(done.text)

    def add(self, dn: str, values: dict[str, list[str]]) -> None:
        self._change([f"dn:: {_encoded(dn)}", "changetype: add", *_lines(values)])

    def replace(self, dn: str, attribute: str, values: list[str]) -> None:
        self._change(
            [f"dn:: {_encoded(dn)}", "changetype: modify", f"replace: {attribute}", *_lines({attribute: values})]
        )

    def delete(self, dn: str) -> None:
        self._change([f"dn:: {_encoded(dn)}", "changetype: delete"])

    def move(self, dn: str, rdn: str, parent: str) -> None:
        lines = [
            "changetype: modrdn",
            f"newrdn:: {_encoded(rdn)}",
            "deleteoldrdn: 1",
            f"newsuperior:: {_encoded(parent)}",
        ]
        self._change([f"dn:: {_encoded(dn)}", *lines])

    def _change(self, lines: list[str]) -> None:
        ldif = "\n".join([*lines, "", ""]).encode()
        done = self._run(["ldbmodify", *self._access], ldif)
        if done.code != 0:
            raise _error(done.text + done.error_text)

    def _run(self, argv: list[str], stdin: bytes | None = None) -> Completed:
        try:
            return self._trial.run(argv, timeout=TIMEOUT, stdin=stdin)
        except Problem as problem:
            if problem.reason not in ENDED_EARLY:
                raise
            raise DirectoryError(None, problem.message) from problem


def _error(text: str) -> DirectoryError:
    found = CODE.search(text)
    return DirectoryError(int(found[1]) if found else None, text)


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _lines(values: dict[str, list[str]]) -> list[str]:
    return [f"{name}:: {_encoded(value)}" for name, each in values.items() for value in each]


def parse_ldif(text: str) -> list[Entry]:
    """Entries of a search's output; referrals and comments are left out, and so are values and entries of excessive length."""
    entries: list[Entry] = []
    for block in re.split(r"\n\s*\n", text.replace("\r", "")):
        entry: Entry | None = None
        for line in block.replace("\n ", "").split("\n"):
            name, mark, value = line.partition(":")
            if not mark or name.startswith("#"):
                continue
            if value.startswith(":"):
                value = _decoded(value[1:])
            value = value.removeprefix(" ")
            if name.lower() == "dn":
                entry = Entry(value)
                if len(value) <= LONGEST_VALUE:
                    entries.append(entry)
            elif entry is not None and len(value) <= LONGEST_VALUE:
                entry.values.setdefault(name.lower(), []).append(value)
    return entries


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode(errors="replace")
    except ValueError:
        return ""


def filter_value(value: str) -> str:
    """A value inside a search expression (RFC 4515)."""
    return "".join(f"\\{byte:02x}" if byte in b"\\*()\0" or byte > 126 else chr(byte) for byte in value.encode())
