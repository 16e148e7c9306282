"""Files in the directories of a share server that are mounted inside it. Its processes, root's among them, may have put
anything there: links to the host's files, pipes that nothing comes out of, directories without end. So a path is never
followed through a link or out of the share server's directory, and what is read is a plain file of a bounded size."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import syscalls
from .command import run_command
from .durable import fill
from .problem import Problem, internal, unavailable

# Far more than any of the files that are read.
LONGEST_FILE = 4 << 20
_RESOLVE = syscalls.RESOLVE_BENEATH | syscalls.RESOLVE_NO_SYMLINKS | syscalls.RESOLVE_NO_MAGICLINKS


def _unsafe(path: Path, cause: OSError | str) -> Problem:
    return internal(
        "FileUnsafe",
        f"{path.name} of the share server is not the plain file or directory that the program made: a process of the share "
        "server changed it; an administrator must look at it",
        detail=f"{path}: {cause}",
    )


@contextmanager
def _opened(base: Path, path: Path, flags: int) -> Iterator[int]:
    """`path` is below `base`, which only the host changes. FileNotFoundError when there is no such path."""
    top = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = syscalls.openat2(top, str(path.relative_to(base)), flags, resolve=_RESOLVE)
    except FileNotFoundError:
        raise
    except OSError as cause:
        raise _unsafe(path, cause) from cause
    finally:
        os.close(top)
    try:
        yield fd
    finally:
        os.close(fd)


def open_directory(base: Path, path: Path):
    return _opened(base, path, os.O_RDONLY | os.O_DIRECTORY)


def open_path(base: Path, path: Path):
    """Of a file or directory, to mount it."""
    return _opened(base, path, os.O_PATH | os.O_NOFOLLOW)


def read_file(base: Path, path: Path) -> bytes | None:
    """None for one that is not there. Internal `FileUnsafe` for what is no plain file, or a long one."""
    try:
        with _opened(base, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY) as fd:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_size > LONGEST_FILE:
                raise _unsafe(path, "no plain file, or too long")
            with os.fdopen(os.dup(fd), "rb") as file:
                return file.read(LONGEST_FILE)
    except FileNotFoundError:
        return None


def write_file(base: Path, path: Path, data: bytes | str, mode: int = 0o600) -> None:
    """Replaces the file as a whole, and whatever else has its name. The new content is on the disk when this returns."""
    if isinstance(data, str):
        data = data.encode()
    with open_directory(base, path.parent) as directory:
        scratch = f".{path.name}.{secrets.token_hex(4)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(scratch, flags, mode, dir_fd=directory)
        try:
            fill(fd, data, mode)
            try:
                os.rename(scratch, path.name, src_dir_fd=directory, dst_dir_fd=directory)
            except IsADirectoryError:
                _empty(directory, path.name)
                os.rename(scratch, path.name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            _unlink(directory, scratch)
            raise
        os.fsync(directory)


def make_directory(base: Path, path: Path, mode: int) -> None:
    """Also all right when it is there. Something else that has its name is removed."""
    with open_directory(base, path.parent) as parent:
        for _ in range(2):
            try:
                os.mkdir(path.name, mode, dir_fd=parent)
            except FileExistsError:
                pass
            try:
                fd = os.open(path.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
            except OSError as cause:
                if cause.errno not in (errno.ENOTDIR, errno.ELOOP):
                    raise
                _unlink(parent, path.name)
                continue
            try:
                os.fchmod(fd, mode)
            finally:
                os.close(fd)
            return
    raise _unsafe(path, "can't be made a directory")


def remove(base: Path, path: Path, seconds: float = 60) -> None:
    """Removes the file or directory, whatever is in it. What is not there is removed already."""
    try:
        with open_directory(base, path.parent) as parent:
            _empty(parent, path.name, seconds)
    except FileNotFoundError:
        pass


def names(base: Path, path: Path) -> list[str]:
    """Of the directory's entries, sorted; none when it is not there."""
    try:
        with open_directory(base, path) as directory:
            return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []


def is_file(base: Path, path: Path) -> bool:
    """Whether it is a plain file."""
    try:
        with open_path(base, path) as fd:
            return stat.S_ISREG(os.fstat(fd).st_mode)
    except (FileNotFoundError, Problem):
        return False


def _unlink(directory: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass


def _empty(directory: int, name: str, seconds: float = 60) -> None:
    """rm neither follows links nor minds how deep directories are nested."""
    try:
        os.unlink(name, dir_fd=directory)
        return
    except FileNotFoundError:
        return
    except IsADirectoryError:
        pass
    done = run_command(["rm", "-rf", "--one-file-system", "--", name], timeout=seconds, cwd=f"/proc/self/fd/{directory}")
    if done.code != 0:
        message = "files of the share server could not be removed; this is tried again"
        raise unavailable("FilesNotRemoved", message, detail=done.error_text[:1000])
