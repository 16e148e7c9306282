"""Addresses and quota projects are given once on a host, whatever root they are for."""

import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from sharenet_samba import host_registry, quota
from sharenet_samba.deadline import Deadline
from sharenet_samba.layout import Layout
from sharenet_samba.problem import Problem
from sharenet_samba.segments import segments_of
from sharenet_samba.state import Allocation, Owner, Share, State, save_state

ONE, TWO = "11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555"
SHARE = "33333333-2222-3333-4444-555555555555"
OTHER = "55555555-2222-3333-4444-555555555555"


def device(name: str, kind: str | None = None, **more: object) -> dict:
    info = {} if kind is None else {"linkinfo": {"info_kind": kind, "info_data": {"id": more.pop("id", None)}}}
    return {"ifname": name, **info, **more}


DEVICES = {
    each["ifname"]: each
    for each in (
        device("eth0"),
        device("eth1"),
        device("eth2", master="bond0"),
        device("bond0", "bond"),
        device("eth0.100", "vlan", link="eth0", id=100, master="br100"),
        device("br100", "bridge"),
        device("sn0", "veth", link="eth0", master="br100", ifalias="sharenet-samba"),
        device("patch0", "veth", link="patch1", master="br100"),
        device("patch1", "veth", link="patch0"),
        device("mac0", "macvlan", link="eth0.100"),
    )
}


class Segments(unittest.TestCase):
    def same(self, left: tuple[str, int | None], right: tuple[str, int | None]) -> bool:
        return bool(segments_of(*left, DEVICES) & segments_of(*right, DEVICES))

    def test_one_segment_is_known_by_all_of_its_names(self):
        for left, right in [
            (("eth0", 100), ("eth0.100", None)),
            (("eth0", 100), ("br100", None)),
            (("br100", None), ("mac0", None)),
            (("br100", 7), ("eth0.100", 7)),
            (("br100", None), ("patch1", None)),
            (("eth2", None), ("bond0", None)),
            (("gone0", 5), ("gone0", 5)),
        ]:
            self.assertTrue(self.same(left, right) and self.same(right, left), (left, right))

    def test_others_are_others(self):
        for left, right in [
            (("eth0", None), ("eth0", 100)),
            (("eth0", 100), ("eth0", 101)),
            (("eth0", None), ("eth1", None)),
            (("br100", None), ("eth0", None)),
            (("bond0", None), ("eth0", None)),
        ]:
            self.assertFalse(self.same(left, right), (left, right))


