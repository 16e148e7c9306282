"""Which calls may still take effect. A call can be late: its caller gave it up, or ended, and decided differently since.

Each process of the operator begins with a number of this host, its epoch, and counts its calls. A call takes effect only
while its epoch is the newest of its backend, and while no call with a higher count came before it for the same subject.
No clock is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .deadline import Deadline
from .durable import read_json, write_json
from .layout import Layout
from .locks import locked
from .problem import Problem, internal, unavailable
from .request import PLAIN, Fields, server_id_of

# How much is remembered; of what is beyond, the oldest is forgotten.
MOST_CALLERS = 100
MOST_SUBJECTS = 4000
MOST_REMOVED_SERVERS = 5000
HIGHEST = 1 << 53


def begin(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, caller: {installationID, backend}} -> {epoch}. From now on calls of the backend with another epoch are
    refused."""
    caller = _caller_of(request.fields("caller"))
    with locked(layout, "callers", deadline, "the file server host"):
        known = _read(_callers_file(layout))
        epoch = int(known.get("last", 0)) + 1
        callers = {**known.get("callers", {}), caller: epoch}
        newest = sorted(callers.items(), key=lambda each: each[1])[-MOST_CALLERS:]
        write_json(_callers_file(layout), {"last": epoch, "callers": dict(newest)})
    return {"epoch": epoch}


@contextmanager
def in_turn(layout: Layout, request: Fields, deadline: Deadline, subject: str) -> Iterator[None]:
    """Holds the share server's lock for a call that changes `subject`. Unavailable when the call is late."""
    server_id = server_id_of(request)
    with locked(layout, server_id, deadline, "this share server"):
        # A call that was stopped meanwhile, as by a host under load, is as late as one whose caller is gone.
        deadline.limit(1)
        _take_turn(layout, request, server_id, subject)
        yield


def is_newest(layout: Layout, request: Fields, subject: str) -> bool:
    """As in_turn, for a part of a call that is left out when it is late. To be called with the share server's lock."""
    try:
        _take_turn(layout, request, server_id_of(request), subject)
    except Problem as problem:
        if problem.reason != "CallSuperseded":
            raise
        return False
    return True


def _take_turn(layout: Layout, request: Fields, server_id: str, subject: str) -> None:
    file = layout.orders / f"{server_id}.json"
    known = _read(file)
    if "order" not in request.value:
        if subject in known:
            raise _superseded()
        return
    order = request.fields("order")
    turn = [order.number("epoch", 1, HIGHEST), order.number("number", 1, HIGHEST)]
    current = _read(_callers_file(layout)).get("callers", {}).get(_caller_of(order.fields("caller")))
    if turn[0] != current:
        raise unavailable(
            "CallerSuperseded",
            "another process of the operator has begun to work with the file server host since; this one begins again",
            retry_after=1,
        )
    if turn < known.get(subject, turn):
        raise _superseded()
    if not known:
        _forget_oldest(layout)
    known[subject] = turn
    newest = sorted(known.items(), key=lambda each: each[1])[-MOST_SUBJECTS:]
    write_json(file, dict(newest))


def _superseded() -> Problem:
    return unavailable("CallSuperseded", "a newer call about the same object came first; this one changed nothing")


def _caller_of(fields: Fields) -> str:
    return f"{fields.text('installationID', PLAIN)} {fields.text('backend', PLAIN)}"


def _callers_file(layout: Layout) -> Path:
    return layout.orders / "callers.json"


def _read(file: Path) -> dict:
    try:
        return read_json(file) or {}
    except ValueError as cause:
        raise internal(
            "StateUnreadable",
            "the file server host can't read what it stored about earlier calls; an administrator must look at it",
            detail=f"{file}: {cause}",
        ) from cause


def _forget_oldest(layout: Layout) -> None:
    """Of servers that are removed: what came last for them keeps late calls from making them again."""
    present = {*layout.server_ids(), "callers"}
    with os.scandir(layout.orders) as entries:
        removed = [each for each in entries if each.name.removesuffix(".json") not in present]
    if len(removed) > MOST_REMOVED_SERVERS:
        for each in sorted(removed, key=lambda entry: entry.stat().st_mtime)[: len(removed) - MOST_REMOVED_SERVERS]:
            Path(each.path).unlink(missing_ok=True)
