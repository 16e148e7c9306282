"""How long a call may still take."""

from __future__ import annotations

import time
from collections.abc import Callable

from .problem import unavailable


class Deadline:
    """Seconds count from its making; `clock` is monotonic. `caller_gone` tells whether no caller waits any more."""

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        caller_gone: Callable[[], bool] = lambda: False,
    ) -> None:
        self._clock = clock
        self._end = clock() + seconds
        self._caller_gone = caller_gone

    def require_caller(self) -> None:
        """Unavailable `CallerGone` when no caller waits for the call any more."""
        if self._caller_gone():
            raise unavailable("CallerGone", "the caller gave the call up before it began; it changed nothing")

    def left(self) -> float:
        return max(0.0, self._end - self._clock())

    def limit(self, seconds: float) -> float:
        """The shorter of `seconds` and what is left. Unavailable `DeadlineExceeded` when nothing is left."""
        left = self.left()
        if left <= 0:
            raise unavailable("DeadlineExceeded", "the time for this call on the file server host is over")
        return min(seconds, left)


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Whether the condition came true in time. It is tried at least once."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(pause)
    return True
