"""Distinguished names of directories, by RFC 4514 and the spellings of RFC 2253 that people still write: read, compared
as a directory compares them, and written in one spelling. Samba's own parser says neither what is wrong nor where, and
knows neither `;` nor names of several parts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Short names of attribute types, by object identifier and by long name, in lower case.
SHORT_NAMES = {
    **{"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET", "2.5.4.10": "O"},
    **{"2.5.4.11": "OU", "0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID"},
    **{"commonname": "CN", "countryname": "C", "localityname": "L", "stateorprovincename": "ST", "userid": "UID"},
    **{"organizationname": "O", "organizationalunitname": "OU", "domaincomponent": "DC", "streetaddress": "STREET"},
}
TYPE = re.compile(r"(?:[Oo][Ii][Dd]\.)?[0-9]+(?:\.[0-9]+)+|[A-Za-z][A-Za-z0-9-]*")
# BER strings that a value in hexadecimal may be: octets, UTF-8, printable and IA5.
STRING_TAGS = frozenset({0x04, 0x0C, 0x13, 0x16})
SPECIAL = ' "#+,;<=>\\'
MOST_PARTS = 128


class DNError(ValueError):
    """What is wrong and at which character, counted from 1; fit to follow the name of the field."""


@dataclass(frozen=True)
class Pair:
    """One attribute of a name, such as OU=Servers."""

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type}={escaped(self.value)}"

    @property
    def key(self) -> tuple[str, str]:
        folded = unicodedata.normalize("NFKC", self.value).casefold()
        return self.type.lower(), re.sub(r" +", " ", folded).strip()


@dataclass(frozen=True)
class DN:
    """`parts` from the object up to the root; each has one attribute, seldom several."""

    parts: tuple[tuple[Pair, ...], ...]

    def __str__(self) -> str:
        return ",".join("+".join(map(str, part)) for part in self.parts)

    @property
    def keys(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """Equal for names that a directory takes for one."""
        return tuple(tuple(sorted(pair.key for pair in part)) for part in self.parts)

    @property
    def parent(self) -> DN:
        return DN(self.parts[1:])

    def same_as(self, other: DN) -> bool:
        return self.keys == other.keys

    def is_within(self, base: DN) -> bool:
        """Whether it is the base or below it."""
        start = len(self.parts) - len(base.parts)
        return start >= 0 and self.keys[start:] == base.keys

    def below(self, base: DN) -> DN:
        return DN(self.parts + base.parts)


def escaped(value: str) -> str:
    """A value as part of a name, on one line: what is no letter to see, and spaces at the ends, is in hexadecimal."""
    # After a blank Samba's library takes a sign in hexadecimal only, and else ends the value before the blank.
    text = re.sub(r'( ?)([,+"\\<>;=])', lambda each: f"{each[1]}{_hexadecimal(each[2])}" if each[1] else f"\\{each[2]}", value)
    text = "".join(each if each.isprintable() else _hexadecimal(each) for each in text)
    text = re.sub(r"^ ", r"\\20", re.sub(r" $", r"\\20", text))
    return re.sub(r"^#", r"\\#", text)


def _hexadecimal(character: str) -> str:
    return "".join(f"\\{byte:02X}" for byte in character.encode(errors="surrogatepass"))


def same_name(left: str, right: str) -> bool:
    """Whether two texts are one name. One that is no name is equal to nothing but itself."""
    try:
        return parse_dn(left).same_as(parse_dn(right))
    except DNError:
        return left == right


def parent_of(text: str) -> str:
    """The name of what the object is in; "" for what is no name."""
    try:
        return str(parse_dn(text).parent)
    except DNError:
        return ""


def parse_dn(text: str) -> DN:
    """DNError for what is no distinguished name. The empty name is that of the root."""
    return _Reader(text).dn()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def wrong(self, what: str, at: int | None = None) -> DNError:
        return DNError(f"{what} (at character {(self.at if at is None else at) + 1})")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def blanks(self) -> None:
        while self.peek() == " ":
            self.at += 1

    def dn(self) -> DN:
        self.blanks()
        parts: list[tuple[Pair, ...]] = []
        if not self.peek():
            return DN(())
        while True:
            pairs = [self.pair("")]
            while self.peek() == "+":
                self.at += 1
                pairs.append(self.pair("+"))
            parts.append(tuple(pairs))
            if len(parts) > MOST_PARTS:
                raise self.wrong(f"it has more than {MOST_PARTS} parts")
            if not self.peek():
                return DN(tuple(parts))
            self.at += 1

    def pair(self, after: str) -> Pair:
        start = self.at
        self.blanks()
        found = TYPE.match(self.text, self.at)
        end = found.end() if found else self.at
        rest = self.text[end:].lstrip(" ")
        if found is None or not rest.startswith("="):
            if after == "+":
                raise self.wrong('"+" joins two attributes of one part; in a value write it as "\\+"', start - 1)
            if not self.peek() or self.peek() in ",;+":
                raise self.wrong("a part is empty", start)
            raise self.wrong('a part must be a type and a value such as OU=Servers; in a value write "," as "\\,"')
        name = found.group()
        name = name[4:] if name.lower().startswith("oid.") else name
        self.at = self.text.index("=", end) + 1
        self.blanks()
        return Pair(SHORT_NAMES.get(name.lower(), name), self.value())

    def value(self) -> str:
        start = self.at
        if self.peek() == '"':
            raise self.wrong('values in quotes are not supported; write "," as "\\," instead')
        if self.peek() == "#":
            return self.hexadecimal()
        data = bytearray()
        # What is escaped at the end stays, also a space.
        kept = 0
        while self.peek() and self.peek() not in ",;+":
            character = self.peek()
            if character == "\\":
                data += self.escape()
                kept = len(data)
                continue
            if character in '"<>' or unicodedata.category(character) == "Cc":
                shown = character if character.isprintable() else f"{ord(character):02x}"
                raise self.wrong(f'in a value write "{shown}" as "\\{shown}"')
            data += character.encode(errors="surrogatepass")
            kept = len(data) if character != " " else kept
            self.at += 1
        try:
            value = bytes(data[:kept]).decode()
        except UnicodeDecodeError:
            raise self.wrong("the value is not UTF-8 text", start) from None
        if value == "":
            raise self.wrong("a value is missing", start)
        return value

    def escape(self) -> bytes:
        following = self.text[self.at + 1 : self.at + 3]
        if re.fullmatch(r"[0-9A-Fa-f]{2}", following):
            self.at += 3
            return bytes.fromhex(following)
        if following and following[0] in SPECIAL:
            self.at += 2
            return following[0].encode()
        raise self.wrong('"\\" must come before one of  "#+,;<=>\\ or two hexadecimal digits; write it as "\\\\"')

    def hexadecimal(self) -> str:
        start = self.at
        found = re.compile(r"#((?:[0-9A-Fa-f]{2})+) *(?=[,;+]|$)").match(self.text, self.at)
        if found is None:
            raise self.wrong('a value that begins with "#" is hexadecimal; else write "#" as "\\#"')
        raw = bytes.fromhex(found[1])
        self.at = found.end()
        tag, length = raw[0], raw[1] if len(raw) > 1 else -1
        try:
            value = raw[2:].decode()
        except UnicodeDecodeError:
            value = ""
        if tag not in STRING_TAGS or length > 0x7F or length != len(raw) - 2 or value == "":
            raise self.wrong("the hexadecimal value is not a text of at most 127 bytes", start)
        return value
