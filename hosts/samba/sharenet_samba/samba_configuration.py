"""The files that Samba reads, in a share server's /etc/samba: smb.conf, and one for each share.

A share that can't be written down keeps its last file: it keeps neither its server nor other shares from changing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from . import beneath
from .layout import ServerPaths
from .problem import Problem
from .samba_settings import SHARES, main_text, share_file, share_text
from .state import Share, State


class SambaConfiguration:
    """Writes files and keeps what was in them, so that `restore` puts it back."""

    def __init__(self, paths: ServerPaths) -> None:
        self._paths = paths
        self._folder = paths.samba / SHARES
        self._before: list[tuple[Path, bytes | None]] = []

    def write(self, state: State, sections: dict[str, dict[str, str]], only: str | None = None) -> None:
        """Of all shares, or of the one whose id is `only`. That one, and what is not about a share, has to be right: a
        Problem then, and nothing is written."""
        state = replace(state, sections=sections)
        shares = [each for each in state.shares.values() if not each.removing]
        # In the former version something else could be in its place.
        beneath.make_directory(self._paths.base, self._paths.samba, 0o755)
        present = set(beneath.names(self._paths.base, self._folder))
        # A former version wrote one file for all of them.
        written = [each for each in shares if only in (None, each.id) or share_file(each.id) not in present]
        texts = {each.id: _text(each, state, only) for each in written}
        beneath.make_directory(self._paths.base, self._folder, 0o755)
        offered = [each.id for each in shares if texts.get(each.id) is not None or share_file(each.id) in present]
        main = main_text(state, sections, offered)
        for share_id, text in texts.items():
            if text is not None:
                self._replace(self._folder / share_file(share_id), text)
        self._replace(self._paths.samba / "smb.conf", main)
        for name in present - {share_file(each.id) for each in shares}:
            beneath.remove(self._paths.base, self._folder / name)

    def restore(self) -> bool:
        """False when there was no smb.conf before."""
        for path, before in reversed(self._before):
            if before is not None:
                beneath.write_file(self._paths.base, path, before)
        return all(before is not None for path, before in self._before if path.name == "smb.conf")

    def _replace(self, path: Path, text: str) -> None:
        before = beneath.read_file(self._paths.base, path)
        if before != text.encode():
            beneath.write_file(self._paths.base, path, text)
            self._before.append((path, before))


def _text(share: Share, state: State, only: str | None) -> str | None:
    try:
        return share_text(share, state)
    except Problem:
        if only == share.id:
            raise
        return None
