"""The outer process of a share server, on the host's side: brings up its network, starts its pid 1, and starts it again
when it died. Without systemd it is detached from the call that made it; under systemd it is the unit's main process."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import network, state_size, systemd
from .acl_attribute import move_acls
from .command import PATH
from .control import leader, opened_leader, send, signal_leader
from .deadline import Deadline, wait_until
from .init import pause_before_restart
from .layout import PROGRAM, ServerPaths
from .problem import Problem
from .state import load_state

PYTHON = "/usr/bin/python3"
ENTRY = ["-I", "-B", str(PROGRAM / "sharenet-samba-host")]

# Seconds between two looks at what the server's state takes.
STATE_LOOK = 5.0


class Stop(Exception):
    pass


def hold(paths: ServerPaths) -> int | None:
    """The lock that a keeper has for its life, None when another has it."""
    fd = os.open(paths.control / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd
    except BlockingIOError:
        os.close(fd)
        return None


def lives(paths: ServerPaths) -> bool:
    """Whether a keeper has the lock."""
    if not paths.control.is_dir():
        return False
    fd = hold(paths)
    if fd is None:
        return True
    os.close(fd)
    return False


def end(paths: ServerPaths) -> bool:
    """Ends the keeper and what it started; whether all of them are gone. The state must already say that the server is
    not to run."""
    if systemd.in_use():
        systemd.stop(paths.base)
    for number, seconds in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
        if lives(paths):
            _signal_keeper(paths, number)
        if number == signal.SIGKILL:
            signal_leader(paths.control, paths.namespace_file, number)
        gone = wait_until(lambda: not lives(paths) and leader(paths.control, paths.namespace_file) is None, seconds)
        if gone:
            return True
    return False


def _signal_keeper(paths: ServerPaths, number: int) -> None:
    """To the holder of the lock, which has written its number into the file. In a server of the former version root inside
    can write there too: no process but a keeper of this server gets the signal."""
    try:
        file = os.open(paths.control / "keeper.lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            pid = int(os.read(file, 32))
        finally:
            os.close(file)
        fd = os.pidfd_open(pid)
    except (OSError, ValueError, OverflowError):
        return
    try:
        if _is_keeper(pid, paths.base):
            send(fd, number)
    finally:
        os.close(fd)


def _is_keeper(pid: int, base: Path) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
        beside = os.stat(f"/proc/{pid}/ns/pid").st_ino == os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return False
    return beside and arguments[-2:] == [b"supervise", os.fsencode(base)]


def _run_once(paths: ServerPaths, server_id: str) -> None:
    _outlive(paths)
    state = load_state(paths.state)
    if state is None or state.phase == "removing":
        raise Stop
    too_large = state_size.problem(paths, state)
    if too_large is not None:
        raise too_large
    move_acls(paths)
    network.bring_up(paths, state, Deadline(60))
    process = subprocess.Popen(
        [
            "nsenter",
            f"--net={paths.namespace_file}",
            "unshare",
            "--mount",
            "--pid",
            "--uts",
            "--ipc",
            "--fork",
            "--kill-child=SIGKILL",
            "--propagation",
            "private",
            PYTHON,
            *ENTRY,
            "init",
            str(paths.base),
            server_id,
        ],
        env={"PATH": PATH, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        _watch(paths, process)
    finally:
        # Asked first: smbd then closes its databases in order.
        if leader(paths.control, paths.namespace_file) is not None:
            signal_leader(paths.control, paths.namespace_file, signal.SIGTERM)
            try:
                process.wait(12)
            except subprocess.TimeoutExpired:
                pass
        process.kill()
        process.wait()


def _watch(paths: ServerPaths, process: subprocess.Popen) -> None:
    """Until the server's pid 1 has ended, or its state has become too large."""
    while True:
        try:
            process.wait(STATE_LOOK)
            return
        except subprocess.TimeoutExpired:
            state = load_state(paths.state)
            too_large = None if state is None else state_size.problem(paths, state)
            if too_large is not None:
                raise too_large from None


def _outlive(paths: ServerPaths) -> None:
    """Waits for the end of a pid 1 whose keeper was killed: it serves on, and now it is watched again."""
    with opened_leader(paths.control, paths.namespace_file) as found:
        if found is not None:
            select.select([found[1]], [], [])


def supervise(server_directory: str) -> int:
    """Runs until SIGTERM or until the server is being removed."""
    base = Path(server_directory)
    paths = ServerPaths(base, base.name)
    if not base.is_dir():
        return 0
    lock = hold(paths)
    if lock is None:
        return 0
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)

    def on_stop(*_: object) -> None:
        raise Stop

    signal.signal(signal.SIGTERM, on_stop)
    signal.signal(signal.SIGINT, on_stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    failures = 0
    try:
        while True:
            started = time.monotonic()
            try:
                _run_once(paths, base.name)
                print("pid 1 of the share server has ended", file=sys.stderr, flush=True)
            except Problem as problem:
                print(f"{problem.reason}: {problem.message} {problem.detail or ''}", file=sys.stderr, flush=True)
            failures = 1 if time.monotonic() - started > 60 else failures + 1
            time.sleep(pause_before_restart(failures))
    except Stop:
        # The lock goes with the process, and so tells when it is gone.
        return 0
