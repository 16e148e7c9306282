"""One request, one answer: JSON in, JSON out, whatever happens."""

from __future__ import annotations

import json
import select
import signal
import sys
import traceback
from collections.abc import Callable
from typing import BinaryIO

from . import PROGRAM_VERSION, PROTOCOL_VERSION
from . import access, boot, call_order, host, host_registry, server_removal, servers, shares
from .deadline import Deadline
from .layout import Layout
from .problem import Problem, internal, rejected
from .request import Fields
from .restrictions import check_root

LONGEST_REQUEST = 16 << 20

Verb = Callable[[Layout, Fields, Deadline], dict]

VERBS: dict[str, Verb] = {
    "describe-host": host.describe_host,
    "begin": call_order.begin,
    "create": servers.create,
    "describe": servers.describe,
    "start": boot.start,
    "check": servers.check,
    "update-security-service": servers.update_security_service,
    "share-add": shares.add,
    "share-resize": shares.resize,
    "share-describe": shares.describe,
    "share-remove": shares.remove,
    "access-set": access.set_rules,
    "remove": server_removal.remove,
    "list": servers.list_all,
}


def read_request(source: BinaryIO) -> Fields:
    """Rejected for anything that is not a request of this protocol. Nothing of it is echoed: it may be a secret."""
    raw = source.read(LONGEST_REQUEST + 1)
    if len(raw) > LONGEST_REQUEST:
        raise rejected("RequestInvalid", f"the request is longer than {LONGEST_REQUEST} bytes")
    try:
        value = json.loads(raw)
        # Half a character can be written in JSON, but in no file and no argument.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise rejected("RequestInvalid", "the request is not JSON") from None
    request = Fields(value, "request")
    if request.value.get("protocol") != PROTOCOL_VERSION:
        raise rejected(
            "ProtocolNotSupported",
            f"the program on the file server host (version {PROGRAM_VERSION}) speaks protocol {PROTOCOL_VERSION} only; "
            "install the version that belongs to the operator",
        )
    return request


def _gone(target: BinaryIO) -> bool:
    """Whether the other end of the answer's pipe or socket is closed, as by sshd when its client's channel closes."""
    try:
        poll = select.poll()
        poll.register(target.fileno(), 0)
        return bool(poll.poll(0))
    except OSError:
        return False


def perform(request: Fields, caller_gone: Callable[[], bool] = lambda: False) -> dict:
    verb = request.value.get("verb")
    if not isinstance(verb, str) or verb not in VERBS:
        raise rejected("VerbUnknown", "the program on the file server host does not know this verb")
    seconds = request.value.get("deadlineSeconds")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= 3600:
        raise rejected("RequestInvalid", "deadlineSeconds must be a number from 0 to 3600")
    root = request.value.get("root")
    if not isinstance(root, str):
        raise rejected("RequestInvalid", "root must be a path")
    layout = Layout(root)
    check_root(layout)
    layout.make()
    deadline = Deadline(seconds, caller_gone=caller_gone)
    try:
        host_registry.register(layout, deadline)
    except Problem:
        # Those who need it say what is wrong.
        pass
    return VERBS[verb](layout, request, deadline)


def answer_request(source: BinaryIO, target: BinaryIO) -> int:
    """Answers and exits with 0. A caller that went away stops no work that has begun: that runs to a known
    state. What still waits for its lock does nothing."""
    for number in (signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    try:
        answer: dict = {"ok": True, "result": perform(read_request(source), lambda: _gone(target))}
    except Problem as problem:
        answer = {"ok": False, "error": problem.answer()}
    except Exception as cause:
        # Where it failed, but not the text: that may quote what was asked for.
        frames = traceback.extract_tb(sys.exc_info()[2])
        where = " < ".join(
            f"{frame.name} {frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames)
        )
        problem = internal(
            "ProgramFailed", "the program on the file server host failed", detail=f"{type(cause).__name__} in {where}"
        )
        answer = {"ok": False, "error": problem.answer()}
    try:
        target.write(json.dumps(answer).encode() + b"\n")
        target.flush()
    except OSError:
        pass
    return 0
