"""Running a program: an argument vector, never a shell; killed with all its children when its time is over."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass

from .problem import internal, unavailable

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# What a program says is read to its end, but no more than this is kept.
LONGEST_OUTPUT = 4 << 20


@dataclass(frozen=True)
class Completed:
    """`code` is the exit code, negative for a signal. Outputs are bytes."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode(errors="replace")

    @property
    def error_text(self) -> str:
        return self.stderr.decode(errors="replace")


def run_command(
    argv: list[str],
    *,
    stdin: bytes | None = None,
    timeout: float,
    env: dict[str, str] | None = None,
    name: str | None = None,
) -> Completed:
    """Runs and waits, `timeout` seconds at most: then Unavailable `CommandTimeout`. The exit code is the caller's.
    Secrets go by `stdin` only: argv and env
    can be read by others on the host. `name` is what messages call it."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": PATH, "LC_ALL": "C.UTF-8", **(env or {})},
            cwd="/",
            start_new_session=True,
        )
    except FileNotFoundError as cause:
        raise internal(
            "ProgramMissing", f"{argv[0]} is not installed on the file server host", detail=str(cause)
        ) from cause
    try:
        out, err = process.communicate(stdin, timeout=max(timeout, 0.05))
    except BaseException as cause:
        # The whole session, for a program's children would go on, also in a namespace of processes.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()
        if isinstance(cause, subprocess.TimeoutExpired):
            what = name or os.path.basename(argv[0])
            message = f"{what} on the file server host took longer than {timeout:.0f} s"
            raise unavailable("CommandTimeout", message) from None
        raise
    return Completed(process.returncode, out[:LONGEST_OUTPUT], err[:LONGEST_OUTPUT])


def must(argv: list[str], *, timeout: float = 20, stdin: bytes | None = None) -> Completed:
    """As run_command, and Internal `CommandFailed` unless it exits with 0."""
    done = run_command(argv, timeout=timeout, stdin=stdin)
    if done.code != 0:
        raise internal(
            "CommandFailed",
            f"{os.path.basename(argv[0])} failed on the file server host",
            detail=f"{' '.join(argv)}: exit {done.code}: {done.error_text.strip()[:1000]}",
        )
    return done
