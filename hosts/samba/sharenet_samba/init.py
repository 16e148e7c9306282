"""Pid 1 of a share server: keeps its daemons running as `control/wanted.json` says. When it ends, all of them end."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import limits, syscalls
from .container import ENVIRONMENT, enter_container
from .control import DAEMONS, read_wanted, start_time
from .durable import write_json
from .layout import PROGRAM, ServerPaths
from .privileges import give_up_privileges, hide_process, limit_daemons, use_profile_from_exec

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0
# A daemon that ran this long was well: the next end of it counts as the first.
WELL_AFTER = 60.0
GRACE = 5.0
SIGNALS = {signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGINT}


def pause_before_restart(failures: int) -> float:
    """Seconds to wait after so many ends in a row."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** max(0, failures - 1))


@dataclass
class Daemon:
    pid: int | None = None
    started: float = 0.0
    restart: int = 0
    failures: int = 0
    not_before: float = 0.0


class Supervisor:
    """`control` is the directory of the same name, which is mounted nowhere inside. `identity` goes into each report."""

    def __init__(self, control: Path, identity: dict[str, int]) -> None:
        self.control = control
        self.identity = identity
        self.daemons = {name: Daemon() for name in DAEMONS}
        self.reported: dict | None = None

    def report(self) -> None:
        daemons = {
            name: {"pid": each.pid, "restart": each.restart, "failures": each.failures, "running": each.pid is not None}
            for name, each in self.daemons.items()
        }
        status = {**self.identity, "daemons": daemons}
        if status != self.reported:
            write_json(self.control / "status.json", status)
            self.reported = status

    def spawn(self, name: str) -> None:
        daemon = self.daemons[name]
        argv = DAEMONS[name]
        null = os.open("/dev/null", os.O_RDWR)
        try:
            daemon.pid = os.posix_spawn(
                argv[0],
                argv,
                ENVIRONMENT,
                file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)],
                setpgroup=0,
                setsigmask=[],
                setsigdef=[signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE],
            )
            daemon.started = time.monotonic()
        except OSError as cause:
            print(f"{name} can't be started: {cause}", file=sys.stderr, flush=True)
            self.ended(name)
        finally:
            os.close(null)

    def ended(self, name: str) -> None:
        daemon = self.daemons[name]
        if daemon.pid is not None:
            # Children that still hold the port or a database would keep the next one from starting.
            _signal_group(daemon.pid, signal.SIGKILL)
        now = time.monotonic()
        daemon.failures = 1 if now - daemon.started > WELL_AFTER else daemon.failures + 1
        daemon.not_before = now + pause_before_restart(daemon.failures)
        daemon.pid = None

    def reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for name, daemon in self.daemons.items():
                if daemon.pid == pid:
                    self.ended(name)
                    pause = pause_before_restart(daemon.failures)
                    print(f"{name} has ended; it is started again in {pause} s", file=sys.stderr, flush=True)

    def stop(self, name: str) -> None:
        """Ends the daemon and its children: asked first, killed after some seconds."""
        daemon = self.daemons[name]
        if daemon.pid is None:
            return
        _signal_group(daemon.pid, signal.SIGTERM)
        end = time.monotonic() + GRACE
        while _group_lives(daemon.pid):
            if time.monotonic() > end:
                _signal_group(daemon.pid, signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, 0.05)
            _reap_group(daemon.pid)
        daemon.pid = None
        daemon.failures = 0
        daemon.not_before = 0.0

    def settle(self) -> float | None:
        """Makes it so. Answers in how many seconds to look again, None for not before a signal."""
        wanted = read_wanted(self.control)
        again = None
        for name, daemon in self.daemons.items():
            restart = int(wanted["restarts"].get(name, 0))
            if name not in wanted["daemons"]:
                self.stop(name)
                daemon.restart = restart
                continue
            if daemon.restart != restart:
                self.stop(name)
                daemon.restart = restart
                daemon.failures = 0
                daemon.not_before = 0.0
            if daemon.pid is None:
                wait = daemon.not_before - time.monotonic()
                if wait <= 0:
                    self.spawn(name)
                else:
                    again = wait if again is None else min(again, wait)
        self.report()
        return again

    def run(self) -> None:
        while True:
            self.reap()
            again = self.settle()
            arrived = signal.sigtimedwait(SIGNALS, again) if again is not None else signal.sigwaitinfo(SIGNALS)
            if arrived is not None and arrived.si_signo in (signal.SIGTERM, signal.SIGINT):
                for name in self.daemons:
                    self.stop(name)
                return


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


def _reap_group(group: int) -> None:
    try:
        while os.waitpid(-group, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def main(server_directory: str, server_id: str) -> None:
    """Called in fresh namespaces, while /proc is still the host's. Ends in run_daemons(), as a program of the share
    server's own file system: no process inside runs a file that could be written through it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    os.umask(0o022)
    pid = int(os.readlink("/proc/self"))
    identity = [str(pid), str(start_time(pid))]
    paths = ServerPaths(Path(server_directory), server_id)
    limits.join(server_id)
    use_profile_from_exec()
    syscalls.unshare(syscalls.CLONE_NEWCGROUP)
    control = os.open(paths.control, os.O_RDONLY | os.O_DIRECTORY)
    enter_container(paths, read_wanted(paths.control)["hostname"])
    limit_daemons()
    give_up_privileges()
    os.set_inheritable(control, True)
    program = f"/program/{PROGRAM.name}/sharenet-samba-host"
    argv = ["/usr/bin/python3", "-I", "-B", program, "daemons", str(control), *identity]
    os.execve(argv[0], argv, ENVIRONMENT)


def run_daemons(control: int, pid: int, started: int) -> None:
    """Runs until SIGTERM. `control` is a descriptor of that directory."""
    # Before the first daemon: none of them gets at the descriptor.
    hide_process()
    os.set_inheritable(control, False)
    Supervisor(Path(f"/proc/self/fd/{control}"), {"pid": pid, "started": started}).run()
