"""New inputs from known ones."""

from __future__ import annotations

from pathlib import Path
from random import Random

SEEDS = Path(__file__).parent / "seeds"
# What means something to one of the parsers.
PIECES = [
    *(b"\0", b"\n", b"\r\n", b"\\", b"%", b'"', b"=", b",", b";", b"+", b"#", b" ", b"@", b"\\\\", b"[x]", b"\xff"),
    *(b"\xe2\x80\xa8", b"\xc2\x85", b"\\0A", b"OU=", b"DC=", b"CORP\\", b"\xc0\x0c"),
    *(b"null", b"[]", b"{}", b"1e999", b"-1"),
    *(b"data 52e", b"NT_STATUS_", b"dn:: ", b":: ", b"NT_STATUS_ACCESS_DENIED", b"9" * 20, b"x" * 300),
]


def seeds_of(target: str) -> list[bytes]:
    folder = SEEDS / target
    return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []


def mutated(random: Random, seeds: list[bytes]) -> bytes:
    data = bytearray(random.choice(seeds) if seeds else b"")
    for _ in range(random.randint(1, 6)):
        at = random.randint(0, len(data))
        end = min(len(data), at + random.randint(0, 8))
        kind = random.randrange(4)
        if kind == 0:
            data[at:at] = random.choice(PIECES)
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:end] = bytes(random.randrange(256) for _ in range(end - at))
        else:
            data[at:at] = data[random.randint(0, at) : at]
    return bytes(data[:20_000])
