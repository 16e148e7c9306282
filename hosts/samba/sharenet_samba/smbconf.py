"""smb.conf from data. What can't be written safely is refused, never corrected."""

from __future__ import annotations

import re

from .problem import internal, rejected

PARAMETER = re.compile(r"[A-Za-z*][A-Za-z0-9 :._*-]{0,200}")
# Lists of users and addresses. Samba itself has no limit.
LISTS = frozenset({"valid users", "invalid users", "write list", "hosts allow"})
LONGEST_VALUE = 8000
LONGEST_LIST = 3 << 20
SECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def checked_value(value: str, what: str, longest: int = LONGEST_VALUE) -> str:
    """A value that Samba reads back as it is. It keeps a line to its end, joins it with the next one after a backslash,
    takes the blanks off both ends, makes several in a row one, and replaces `%` letters by names: each of these would
    change the meaning.
    Rejected `ValueNotRepresentable`; `what` begins the message."""
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in value):
        raise rejected("ValueNotRepresentable", f"{what}: control characters and line breaks are not allowed")
    if value.endswith("\\"):
        raise rejected("ValueNotRepresentable", f"{what}: it must not end with a backslash")
    if value != value.strip():
        raise rejected("ValueNotRepresentable", f"{what}: it must not begin or end with a blank")
    if "  " in value:
        raise rejected("ValueNotRepresentable", f"{what}: several blanks in a row can't be used, Samba reads them as one")
    if "%" in value:
        raise rejected("ValueNotRepresentable", f'{what}: "%" can\'t be used, Samba would replace it')
    if len(value.encode()) > longest:
        raise rejected("ValueNotRepresentable", f"{what}: it is too long")
    return value


def quoted_name(name: str, what: str) -> str:
    """One element of a list of names, in quotes: blanks and commas part elements otherwise."""
    checked_value(name, what)
    if '"' in name:
        raise rejected("ValueNotRepresentable", f"{what}: a double quote can't be used")
    if name == "":
        raise rejected("ValueNotRepresentable", f"{what}: it is empty")
    return f'"{name}"'


def render(sections: dict[str, dict[str, str]]) -> str:
    """`sections` in the order given, `global` first."""
    lines = ["# Written by sharenet-samba-host; changes are overwritten."]
    for section, parameters in sections.items():
        if not SECTION.fullmatch(section):
            raise internal("SectionInvalid", "a section of smb.conf has no safe name", detail=repr(section))
        lines.append(f"[{section}]")
        for parameter, value in parameters.items():
            if not PARAMETER.fullmatch(parameter):
                raise rejected("ValueNotRepresentable", f"{parameter[:60]!r} can't be a parameter of smb.conf")
            longest = LONGEST_LIST if parameter in LISTS else LONGEST_VALUE
            lines.append(f"\t{parameter} = {checked_value(value, parameter, longest)}")
    return "\n".join(lines) + "\n"
