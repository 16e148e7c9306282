"""Which routes keep a share server from denied ranges."""

import unittest

from sharenet_samba.address_policy import ALWAYS_DENIED
from sharenet_samba.addresses import parse_network
from sharenet_samba.denied_routes import changes, wanted_routes
from sharenet_samba.state import Allocation, Owner, State

RULE = {"priority": 100, "table": "100"}


def wanted(*ranges: str, version: int = 4) -> dict[str, str]:
    own = [Allocation("10.0.0.5", 24, "flat", "s"), Allocation("fd00::5", 64, "flat", "s")]
    state = State(Owner("i", "n"), "x", "n", "H", "eth0", own, settings={"deniedRanges": list(ranges)})
    return {str(network): kind for network, kind in wanted_routes(state, version).items()}


class Routes(unittest.TestCase):
    def test_what_is_always_denied_has_a_route_in_every_server(self):
        for version in (4, 6):
            routes = wanted(version=version)
            for network, _ in ALWAYS_DENIED:
                if network.version == version:
                    self.assertEqual(routes[str(network)], "prohibit")

    def test_a_range_denies_all_but_the_subnets_of_the_server(self):
        for ranges in (["10.0.0.0/8"], ["10.0.0.0/24"], ["0.0.0.0/0"]):
            routes = wanted(*ranges)
            self.assertEqual(routes["10.0.0.0/24"], "throw", ranges)
            self.assertIn(routes[ranges[0]], ("prohibit", "throw"))
        self.assertEqual(wanted("::/0", version=6)["fd00::/64"], "throw")

    def test_a_range_within_a_subnet_is_denied_also_when_it_contains_the_server(self):
        routes = wanted("10.0.0.0/25", "10.0.0.9/32")
        self.assertEqual((routes["10.0.0.0/25"], routes["10.0.0.9/32"]), ("prohibit", "prohibit"))

    def test_only_what_differs_is_changed_and_nothing_denied_is_reached_in_between(self):
        before = {parse_network(each): "prohibit" for each in ("10.0.0.0/8", "0.0.0.0/0")}
        shown = [
            {"type": "prohibit", "dst": "10.0.0.0/8", "table": "100"},
            {"type": "prohibit", "dst": "default", "table": 100},
            {"type": "unicast", "dst": "10.1.0.0/16"},
            {"type": "local", "dst": "10.0.0.5", "table": "local"},
        ]
        self.assertEqual(changes(before, shown, [RULE], 4), [])
        after = {parse_network("10.0.0.0/9"): "prohibit", parse_network("10.0.0.0/24"): "throw"}
        self.assertEqual(
            changes(after, shown, [RULE], 4),
            [
                "route replace throw 10.0.0.0/24 table 100",
                "route replace prohibit 10.0.0.0/9 table 100",
                "route del prohibit 10.0.0.0/8 table 100",
                "route del prohibit 0.0.0.0/0 table 100",
            ],
        )

    def test_the_routes_of_a_former_version_are_taken_away_after_the_new_ones_are_there(self):
        shown = [{"type": "prohibit", "dst": "169.254.0.0/16"}]
        lines = changes({parse_network("169.254.0.0/16"): "prohibit"}, shown, [], 4)
        self.assertEqual(
            lines,
            [
                "route replace prohibit 169.254.0.0/16 table 100",
                "rule add priority 100 lookup 100",
                "route del prohibit 169.254.0.0/16 table main",
            ],
        )


if __name__ == "__main__":
    unittest.main()
