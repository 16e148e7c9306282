"""Share servers as units of systemd, where it is the host's manager."""

from __future__ import annotations

from pathlib import Path

from .command import must, run_command

TEMPLATE = Path("/etc/systemd/system/sharenet-samba@.service")


def in_use() -> bool:
    """Whether systemd runs the host and install.sh has put the template unit there."""
    return Path("/run/systemd/system").is_dir() and TEMPLATE.exists()


def unit_name(base: Path) -> str:
    """The instance name is the server's directory, so one template serves several roots."""
    return must(["systemd-escape", "--path", "--template=sharenet-samba@.service", str(base)]).text.strip()


def start(base: Path) -> None:
    """Starts now and at every boot."""
    must(["systemctl", "enable", "--now", "--quiet", unit_name(base)], timeout=60)


def stop(base: Path) -> None:
    unit = unit_name(base)
    run_command(["systemctl", "disable", "--now", "--quiet", unit], timeout=60)
    run_command(["systemctl", "reset-failed", unit], timeout=10)
