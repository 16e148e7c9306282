"""Small parts of the program, each by itself."""

import errno
import ipaddress
import os
import shutil
import struct
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

from sharenet_samba import links, quota
from sharenet_samba.address_probe import conflicting_mac
from sharenet_samba.deadline import Deadline
from sharenet_samba.durable import write_json
from sharenet_samba.host import keeps_attributes
from sharenet_samba.init import pause_before_restart
from sharenet_samba.inside import NAME
from sharenet_samba.layout import Layout
from sharenet_samba.locks import locked
from sharenet_samba.problem import Problem
from sharenet_samba.sessions import keeps_access, list_sessions
from sharenet_samba.state import Allocation, Link, Owner, Rule, Share, State, load_state, save_state

ID = "11111111-2222-3333-4444-555555555555"


class Stored(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "state.json"

    def test_a_state_is_read_as_it_was_written(self):
        address = Allocation("10.0.0.5", 24, "vlan", "s", segmentation_id=7)
        rule = Rule("r", "user", "a", "rw", "user")
        state = State(Owner("i", "n"), ID, "n", "H", "eth0", [address])
        state.links = [Link("macvlan", "eth0", "eth0", [address], "sn0", 7, "eth0.7")]
        state.shares = {ID: Share(ID, "share", 1, 2, False, [rule])}
        state.closing = {ID: [rule]}
        state.directory = {"any": ["thing"]}
        save_state(self.path, state)
        self.assertEqual(load_state(self.path), state)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(self.path.parent), ["state.json"])

    def test_a_damaged_state_is_told_and_never_taken_for_none(self):
        self.assertIsNone(load_state(self.path))
        for text in ("", "{", "[]", '{"format": 1}', '{"format": 99}'):
            self.path.write_text(text)
            with self.subTest(text=text), self.assertRaises(Problem) as caught:
                load_state(self.path)
            self.assertEqual(caught.exception.reason, "StateUnreadable")

    def test_a_state_that_is_missing_beside_data_is_reported_and_never_taken_for_none(self):
        base = self.path.parent
        for name in ("shares", "private", "lib/private"):
            (base / name).mkdir(parents=True)
        (base / ".state.json.abcdef01").write_text("{")
        self.assertIsNone(load_state(self.path))
        for make in (lambda: (base / "shares" / ID).mkdir(), lambda: (base / "private/secrets.tdb").write_text("x")):
            make()
            with self.assertRaises(Problem) as caught:
                load_state(self.path)
            self.assertEqual(caught.exception.reason, "StateUnreadable")
            shutil.rmtree(base / "shares" / ID, ignore_errors=True)

    def test_a_write_that_fails_leaves_the_old_file(self):
        write_json(self.path, {"a": 1})
        with self.assertRaises(TypeError):
            write_json(self.path, {"a": object()})
        self.assertIn('"a": 1', self.path.read_text())
        self.assertEqual(os.listdir(self.path.parent), ["state.json"])

    def test_a_lock_is_held_by_one(self):
        root = self.path.parent / "root"
        root.mkdir(0o700)
        layout = Layout(str(root))
        layout.make()
        with locked(layout, "x", Deadline(1), "it"), self.assertRaises(Problem) as caught:
            with locked(layout, "x", Deadline(0.1), "it"):
                pass
        self.assertEqual(caught.exception.reason, "Busy")
        with locked(layout, "x", Deadline(1), "it"):
            pass


