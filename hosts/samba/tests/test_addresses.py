"""Addresses as text, and which of them a share server may have or use."""

import unittest

from sharenet_samba.access import normal_range
from sharenet_samba.address_policy import ALWAYS_DENIED, denied_networks, refusal
from sharenet_samba.addresses import parse_address, parse_network
from sharenet_samba.directory_service import ldap_address, parse_service
from sharenet_samba.problem import Problem
from sharenet_samba.request import Fields, server_of, settings_of

ID = "11111111-2222-3333-4444-555555555555"
NO_ADDRESSES = ("fe80::1%eth0", "fd00::1%", "fd00::1%1", "fd00::5%x; y", "fd00::1%\n", "", "10.1", 7, None, True, ["10.0.0.1"], {})


def allocation(address: object, **more: object) -> dict:
    return {"ipAddress": address, "prefixLength": 24, "networkType": "flat", "subnetName": "s", **more}


def server(*allocations: dict) -> Fields:
    return Fields({"server": {"id": ID, "name": "n", "hostname": "H", "allocations": list(allocations)}}, "request")


class Reading(unittest.TestCase):
    def refused(self, call, *arguments: object) -> Problem:
        with self.assertRaises(Problem, msg=repr(arguments)) as caught:
            call(*arguments)
        return caught.exception

    def test_a_text_that_is_no_plain_address_is_none(self):
        for text in NO_ADDRESSES:
            with self.subTest(text=text):
                for parse in (parse_address, parse_network):
                    self.assertRaises(ValueError, parse, text)
                self.assertEqual(refusal(text, []), "not an IP address")
                self.assertIsNone(normal_range(text))
                self.refused(server_of, server(allocation(text)))
                gateway = self.refused(server_of, server(allocation("fd00::7", prefixLength=64, gateway=text or 0)))
                self.assertIn("gateway" if text else "RequestInvalid", f"{gateway.message} {gateway.reason}")
                self.refused(settings_of, Fields({"settings": {"deniedRanges": [text]}}, "request"))

    def test_a_zone_is_refused_in_ranges_and_services(self):
        self.assertIsNone(normal_range("fe80::%eth0/64"))
        self.refused(settings_of, Fields({"settings": {"deniedRanges": ["fd00::%x/64"]}}, "request"))
        self.refused(ldap_address, "corp", "ldap://[fd00::1%25eth0]")
        self.refused(ldap_address, "corp", "fd00::1%eth0")
        service = {"name": "corp", "type": "active_directory", "domain": "corp.test", "user": "joiner", "password": "x"}
        for wrong in ({"dnsIPs": ["fd00::1%eth0"]}, {"dnsIPs": ["10.0.0.2"], "servers": ["fd00::1%eth0"]}):
            self.refused(parse_service, {**service, **wrong}, [])

    def test_settings_of_another_form_are_refused(self):
        for wrong in (
            [],
            {"deniedRanges": "10.0.0.0/8"},
            {"deniedRanges": [167772160]},
            {"updateDNS": "yes"},
            {"idmapRange": [1]},
            {"idmapRange": {"first": "1"}},
            {"idmapRange": {"size": 1.5}},
            {"idmapRange": {"count": 0}},
        ):
            with self.subTest(wrong=wrong):
                problem = self.refused(settings_of, Fields({"settings": wrong or [0]}, "request"))
                self.assertEqual(problem.reason, "RequestInvalid")
        self.assertEqual(settings_of(Fields({"settings": {"updateDNS": None}}, "request")), {})

    def test_an_address_of_no_single_machine_is_refused(self):
        for address in ("10.0.0.0", "10.0.0.255"):
            self.refused(server_of, server(allocation(address)))
        self.refused(server_of, server(allocation("fd00::", prefixLength=64)))
        self.refused(server_of, server(allocation("10.0.0.1", gateway="10.0.0.1")))
        self.refused(server_of, server(allocation("10.0.0.7"), allocation("10.0.0.1", gateway="10.0.0.7")))
        self.refused(server_of, server(allocation("10.0.0.7"), allocation("10.0.0.7")))
        for sound in (allocation("10.0.0.0", prefixLength=31), allocation("fd00::ffff:ffff", prefixLength=96)):
            server_of(server(sound))

    def test_an_address_that_is_always_denied_is_no_server_s(self):
        for text in ("::ffff:10.0.0.1", "64:ff9b::a00:1", "169.254.1.1", "168.63.129.16", "fd00:ec2::254", "fe80::7"):
            self.refused(server_of, server(allocation(text, prefixLength=20)))


class Denied(unittest.TestCase):
    def test_addresses_where_clouds_give_credentials_are_denied(self):
        for address in (
            *("169.254.169.254", "169.254.170.2", "169.254.42.42", "168.63.129.16", "100.100.100.200", "100.96.0.96"),
            *("192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fe80::a9fe:a9fe"),
            *("fd00:42::42", "fd00:100::100:200", "fd00:a9fe:a9fe::1"),
        ):
            self.assertIsNotNone(refusal(address, []), address)
        for beside in ("168.63.129.17", "100.100.100.201", "192.0.0.193", "fd20:ce::253", "fd00:ec3::254", "8.8.8.8"):
            self.assertIsNone(refusal(beside, []), beside)

    def test_ipv6_forms_of_ipv4_addresses_lead_around_no_denial(self):
        denied = denied_networks(["10.96.0.0/12"])
        for address in (
            *("::ffff:169.254.169.254", "::ffff:10.96.0.1", "::169.254.169.254", "64:ff9b::a9fe:a9fe"),
            *("64:ff9b::10.96.0.1", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::", "2002:a9fe:a9fe::1"),
            *("2002:a60:1::", "2001:0:a9fe:a9fe::1", "0:0:0:0:0:ffff:a60:1", "fec0::1"),
        ):
            self.assertIsNotNone(refusal(address, denied), address)

    def test_what_is_denied_is_written_as_ranges_without_host_bits(self):
        texts = [str(network) for network, _ in ALWAYS_DENIED]
        self.assertEqual(len(texts), len(set(texts)))


if __name__ == "__main__":
    unittest.main()
