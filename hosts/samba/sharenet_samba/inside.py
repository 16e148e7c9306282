"""Functions of this package run inside a share server: the outer and the inner end of Instance.python()."""

from __future__ import annotations

import importlib
import json
import re
import sys

from .command import Completed
from .problem import KINDS, Problem, unavailable

NAME = re.compile(r"[a-z_][a-z0-9_]*:[a-z_][a-z0-9_]*")


def call_function(name: str) -> int:
    """The inner end: payload on standard input, {ok, result | error} on standard output."""
    if not NAME.fullmatch(name):
        return 2
    module, function = name.split(":")
    try:
        payload = json.load(sys.stdin)
        result = getattr(importlib.import_module(f"sharenet_samba.{module}"), function)(payload)
        answer = {"ok": True, "result": result}
    except Problem as problem:
        answer = {"ok": False, "error": problem.answer()}
    json.dump(answer, sys.stdout)
    return 0


def read_answer(done: Completed, function: str) -> dict:
    """The outer end. The problem of the inner end, or Internal when it failed otherwise."""
    try:
        return _result(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError, RecursionError):
        # What a server sent may have broken the step: another answer may not.
        raise unavailable(
            "FunctionFailed",
            "a step inside the share server failed",
            detail=f"{function}: exit {done.code}: {done.error_text[-2000:]}",
        ) from None


def _result(answer: dict) -> dict:
    if answer["ok"] is True and isinstance(answer["result"], dict):
        return answer["result"]
    error = answer["error"]
    if error["kind"] not in KINDS:
        raise ValueError
    raise Problem(
        error["kind"],
        error["reason"],
        error["message"],
        detail=error.get("detail"),
        retry_after=error.get("retryAfterSeconds"),
    )