class Roots(unittest.TestCase):
    def test_a_root_that_is_missing_is_not_made(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "mount" / "root"
            for below in (root.parent, root):
                with self.assertRaises(Problem) as caught:
                    Layout(str(root)).make()
                self.assertEqual((caught.exception.kind, caught.exception.reason), ("Unavailable", "RootMissing"))
                self.assertFalse(below.exists())
                below.mkdir(0o700)
            Layout(str(root)).make()
            self.assertEqual(sorted(os.listdir(root)), ["locks", "orders", "servers"])


class Probes(unittest.TestCase):
    own, other = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
    address = ipaddress.IPv4Address("10.0.0.5").packed

    def frame(self, mac: bytes, sender: str, target: str, operation: int = 2) -> bytes:
        ethernet = b"\xff" * 6 + mac + struct.pack("!H", 0x0806)
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac + ipaddress.IPv4Address(sender).packed
        return ethernet + body + b"\0" * 6 + ipaddress.IPv4Address(target).packed

    def conflict(self, frame: bytes) -> bytes | None:
        return conflicting_mac(frame, self.own, self.address)

    def test_an_answer_and_another_probe_are_conflicts(self):
        self.assertEqual(self.conflict(self.frame(self.other, "10.0.0.5", "0.0.0.0")), self.other)
        self.assertEqual(self.conflict(self.frame(self.other, "0.0.0.0", "10.0.0.5", 1)), self.other)

    def test_other_traffic_is_none(self):
        self.assertIsNone(self.conflict(self.frame(self.own, "10.0.0.5", "0.0.0.0")))
        self.assertIsNone(self.conflict(self.frame(self.other, "10.0.0.6", "10.0.0.5", 1)))
        self.assertIsNone(self.conflict(b""))
        self.assertIsNone(self.conflict(b"\0" * 60))


class Sessions(unittest.TestCase):
    """Who stays when rules are lost."""

    alice = {"user": "DOM\\Alice", "address": "10.0.0.5"}

    def test_a_user_stays_by_a_rule_of_its_own(self):
        own = Rule("1", "user", "alice", "rw", "user")
        self.assertTrue(keeps_access(self.alice, [own], [Rule("2", "user", "staff", "rw", "group")]))
        self.assertTrue(keeps_access(self.alice, [own], [Rule("2", "user", "bob", "rw", "user")]))

    def test_a_user_of_another_domain_is_another_user(self):
        own = Rule("1", "user", "DOM1\\alice", "rw", "user")
        for lost in (Rule("2", "user", "DOM2\\alice", "rw", "user"), Rule("2", "user", "DOM2\\staff", "rw", "group")):
            self.assertFalse(keeps_access({**self.alice, "user": "DOM2\\alice"}, [own], [lost]), lost)
            self.assertTrue(keeps_access({**self.alice, "user": "dom1\\ALICE"}, [own], [lost]), lost)

    def test_a_name_that_only_a_directory_can_compare_may_be_anybodys(self):
        lost = Rule("1", "user", "alice.smith@dom2.example", "rw", "user")
        self.assertFalse(keeps_access({**self.alice, "user": "DOM2\\asmith"}, [], [lost]))
        self.assertFalse(keeps_access({**self.alice, "user": "DOM2\\alice"}, [replace(lost, id="2")], [lost]))

    def test_a_status_that_is_damaged_is_reported(self):
        instance = mock.Mock()
        for text in ("", "[]", "7", '{"tcons": []}', '{"tcons": {"1": {}}}', '{"tcons": {"1": {"server_id": 7}}}', "[" * 9999):
            instance.run.return_value.stdout = text.encode()
            with self.subTest(text=text[:40]), self.assertRaises(Problem) as caught:
                list_sessions(instance)
            self.assertEqual((caught.exception.kind, caught.exception.reason), ("Unavailable", "SessionsUnknown"))

    def test_a_user_goes_with_its_rule_its_group_or_its_level(self):
        self.assertFalse(keeps_access(self.alice, [], [Rule("1", "user", "alice", "ro", "user")]))
        self.assertFalse(keeps_access(self.alice, [], [Rule("1", "user", "staff", "ro", "group")]))
        lower = Rule("1", "user", "alice", "ro", "user")
        self.assertFalse(keeps_access(self.alice, [lower], [Rule("1", "user", "alice", "rw", "user")]))

    def test_an_address_stays_within_what_is_left(self):
        left = [Rule("1", "ip", "10.0.0.0/255.255.255.0", "rw")]
        self.assertTrue(keeps_access(self.alice, left, [Rule("2", "ip", "10.1.0.0/255.255.0.0", "rw")]))
        self.assertFalse(keeps_access({**self.alice, "address": "10.1.0.1"}, left, [Rule("2", "ip", "10.1.0.1", "rw")]))
        self.assertFalse(keeps_access(self.alice, [], [Rule("2", "ip", "10.0.0.5", "ro")]))


class Links(unittest.TestCase):
    vlan_100 = Allocation("10.0.0.5", 24, "vlan", "a", segmentation_id=100, mtu=1400)
    also_100 = Allocation("fd00::5", 64, "vlan", "a", segmentation_id=100)
    flat = Allocation("10.1.0.5", 24, "flat", "b")

    def planned(self, bridge: bool, *allocations: Allocation) -> list[Link]:
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(links, "NET", Path(folder)),
        ):
            (Path(folder) / "eth7" / ("bridge" if bridge else "device")).mkdir(parents=True)
            return links.plan(ID, "eth7", list(allocations))

    def test_addresses_of_one_segment_share_an_interface(self):
        first, second = self.planned(False, self.vlan_100, self.flat, self.also_100)
        self.assertEqual((first.kind, first.name, first.vlan, first.vlan_device), ("macvlan", "eth0", 100, "eth7.100"))
        self.assertEqual(first.allocations, [self.vlan_100, self.also_100])
        self.assertEqual((second.name, second.vlan, second.vlan_device), ("eth1", None, None))
        self.assertEqual({len(first.host_name), len(second.host_name)}, {15})
        self.assertNotEqual(first.host_name, second.host_name)

    def test_a_bridge_gets_a_port(self):
        (link,) = self.planned(True, self.vlan_100)
        self.assertEqual((link.kind, link.vlan, link.vlan_device), ("veth", 100, None))

    def test_tunnels_and_missing_interfaces_are_refused(self):
        with self.assertRaises(Problem) as caught:
            self.planned(False, Allocation("10.0.0.5", 24, "vxlan", "a", segmentation_id=5))
        self.assertEqual(caught.exception.reason, "NetworkTypeNotSupported")
        with self.assertRaises(Problem) as caught:
            links.plan(ID, "absent0", [self.flat])
        self.assertEqual(caught.exception.reason, "InterfaceMissing")


