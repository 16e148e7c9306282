"""The /etc of a share server: small, its own, with nothing of the host's users, keys or resolver."""

from __future__ import annotations

import shutil
from pathlib import Path

from .durable import write_durably
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


def fill_etc(paths: ServerPaths, hostname: str) -> None:
    """Makes what is missing; what the directory wrote stays."""
    start = {**START, "hosts": f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {hostname.lower()}\n"}
    for name, text in start.items():
        if not (paths.etc / name).exists():
            write_durably(paths.etc / name, text, 0o644)
    for name in FROM_HOST:
        source = Path("/etc") / name
        target = paths.etc / name
        if not source.exists():
            continue
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
