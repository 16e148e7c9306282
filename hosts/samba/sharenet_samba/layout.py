"""Where things are on the host, and what they are called inside a share server."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from . import beneath
from .problem import rejected, unavailable

PACKAGE = Path(__file__).resolve().parent
PROGRAM = PACKAGE.parent
# Inside: smbd looks for the pipes of remote procedure calls here, all other programs in Samba's usual place.
CLIENT_PIPES = "/run/client-pipes"
IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Layout:
    """The root directory of one backend on this host."""

    def __init__(self, root: str) -> None:
        path = Path(root)
        if not path.is_absolute() or ".." in path.parts or len(path.parts) < 2 or any(ord(c) < 33 for c in root):
            raise rejected("RootInvalid", f'root directory "{root}": give an absolute path without spaces and ".."')
        self.root = path
        self.servers = path / "servers"
        self.locks = path / "locks"
        self.orders = path / "orders"

    def make(self) -> None:
        """Makes the directories in the root, but never the root: where it is missing its file system is not mounted, and
        what is on that would seem to be gone. Unavailable `RootMissing` then."""
        try:
            status = os.stat(self.root, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            raise unavailable(
                "RootMissing",
                f"the root directory {self.root} does not exist on the file server host: mount its file system, or make "
                "the directory on a new host",
            ) from None
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != 0 or status.st_mode & 0o022:
            raise rejected("RootUnsafe", f"{self.root} must be a directory that root owns and only root may write to")
        # What a share holds is reached through a share server only.
        for path in (self.servers, self.locks, self.orders):
            path.mkdir(mode=0o700, exist_ok=True)
            os.chmod(path, 0o700)

    def server(self, server_id: str) -> "ServerPaths":
        if not IDENTIFIER.fullmatch(server_id):
            raise rejected("ServerIDInvalid", "serverID must be a UUID in small letters")
        return ServerPaths(self.servers / server_id, server_id)

    def server_ids(self) -> list[str]:
        """Directories that are share servers, sorted."""
        try:
            names = os.listdir(self.servers)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if IDENTIFIER.fullmatch(name))


class ServerPaths:
    """Paths of one share server as the host sees them; in brackets what they are inside it.

    base; state (state.json); etc [/etc: a whole /etc of its own, read-only]; samba [/etc/samba]; lib [/var/lib/samba];
    private [/var/lib/samba/private]; cache [/var/cache/samba]; run [/run/samba]; log [/var/log/samba];
    shares [/shares]. Nothing else is mounted inside: control (what pid 1 is to do and does), mount (its root file system is
    built there), acl_mark. What is in the directories that are is opened with the functions of `beneath`.
    """

    def __init__(self, base: Path, server_id: str) -> None:
        self.base = base
        self.server_id = server_id
        self.state = base / "state.json"
        self.etc = base / "etc"
        self.samba = self.etc / "samba"
        self.lib = base / "lib"
        self.private = base / "private"
        self.cache = base / "cache"
        self.run = base / "run"
        self.log = base / "log"
        self.shares = base / "shares"
        self.control = base / "control"
        self.mount = base / "mount"
        self.acl_mark = base / "acl-attribute"

    @property
    def namespace(self) -> str:
        """Name of the network namespace."""
        return "sn-" + self.server_id.replace("-", "")[:12]

    @property
    def namespace_file(self) -> Path:
        return Path("/run/netns") / self.namespace

    def make(self) -> None:
        self.base.mkdir(mode=0o700, exist_ok=True)
        for path in (self.lib, self.private, self.cache, self.run, self.log, self.control, self.mount):
            path.mkdir(mode=0o700, exist_ok=True)
        # Read by processes that serve a user of the share server.
        for path in (self.etc, self.shares, self.lib, self.cache, self.run):
            path.mkdir(mode=0o755, exist_ok=True)
            path.chmod(0o755)
        beneath.make_directory(self.base, self.samba, 0o755)
