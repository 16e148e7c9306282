"""Vulnerabilities that the distribution's package of Samba names as fixed: distributions fix them without a new version
of Samba."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

from .command import run_command
from .problem import Problem

VULNERABILITY = re.compile(r"\bCVE-[0-9]{4}-[0-9]{4,7}\b")
# Of the package that smbd is in, as Debian installs it; images may leave it out.
CHANGELOG = Path("/usr/share/doc/samba/changelog.Debian.gz")
LONGEST = 4 << 20
MOST = 1000


def fixed_vulnerabilities(changelog: Path = CHANGELOG) -> list[str]:
    """Sorted identifiers such as CVE-2023-4091; none where the package does not tell."""
    return sorted(set(VULNERABILITY.findall(_changelog(changelog))), reverse=True)[:MOST]


def _changelog(path: Path) -> str:
    try:
        with gzip.open(path) as file:
            return file.read(LONGEST).decode(errors="replace")
    except FileNotFoundError:
        return _rpm_changelog()
    except (OSError, EOFError, zlib.error):
        return ""


def _rpm_changelog() -> str:
    try:
        done = run_command(["rpm", "-q", "--changelog", "samba"], timeout=10)
    except Problem:
        return ""
    return done.text[:LONGEST] if done.code == 0 else ""
