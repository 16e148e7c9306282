"""The host's administrator limits what the operator's key is good for."""

import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from sharenet_samba import restrictions
from sharenet_samba.layout import Layout
from sharenet_samba.problem import Problem
from sharenet_samba.restrictions import check_root, check_segments, interface_problem
from sharenet_samba.state import Allocation

FLAT = Allocation("10.0.0.5", 24, "flat", "s")


def vlan(number: int) -> Allocation:
    return Allocation("10.0.0.5", 24, "vlan", "s", segmentation_id=number)


class Restrictions(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "samba.json"
        patch = mock.patch.object(restrictions, "FILE", self.file)
        patch.start()
        self.addCleanup(patch.stop)

    def write(self, value: object) -> None:
        self.file.write_text(value if isinstance(value, str) else json.dumps(value))
        self.file.chmod(0o644)

    def reason(self, call, *arguments: object) -> str | None:
        try:
            call(*arguments)
        except Problem as problem:
            return problem.reason
        return None

    def test_without_the_file_everything_is_allowed(self):
        self.assertIsNone(self.reason(check_root, Layout("/srv/any")))
        self.assertIsNone(interface_problem("any0"))
        self.assertIsNone(self.reason(check_segments, "any0", [FLAT, vlan(4094)]))

    def test_what_is_not_listed_is_refused(self):
        self.write({"roots": ["/srv/sharenet"], "interfaces": {"br0": ["100-199", 300], "eth1": ["flat"], "eth2": []}})
        self.assertIsNone(self.reason(check_root, Layout("/srv/sharenet/")))
        for root in ("/srv/sharenet/below", "/srv", "/srv/sharenet2"):
            self.assertEqual(self.reason(check_root, Layout(root)), "RootNotAllowed")
        for interface, allocation, reason in [
            ("br0", vlan(100), None),
            ("br0", vlan(199), None),
            ("br0", vlan(300), None),
            ("br0", vlan(99), "SegmentNotAllowed"),
            ("br0", vlan(200), "SegmentNotAllowed"),
            ("br0", FLAT, "SegmentNotAllowed"),
            ("eth1", FLAT, None),
            ("eth1", vlan(100), "SegmentNotAllowed"),
            ("eth2", FLAT, "SegmentNotAllowed"),
            ("br0.100", FLAT, "InterfaceNotAllowed"),
        ]:
            with self.subTest(interface=interface, allocation=allocation):
                self.assertEqual(self.reason(check_segments, interface, [allocation]), reason)
        self.assertEqual(self.reason(check_segments, "br0", [vlan(100), vlan(5)]), "SegmentNotAllowed")

    def test_a_file_that_can_not_be_used_lets_nothing_through(self):
        sound = {"roots": [], "interfaces": {}}
        for value in (
            *("", "{", "[]", "null", "[" * 99999, {}, {"roots": []}, {**sound, "root": "/srv"}, {**sound, "roots": "/srv"}),
            *({**sound, "roots": ["srv"]}, {**sound, "roots": [1]}, {**sound, "interfaces": ["br0"]}),
            *({**sound, "interfaces": {"br0": each}} for each in ("flat", ["0"], [4095], ["9-5"], [True], ["1-"], [None], [1.5])),
        ):
            self.write(value)
            with self.subTest(value=value):
                self.assertEqual(self.reason(check_root, Layout("/srv/sharenet")), "HostRestrictionsInvalid")
                self.assertEqual(self.reason(check_segments, "br0", [FLAT]), "HostRestrictionsInvalid")

    def test_a_file_that_others_can_write_to_or_that_is_none_is_not_used(self):
        self.write({"roots": ["/srv/sharenet"], "interfaces": {}})
        self.file.chmod(0o666)
        self.assertEqual(self.reason(check_root, Layout("/srv/sharenet")), "HostRestrictionsInvalid")
        self.file.unlink()
        self.file.symlink_to("absent")
        self.assertEqual(self.reason(check_root, Layout("/srv/sharenet")), "HostRestrictionsInvalid")
        self.file.unlink()
        os.mkfifo(self.file)
        self.assertEqual(self.reason(check_root, Layout("/srv/sharenet")), "HostRestrictionsInvalid")


if __name__ == "__main__":
    unittest.main()
