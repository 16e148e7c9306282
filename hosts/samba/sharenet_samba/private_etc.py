"""The /etc of a share server: small, its own, with nothing of the host's users, keys or resolver."""

from __future__ import annotations

from pathlib import Path

from . import beneath
from .layout import ServerPaths

# What write_file may write.
ETC_FILES = frozenset({"krb5.conf", "resolv.conf", "hosts", "nsswitch.conf", "passwd", "group"})
# Taken over from the host: no secrets, the same for all. The loader needs its cache, TLS its authorities.
FROM_HOST = ("ld.so.cache", "services", "protocols", "localtime", "ssl/certs/ca-certificates.crt", "gss/mech.d")

START = {
    "passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "resolv.conf": "# no name server: this share server has no directory\n",
    "krb5.conf": "[libdefaults]\n\tdns_lookup_kdc = false\n",
}

# The system's keytab, as Samba calls it, is the one file there that is written inside. Without an entry it has a version.
KEYTAB = "krb5.keytab"
EMPTY_KEYTAB = b"\x05\x02"


def fill_etc(paths: ServerPaths, hostname: str) -> None:
    """Makes what is missing or no plain file; what the directory wrote stays."""
    start = {**START, "hosts": f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {hostname.lower()}\n"}
    for name, text in start.items():
        if not beneath.is_file(paths.base, paths.etc / name):
            beneath.write_file(paths.base, paths.etc / name, text, 0o644)
    if not beneath.is_file(paths.base, paths.etc / KEYTAB):
        beneath.write_file(paths.base, paths.etc / KEYTAB, EMPTY_KEYTAB)
    for name in FROM_HOST:
        source = Path("/etc") / name
        if source.is_dir():
            files = [f"{name}/{each.name}" for each in source.iterdir() if each.is_file()]
        else:
            files = [name] if source.is_file() else []
        for each in files:
            _make_parents(paths, Path(each).parent)
            beneath.write_file(paths.base, paths.etc / each, (Path("/etc") / each).read_bytes(), 0o644)


def _make_parents(paths: ServerPaths, relative: Path) -> None:
    for depth in range(len(relative.parts)):
        beneath.make_directory(paths.base, paths.etc.joinpath(*relative.parts[: depth + 1]), 0o755)
