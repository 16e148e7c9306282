"""One share server on this host: its files, its namespaces, its daemons.

    instance = Instance(layout, server_id, deadline)  # loads state.json; `exists` tells whether there is one
    instance.open()                                   # network and pid 1: run() works afterwards
    instance.write_file("krb5.conf", text)            # a file of the server's own /etc
    instance.configure({"global": {"realm": ...}})    # the directory's part of smb.conf; the whole is tested
    instance.run(["net", "ads", "join", ...], stdin=password, timeout=60)
    instance.start({"smbd", "winbindd"})

All of it happens inside the server's namespaces; nothing here connects to anything from the host's network."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping

from . import acl_attribute, beneath, control, keeper, limits, network, state_size, systemd
from .command import Completed, run_command
from .deadline import Deadline, wait_until
from .entrance import Entrance
from .inside import read_answer
from .layout import PROGRAM, Layout, ServerPaths
from .private_etc import ETC_FILES, fill_etc
from .problem import Problem, internal, unavailable
from .samba_configuration import SambaConfiguration
from .sessions import list_sessions
from .state import State, load_state, save_state


class Instance:
    """`paths` as the host sees them (paths.samba / "smb.conf", paths.private, ...); ServerPaths tells what they are
    called inside. `state` is written by save(); `state.directory` is the directory's own."""

    def __init__(self, layout: Layout, server_id: str, deadline: Deadline) -> None:
        self.layout = layout
        self.deadline = deadline
        self.paths: ServerPaths = layout.server(server_id)
        self._state = load_state(self.paths.state)

    @property
    def exists(self) -> bool:
        return self._state is not None

    @property
    def state(self) -> State:
        if self._state is None:
            raise internal("StateMissing", "the share server is not known to this host")
        return self._state

    def adopt(self, state: State) -> None:
        """Makes the directories and stores the first state."""
        self.paths.make()
        self._state = state
        self.save()
        if not state.shares:
            acl_attribute.mark_new(self.paths)

    def save(self) -> None:
        """Stores `state`. To be called before each effect outside, so that remove knows of it."""
        save_state(self.paths.state, self.state)

    # -- processes

    def leader(self) -> int | None:
        """Pid 1 of the server as the host counts; None when the server is not up."""
        return control.leader(self.paths.control, self.paths.namespace_file)

    def open(self) -> None:
        """Brings up network and pid 1, and waits for them. Does nothing when they are up and watched."""
        if self.leader() is not None:
            if not keeper.lives(self.paths):
                self._start_keeper()
            return
        too_large = state_size.problem(self.paths, self.state)
        if too_large is not None:
            raise too_large
        # A keeper without a pid 1 waits for its next try: it is not waited for.
        if not keeper.end(self.paths):
            raise unavailable("ServerNotStopping", "what is left of the share server's processes does not end")
        network.bring_up(self.paths, self.state, self.deadline)
        fill_etc(self.paths, self.state.hostname)
        # Also what a former version of the program wrote.
        self.configure(self.state.sections, test=False)
        self._write_wanted()
        # An old report would name a process that is another one by now. In the former version these could be anything.
        for name in ("status.json", "keeper.log"):
            beneath.remove(self.paths.base, self.paths.control / name)
        self._start_keeper()
        if not wait_until(lambda: self.leader() is not None, self.deadline.limit(20)):
            raise unavailable(
                "ServerNotStarting",
                "the share server's processes did not start on the file server host",
                detail=self._keeper_log(),
            )

    def _start_keeper(self) -> None:
        """In a session of its own and with none of the call's pipes: it outlives the connection."""
        if systemd.in_use():
            systemd.start(self.paths.base)
            return
        with open(self.paths.control / "keeper.log", "wb", opener=_open_without_links) as log:
            subprocess.Popen(
                [keeper.PYTHON, *keeper.ENTRY, "supervise", str(self.paths.base)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
            )

    def _keeper_log(self) -> str:
        try:
            with open(self.paths.control / "keeper.log", "rb", opener=_open_without_links) as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - 2000))
                return log.read(2000).decode(errors="replace")
        except OSError:
            return ""

    def run(
        self,
        argv: list[str],
        *,
        stdin: bytes | None = None,
        timeout: float,
        env: dict[str, str] | None = None,
        seen: Mapping[str, str] | None = None,
    ) -> Completed:
        """Runs a program inside the server, with no more rights than the daemons have; the exit code is the caller's affair.
        Killed with its children after `timeout` seconds or at the call's deadline (Unavailable `CommandTimeout`). Secrets by
        `stdin` only. `seen`: files inside that the program sees in the place of others, {place: file}."""
        with control.opened_leader(self.paths.control, self.paths.namespace_file) as found:
            if found is None:
                raise self._not_running()
            groups = tuple(limits.group_files(found[0]))
            try:
                return run_command(
                    argv,
                    stdin=stdin,
                    timeout=self.deadline.limit(timeout),
                    env=env,
                    before_exec=Entrance(found[1], groups, seen or {}),
                )
            except subprocess.SubprocessError as cause:
                # It has ended meanwhile.
                raise self._not_running() from cause
            finally:
                for group in groups:
                    os.close(group)

    @staticmethod
    def _not_running() -> Problem:
        return unavailable("ServerNotRunning", "the share server is not running on the file server host")

    def python(self, function: str, payload: dict, timeout: float) -> dict:
        """Runs "module:function" of this package inside the server: function(payload) -> dict, JSON both ways. A
        Problem that it raises is raised here too. It sees the standard library and the server's own /etc."""
        argv = ["/usr/bin/python3", "-I", "-B", f"/program/{PROGRAM.name}/sharenet-samba-host", "call", function]
        done = self.run(argv, stdin=json.dumps(payload).encode(), timeout=timeout)
        return read_answer(done, function)

    # -- files

    def write_file(self, name: str, text: str, mode: int = 0o644) -> None:
        """A file of the server's own /etc, replaced as a whole: krb5.conf, resolv.conf, hosts, nsswitch.conf, passwd,
        group. Secrets belong into paths.private."""
        if name not in ETC_FILES:
            raise internal("FileUnknown", f"{name} is no file that a share server has")
        beneath.write_file(self.paths.base, self.paths.etc / name, text, mode)

    def configure(self, sections: dict[str, dict[str, str]], *, test: bool = True, only: str | None = None) -> None:
        """Stores the directory's part of smb.conf ({"global": {...}}), merges interfaces and shares, writes the files
        and tests them; with `only` of one share the file of that share alone. Daemons are not told: call reload() or
        restart(). A refused value changes nothing."""
        files = SambaConfiguration(self.paths)
        # The names of access rules are those of the new directory.
        files.write(self.state, sections, only)
        former = self.state.sections
        if former != sections:
            self.state.sections = sections
            self.save()
        if not test or self.leader() is None:
            return
        # It reads everything, and writes down one value.
        one = ["--section-name=global", "--parameter-name=workgroup"]
        done = self.run(["testparm", "--suppress-prompt", *one], timeout=20)
        refused = [line for line in done.error_text.splitlines() if "nknown parameter" in line or "rror" in line]
        if done.code != 0 or refused:
            if files.restore():
                self.state.sections = former
                self.save()
            raise internal(
                "SambaConfigurationRefused",
                "Samba on the file server host refuses the configuration made for this share server",
                detail=done.error_text[-2000:],
            )

    # -- daemons

    def _write_wanted(self) -> None:
        control.write_wanted(self.paths.control, self.state.daemons, self.state.restarts, self.state.hostname)

    def _want(self, daemons: Iterable[str], restarts: Iterable[str] = ()) -> None:
        self.state.daemons = sorted(daemons)
        for name in restarts:
            self.state.restarts[name] = self.state.restarts.get(name, 0) + 1
        self.save()
        self._write_wanted()
        if self.leader() is None:
            raise self._not_running()
        # Makes pid 1 read what is wanted.
        control.signal_leader(self.paths.control, self.paths.namespace_file, signal.SIGHUP)
        if not wait_until(self._as_wanted, self.deadline.limit(15)):
            raise unavailable(
                "DaemonsNotChanging",
                "daemons of the share server do not start or do not end",
                detail=f"wanted: {', '.join(self.state.daemons)}; {self._keeper_log()}",
            )

    def _as_wanted(self) -> bool:
        status = control.read_status(self.paths.control).get("daemons", {})
        for name in control.DAEMONS:
            each = status.get(name, {})
            if each.get("running", False) != (name in self.state.daemons):
                return False
            if each.get("restart", 0) != self.state.restarts.get(name, 0):
                return False
        return True

    def start(self, daemons: set[str]) -> None:
        """Starts these besides those that run, and keeps them running. That they answer is for the caller to await."""
        self._want({*self.state.daemons, *daemons})

    def stop(self, daemons: set[str]) -> None:
        """Ends these, children too (sessions break off)."""
        self._want(set(self.state.daemons) - daemons)

    def restart(self, daemons: set[str]) -> None:
        """Ends and starts those of these that should run."""
        self._want(self.state.daemons, daemons & set(self.state.daemons))

    def reload(self) -> None:
        """Makes Samba's daemons read smb.conf again; sessions stay. Unavailable when one can't be told."""
        for name in {"smbd", "winbindd"} & set(self.state.daemons):
            tell = ["smbcontrol", name, "reload-config"]
            # One that is just being started can't be told yet, and may have read the old file.
            if not wait_until(lambda: self.run(tell, timeout=10).code == 0, self.deadline.limit(15), pause=0.1):
                raise unavailable(
                    "SambaNotAnswering", f"{name} of the share server can't be told to read its rules again"
                )

    def running(self, name: str) -> bool:
        """Whether the daemon's process lives."""
        status = control.read_status(self.paths.control).get("daemons", {})
        return self.leader() is not None and status.get(name, {}).get("running", False)

    def wait_for_smbd(self, seconds: float = 15) -> None:
        """Until smbd answers; Unavailable `SambaNotAnswering` otherwise."""
        ping = ["smbcontrol", "smbd", "ping", "--timeout=1"]
        if not wait_until(lambda: self.run(ping, timeout=3).code == 0, self.deadline.limit(seconds), pause=0.05):
            raise unavailable("SambaNotAnswering", "smbd of the share server does not answer")

    def open_sessions(self) -> list[dict]:
        """Connections to shares: [{tree, pid, share, user, address}]."""
        return list_sessions(self)


def _open_without_links(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
