"""Running a program: an argument vector, never a shell; killed with all its children when its time is over."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from .problem import internal, unavailable

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# A program that writes more is ended: what a directory or a client chose must not fill the host's memory.
LONGEST_OUTPUT = 4 << 20
CHUNK = 1 << 16
# Reasons of a command that was ended before it had answered: the server that it asked is slow, down or hostile.
ENDED_EARLY = ("CommandTimeout", "CommandOutputTooLong")


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
    cwd: str = "/",
    before_exec: Callable[[], None] | None = None,
    longest: int = LONGEST_OUTPUT,
) -> Completed:
    """Runs and waits, `timeout` seconds at most: then Unavailable `CommandTimeout`. The exit code is the caller's.
    Secrets go by `stdin` only: argv and env
    can be read by others on the host. `name` is what messages call it. `before_exec` is called in the new process. A
    program that writes more than `longest` bytes is ended: Unavailable `CommandOutputTooLong`."""
    what = name or os.path.basename(argv[0])
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": PATH, "LC_ALL": "C.UTF-8", **(env or {})},
            cwd=cwd,
            start_new_session=True,
            preexec_fn=before_exec,
            bufsize=0,
        )
    except FileNotFoundError as cause:
        raise internal(
            "ProgramMissing", f"{argv[0]} is not installed on the file server host", detail=str(cause)
        ) from cause
    try:
        out, err = _exchange(process, stdin or b"", time.monotonic() + max(timeout, 0.05), longest)
    except BaseException as cause:
        # The whole session, for a program's children would go on, also in a namespace of processes.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        if isinstance(cause, subprocess.TimeoutExpired):
            message = f"{what} on the file server host took longer than {timeout:.0f} s"
            raise unavailable("CommandTimeout", message) from None
        if isinstance(cause, _TooLong):
            message = f"{what} on the file server host wrote more than {longest >> 20} MiB and was ended"
            raise unavailable("CommandOutputTooLong", message) from None
        raise
    finally:
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    return Completed(process.returncode, out, err)


class _TooLong(Exception):
    pass


def _exchange(process: subprocess.Popen, stdin: bytes, end: float, longest: int) -> tuple[bytes, bytes]:
    """Writes all of `stdin` and reads both outputs until the program has ended and they are closed. Of messages no more
    than `longest` bytes are kept."""
    outputs = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for pipe in outputs:
            selector.register(pipe, selectors.EVENT_READ)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            left = end - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(process.args, 0)
            for key, _ in selector.select(left):
                if key.fileobj is process.stdin:
                    stdin = _write_some(process.stdin, stdin)
                    done = not stdin
                else:
                    read = os.read(key.fd, CHUNK)
                    kept = outputs[key.fileobj]
                    kept += read[: longest + 1 - len(kept)]
                    if key.fileobj is process.stdout and len(kept) > longest:
                        raise _TooLong
                    done = not read
                if done:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
    process.wait(max(0.05, end - time.monotonic()))
    return bytes(outputs[process.stdout]), bytes(outputs[process.stderr][:longest])


def _write_some(pipe, data: bytes) -> bytes:
    """What is left to write; nothing when the program does not read it."""
    try:
        return data[os.write(pipe.fileno(), data[:CHUNK]) :]
    except BrokenPipeError:
        return b""
    except BlockingIOError:
        return data


def must(argv: list[str], *, timeout: float = 20, stdin: bytes | None = None, cwd: str = "/") -> Completed:
    """As run_command, and Internal `CommandFailed` unless it exits with 0."""
    done = run_command(argv, timeout=timeout, stdin=stdin, cwd=cwd)
    if done.code != 0:
        raise internal(
            "CommandFailed",
            f"{os.path.basename(argv[0])} failed on the file server host",
            detail=f"{' '.join(argv)}: exit {done.code}: {done.error_text.strip()[:1000]}",
        )
    return done
