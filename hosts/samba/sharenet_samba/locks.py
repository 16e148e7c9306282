"""One call at a time on a server, and on what the servers of a host share."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .deadline import Deadline, wait_until
from .layout import Layout
from .problem import unavailable


@contextmanager
def locked(layout: Layout, name: str, deadline: Deadline, what: str) -> Iterator[None]:
    """Holds the lock `name` of the root."""
    with holding(layout.locks / f"{name}.lock", deadline, what):
        yield


@contextmanager
def holding(path: Path, deadline: Deadline, what: str) -> Iterator[None]:
    """Holds the lock; the kernel frees it when the process ends, however it ends. Unavailable `Busy` when it is still held
    at the deadline, `CallerGone` when the caller does not wait for it any more. Lock files stay: removing one would let two
    calls hold "the same" lock."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)

    def taken() -> bool:
        deadline.require_caller()
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False

    try:
        if not wait_until(taken, deadline.left(), pause=0.05):
            raise unavailable("Busy", f"another call is still working on {what}; try again later", retry_after=5)
        yield
    finally:
        os.close(fd)