class Claims(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name, value in {
            "FOLDER": self.folder / "var",
            "read_devices": lambda: DEVICES,
            "host_addresses": lambda: {"10.0.0.1", "fd00::1"},
        }.items():
            patch = mock.patch.object(host_registry, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.a, self.b = self.root("a"), self.root("b")

    def root(self, name: str) -> Layout:
        (self.folder / name).mkdir(mode=0o700)
        layout = Layout(str(self.folder / name))
        layout.servers.mkdir()
        return layout

    def store(self, layout: Layout, server_id: str, allocation: Allocation, project: int | None = None) -> None:
        state = State(Owner("i", "n"), server_id, "n", "H", "eth0", [allocation])
        if project is not None:
            state.shares = {SHARE: Share(SHARE, "share", 1, project)}
        layout.server(server_id).base.mkdir(exist_ok=True)
        save_state(layout.server(server_id).state, state)

    def claim(self, layout: Layout, server_id: str, address: str, interface: str = "eth0", vlan: int | None = None) -> None:
        allocation = Allocation(address, 24, "flat" if vlan is None else "vlan", "s", segmentation_id=vlan)
        with host_registry.host_lock(Deadline(5)):
            host_registry.claim(layout, server_id, interface, [allocation])
            self.store(layout, server_id, allocation)

    def refused(self, *arguments) -> Problem:
        with self.assertRaises(Problem, msg=repr(arguments)) as caught:
            self.claim(*arguments)
        self.assertEqual(caught.exception.reason, "AddressInUse")
        return caught.exception

    def test_no_server_gets_an_address_of_the_host(self):
        for address in ("10.0.0.1", "fd00::1"):
            self.assertIn("host itself", self.refused(self.a, ONE, address).message)
            self.refused(self.a, ONE, address, "eth1", 7)

    def test_no_server_gets_the_address_of_another_one_whatever_its_root(self):
        self.claim(self.a, ONE, "10.0.0.5", "eth0", 100)
        self.claim(self.a, ONE, "10.0.0.5", "eth0", 100)
        for layout in (self.a, self.b):
            problem = self.refused(layout, TWO, "10.0.0.5", "br100")
            self.assertNotIn(ONE, problem.message)
            self.assertIn(ONE, problem.detail or "")
        for interface, vlan in (("eth0", None), ("eth0", 101), ("eth1", 100)):
            self.claim(self.b, TWO, "10.0.0.5", interface, vlan)
        self.claim(self.b, TWO, "10.0.0.6")
        self.claim(self.a, ONE, "10.0.0.7")
        self.claim(self.b, TWO, "10.0.0.5", "eth0", 100)

    def test_a_server_that_is_gone_leaves_its_address(self):
        self.claim(self.a, ONE, "10.0.0.5")
        with host_registry.host_lock(Deadline(5)):
            host_registry.release(self.a, ONE)
        self.claim(self.b, TWO, "10.0.0.5")
        # Removed by a call that was killed before it said so.
        shutil.rmtree(self.b.server(TWO).base)
        self.claim(self.a, ONE, "10.0.0.5")

    def test_a_claim_whose_call_was_killed_before_the_state_was_stored_is_void(self):
        with host_registry.host_lock(Deadline(5)):
            host_registry.claim(self.a, ONE, "eth0", [Allocation("10.0.0.5", 24, "flat", "s")])
        self.claim(self.b, TWO, "10.0.0.5")
        self.refused(self.a, ONE, "10.0.0.5")

    def test_a_root_that_is_not_mounted_keeps_its_addresses(self):
        self.claim(self.a, ONE, "10.0.0.5")
        self.a.root.rename(self.folder / "elsewhere")
        self.refused(self.b, TWO, "10.0.0.5")

    def test_servers_and_projects_that_are_older_than_the_registry_are_known(self):
        self.store(self.a, ONE, Allocation("10.0.0.5", 24, "flat", "s"), quota.FIRST_PROJECT + 9)
        self.a.server(TWO).base.mkdir()
        self.a.server(TWO).state.write_text("{")
        host_registry.register(self.a, Deadline(5))
        self.refused(self.b, TWO, "10.0.0.5")
        with host_registry.host_lock(Deadline(5)):
            self.assertEqual(host_registry.new_project(self.b), quota.FIRST_PROJECT + 10)

    def test_a_project_is_given_once_whatever_the_root(self):
        with host_registry.host_lock(Deadline(5)):
            given = [host_registry.new_project(layout) for layout in (self.a, self.b, self.a)]
        self.assertEqual(len(set(given)), 3)
        self.assertGreater(min(given), quota.FIRST_PROJECT)

    def test_a_number_that_two_roots_of_a_former_version_gave_is_found(self):
        share = Share(SHARE, "share", 1, 7)
        self.store(self.a, ONE, Allocation("10.0.0.5", 24, "flat", "s"), 7)
        host_registry.register(self.a, Deadline(5))
        self.assertFalse(host_registry.is_project_shared(self.a, share))
        other = State(Owner("i", "n"), TWO, "n", "H", "eth0", [], shares={OTHER: Share(OTHER, "other", 1, 7)})
        self.b.server(TWO).base.mkdir()
        save_state(self.b.server(TWO).state, other)
        host_registry.register(self.b, Deadline(5))
        self.assertTrue(host_registry.is_project_shared(self.a, share))
        self.assertFalse(host_registry.is_project_shared(self.a, Share(SHARE, "share", 1, 8)))
        # Each file system counts by itself.
        with mock.patch.object(quota, "point_of", str):
            self.assertFalse(host_registry.is_project_shared(self.a, share))

    def test_a_damaged_registry_is_reported_and_not_overwritten(self):
        self.claim(self.a, ONE, "10.0.0.5")
        path = self.folder / "var/registry.json"
        for text in ("", "[]", "{}", '{"format": 9}', '{"format": 1, "what": 2}', '{"format": 1, "servers": 7}'):
            path.write_text(text)
            with self.subTest(text=text), self.assertRaises(Problem) as caught:
                self.claim(self.b, TWO, "10.0.0.6")
            self.assertEqual(caught.exception.reason, "HostRegistryUnreadable")
            self.assertEqual(path.read_text(), text)


if __name__ == "__main__":
    unittest.main()
