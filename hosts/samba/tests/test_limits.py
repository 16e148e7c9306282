"""What one share server may take of its host."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from sharenet_samba import limits, state_size
from sharenet_samba.layout import ServerPaths
from sharenet_samba.state import Owner, Share, State

ID = "11111111-2222-3333-4444-555555555555"


class Groups(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        (self.top / "cgroup.procs").touch()

    def hierarchies(self, *lines):
        return limits.hierarchies("".join(f"{line}\n" for line in lines))

    def test_a_group_of_version_2_has_limits_of_memory_and_tasks(self):
        (self.top / "cgroup.controllers").write_text("cpu io memory pids\n")
        found = self.hierarchies(f"35 26 0:30 / {self.top} rw - cgroup2 cgroup2 rw,nsdelegate")
        self.assertEqual(len(found), 1)
        limits.make_group(found[0], ID, 1000)
        group = self.top / "sharenet-samba" / ID
        written = {name: (group / name).read_text() for name in os.listdir(group)}
        self.assertEqual(
            written, {"pids.max": "2048", "memory.high": "250", "memory.max": "330", "cgroup.procs": "0"}
        )
        for above in (self.top, self.top / "sharenet-samba"):
            self.assertEqual((above / "cgroup.subtree_control").read_text(), "+memory +pids")

    def test_groups_of_version_1_have_one_limit_each(self):
        line = f"35 26 0:30 / {self.top} rw - cgroup cgroup rw,{{}}"
        for controllers, expected in (("pids", {"pids.max"}), ("memory", {"memory.limit_in_bytes"})):
            found = self.hierarchies(line.format(controllers))
            self.assertEqual(set(limits.settings(found[0], 1000)), expected)
        self.assertEqual(self.hierarchies(line.format("cpu,cpuacct")), [])

    def test_a_mount_that_another_one_covers_is_left_out(self):
        (self.top / "cgroup.procs").unlink()
        self.assertEqual(self.hierarchies(f"35 26 0:30 / {self.top} rw - cgroup cgroup rw,pids"), [])
        self.assertEqual(self.hierarchies("", "x", "1 2 3 / / rw - ext4 /dev/sda rw"), [])

    def test_the_groups_of_a_process_without_one_of_its_own_are_not_entered(self):
        self.assertEqual(list(limits.group_files(os.getpid())), [])
        self.assertEqual(list(limits.group_files(0)), [])


class StateSize(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.paths = ServerPaths(Path(folder.name), ID)
        self.paths.make()
        patch = mock.patch.object(state_size, "MOST_BYTES", 1 << 20)
        patch.start()
        self.addCleanup(patch.stop)
        self.state = State(Owner("i", "n"), ID, "n", "H", "eth0")

    def is_too_large(self):
        problem = state_size.problem(self.paths, self.state)
        return problem is not None and problem.reason == "StateTooLarge"

    def test_every_way_to_take_space_is_counted(self):
        self.assertFalse(self.is_too_large())
        large = bytes(2 << 20)
        ways = {
            "a large file": lambda top: (top / "file").write_bytes(large),
            "many files": lambda top: [(top / f"file-{i}").touch() for i in range(300)],
            "deep directories": lambda top: (top / "/".join("d" * 70)).mkdir(parents=True),
        }
        for what, fill in ways.items():
            for place in (self.paths.lib, self.paths.log, self.paths.etc, self.paths.private, self.paths.shares):
                top = place / "filled"
                top.mkdir()
                fill(top)
                with self.subTest(what=what, place=place.name):
                    self.assertTrue(self.is_too_large())
                os.system(f"rm -rf '{top}'")
                self.assertFalse(self.is_too_large())

    def test_data_of_shares_and_of_others_is_not_counted(self):
        (self.paths.shares / ID).mkdir()
        (self.paths.shares / ID / "file").write_bytes(bytes(2 << 20))
        (self.paths.lib / "link").symlink_to(self.paths.shares)
        self.assertTrue(self.is_too_large())
        self.state.shares = {ID: Share(ID, "share", 1)}
        self.assertFalse(self.is_too_large())
