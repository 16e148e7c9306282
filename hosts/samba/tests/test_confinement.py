"""What keeps a share server's processes, and the files that they made, from doing anything to the host."""

import os
import signal
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from sharenet_samba import beneath, quota, seccomp
from sharenet_samba.command import run_command
from sharenet_samba.deadline import Deadline
from sharenet_samba.durable import read_json
from sharenet_samba.keeper import _is_keeper
from sharenet_samba.problem import Problem

HEADERS = {
    "x86_64": (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), 0),
    "aarch64": (Path("/usr/include/asm-generic/unistd.h"), 1),
}


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.base = Path(folder.name) / "server"
        self.victim = Path(folder.name) / "victim"
        for path in (self.base, self.victim, self.base / "etc"):
            path.mkdir()
        (self.victim / "file").write_text("untouched")

    def untouched(self):
        self.assertEqual(os.listdir(self.victim), ["file"])
        self.assertEqual((self.victim / "file").read_text(), "untouched")


class Beneath(Folder):
    def refused(self, function, *values):
        with self.assertRaises(Problem) as caught:
            function(self.base, *values)
        self.assertEqual(caught.exception.reason, "FileUnsafe")
        self.untouched()

    def test_a_link_in_the_place_of_a_directory_is_not_followed(self):
        for target in (str(self.victim), "../../victim", f"/proc/self/root{self.victim}"):
            (self.base / "etc/samba").symlink_to(target)
            path = self.base / "etc/samba/file"
            with self.subTest(target=target):
                self.refused(beneath.write_file, path, "x")
                self.refused(beneath.read_file, path)
                self.refused(beneath.remove, path)
                self.assertFalse(beneath.is_file(self.base, path))
                beneath.make_directory(self.base, self.base / "etc/samba", 0o755)
                beneath.write_file(self.base, path, "x")
                self.untouched()
                beneath.remove(self.base, self.base / "etc/samba")
                self.assertEqual(beneath.names(self.base, self.base / "etc"), [])

    def test_whatever_has_the_name_of_a_file_is_replaced(self):
        path = self.base / "etc/file"
        for plant in (
            lambda: path.symlink_to(self.victim / "file"),
            lambda: path.symlink_to(self.victim),
            lambda: os.mkfifo(path),
            lambda: (path / "deep").mkdir(parents=True),
            lambda: None,
        ):
            plant()
            beneath.write_file(self.base, path, "new", 0o644)
            self.assertEqual(beneath.read_file(self.base, path), b"new")
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)
            self.assertEqual(os.listdir(path.parent), ["file"])
            path.unlink()
        self.untouched()

    def test_what_is_no_plain_file_of_bounded_size_is_not_read(self):
        path = self.base / "etc/file"
        for plant in (
            lambda: os.mkfifo(path),
            lambda: path.symlink_to(self.victim / "file"),
            lambda: path.symlink_to("/dev/zero"),
            lambda: os.close(os.open(path, os.O_CREAT)) or os.truncate(path, beneath.LONGEST_FILE + 1),
        ):
            plant()
            self.refused(beneath.read_file, path)
            if path.is_symlink() or path.is_fifo():
                self.assertFalse(beneath.is_file(self.base, path))
                with self.assertRaises(ValueError):
                    read_json(path)
            path.unlink()
        self.assertIsNone(beneath.read_file(self.base, path))

    def test_a_link_is_removed_and_not_what_it_names(self):
        path = self.base / "etc/trial"
        path.symlink_to(self.victim)
        beneath.remove(self.base, path)
        self.assertFalse(path.is_symlink())
        (path / "inside").mkdir(parents=True)
        (path / "inside/link").symlink_to(self.victim)
        beneath.remove(self.base, path)
        beneath.remove(self.base, path)
        self.assertFalse(path.exists())
        self.untouched()

    def test_only_a_keeper_of_this_server_is_taken_for_one(self):
        self.assertFalse(_is_keeper(os.getpid(), self.base))
        self.assertFalse(_is_keeper(1, self.base))


class Quota(Folder):
    def test_a_link_in_the_place_of_a_share_gets_no_quota(self):
        share = self.base / "share"
        share.symlink_to(self.victim)
        with mock.patch("sharenet_samba.quota.must") as must:
            for attempt in (
                lambda: quota.set_limit(share, 7, 1 << 20),
                lambda: quota.used_bytes(share, 7, Deadline(10)),
                lambda: quota.used_bytes(share, None, Deadline(10)),
            ):
                with self.assertRaises(Problem) as caught:
                    attempt()
                self.assertEqual(caught.exception.reason, "FileUnsafe")
        must.assert_not_called()
        share.unlink()
        share.mkdir()
        (share / "file").write_bytes(bytes(100_000))
        self.assertGreaterEqual(quota.used_bytes(share, None, Deadline(10)), 100_000)


class Filter(unittest.TestCase):
    def test_numbers_are_those_of_the_kernel_headers(self):
        for machine, (header, column) in HEADERS.items():
            if not header.exists():
                self.skipTest(f"there is no {header}")
            words = [line.split() for line in header.read_text().splitlines()]
            numbers = {
                each[1].replace("__NR3264_", "__NR_").removeprefix("__NR_"): each[2]
                for each in words
                if len(each) > 2 and each[0] == "#define"
            }
            calls = {"clone": seccomp.CLONE, "unshare": seccomp.UNSHARE, "ioctl": seccomp.IOCTL, "socket": seccomp.SOCKET}
            for name, both in {**seccomp.REFUSED, **calls}.items():
                # A few have their number in the header from another one, by a name of its own.
                if both[column] is not None and numbers.get(name, "").isdigit():
                    self.assertEqual(int(numbers[name]), both[column], f"{name} on {machine}")

    def test_there_is_a_filter_for_each_architecture(self):
        for machine in seccomp.ARCHITECTURES:
            program = seccomp.filter_program(machine)
            self.assertEqual(len(program) % 8, 0)
            self.assertLess(len(program) // 8, 4096)


class Output(unittest.TestCase):
    def test_a_program_that_writes_without_end_is_ended(self):
        started = time.monotonic()
        with self.assertRaises(Problem) as caught:
            run_command(["sh", "-c", "cat /dev/zero"], timeout=30, longest=1 << 20)
        self.assertEqual(caught.exception.reason, "CommandOutputTooLong")
        self.assertLess(time.monotonic() - started, 20)

    def test_messages_without_end_are_cut(self):
        done = run_command(["sh", "-c", "head -c 3000000 /dev/zero >&2; echo done"], timeout=30, longest=1 << 20)
        self.assertEqual((done.text, len(done.stderr)), ("done\n", 1 << 20))

    def test_input_and_output_go_both_ways_at_once(self):
        data = os.urandom(1 << 20)
        self.assertEqual(run_command(["cat"], stdin=data, timeout=30).stdout, data)
        self.assertEqual(run_command(["true"], stdin=data, timeout=30).code, 0)

    def test_a_program_that_takes_too_long_is_killed_with_its_children(self):
        with self.assertRaises(Problem) as caught:
            run_command(["sh", "-c", "sleep 600 & echo $!; wait"], timeout=0.3)
        self.assertEqual(caught.exception.reason, "CommandTimeout")
        with self.assertRaises(Problem):
            run_command(["sh", "-c", "exec >&- 2>&-; sleep 600"], timeout=0.3)

    def test_the_end_by_a_signal_is_told(self):
        self.assertEqual(run_command(["sh", "-c", "kill -9 $$"], timeout=10).code, -signal.SIGKILL)
