"""Files that are either the old or the new one, also after a crash."""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path

LONGEST_JSON = 64 << 20


def write_durably(path: Path, data: bytes | str, mode: int = 0o600) -> None:
    """Replaces the file as a whole. The new content is on the disk when this returns."""
    if isinstance(data, str):
        data = data.encode()
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        fill(fd, data, mode)
        os.rename(scratch, path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def fill(fd: int, data: bytes, mode: int) -> None:
    """Writes a new file, of which the content is on the disk when this returns, and closes it."""
    with os.fdopen(fd, "wb") as file:
        os.fchmod(fd, mode)
        file.write(data)
        file.flush()
        os.fsync(fd)


def sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_json(path: Path, value: object, mode: int = 0o600) -> None:
    write_durably(path, json.dumps(value, indent=1, sort_keys=True) + "\n", mode)


def read_json(path: Path) -> dict | None:
    """None for a file that does not exist. ValueError for one that is no plain file with a JSON object of bounded size."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as cause:
        raise ValueError(f"{path}: {cause}") from cause
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LONGEST_JSON:
            raise ValueError(f"{path}: not a plain file, or too long")
        try:
            value = json.loads(file.read(LONGEST_JSON))
        except RecursionError:
            raise ValueError(f"{path}: nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}: not a JSON object")
    return value