class Quotas(unittest.TestCase):
    mounts = "\n".join(
        [
            "1 0 8:1 / / rw - ext4 /dev/a rw",
            "2 1 8:2 / /srv rw - xfs /dev/b rw,prjquota",
            "3 1 8:3 / /srv/with\\040blank rw - ext4 /dev/c rw,usrquota",
            "4 1 8:4 / /new rw - ext4 /dev/d rw",
            "5 1 8:5 / /new rw master:1 - ext4 /dev/e rw,prjquota",
        ]
    )

    def test_the_file_system_of_a_path_is_found(self):
        for path, point in {
            "/": "/",
            "/x": "/",
            "/srv/y": "/srv",
            "/srvx": "/",
            "/srv/with blank/z": "/srv/with blank",
        }.items():
            found = quota.mount_of(Path(path), self.mounts)
            self.assertEqual(found and found[0], point, path)

    def test_projects_are_counted_where_the_option_is_on(self):
        for path, counted in {"/": False, "/srv": True, "/srv/with blank": False, "/new/x": True}.items():
            found = quota.mount_of(Path(path), self.mounts)
            self.assertEqual(found is not None and quota.counts_projects(found[1], found[2]), counted, path)

    def test_project_numbers_are_not_used_twice(self):
        self.assertEqual(quota.free_project([]), quota.FIRST_PROJECT + 1)
        self.assertEqual(quota.free_project([quota.FIRST_PROJECT + 9, 5]), quota.FIRST_PROJECT + 10)


class Attributes(unittest.TestCase):
    def test_a_host_keeps_them_also_when_another_call_tries_it_at_the_same_time(self):
        gone = OSError(errno.ENODATA, "removed by another call")
        with mock.patch("os.setxattr"), mock.patch("os.removexattr", side_effect=gone):
            self.assertTrue(keeps_attributes(Layout("/srv/x")))
        with mock.patch("os.setxattr", side_effect=OSError(errno.ENOTSUP, "not supported")):
            self.assertFalse(keeps_attributes(Layout("/srv/x")))


class Rest(unittest.TestCase):
    def test_pauses_double_up_to_a_limit(self):
        self.assertEqual([pause_before_restart(n) for n in (0, 1, 2, 3, 50)], [0.25, 0.25, 0.5, 1.0, 30.0])

    def test_only_functions_of_the_package_can_be_named(self):
        self.assertIsNotNone(NAME.fullmatch("address_probe:probe_ipv4"))
        for name in ("os.path:join", "a:b:c", "../x:y", "A:b", ""):
            self.assertIsNone(NAME.fullmatch(name), name)


if __name__ == "__main__":
    unittest.main()
