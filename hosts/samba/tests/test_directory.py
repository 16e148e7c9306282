"""What the directory code decides without a directory."""

import struct
import unittest

from sharenet_samba.account_expiry import earliest, expiry_of
from sharenet_samba.address_policy import denied_networks, refusal
from sharenet_samba.directory_data import DirectoryConnection, DirectoryError, Entry, filter_value, parse_ldif
from sharenet_samba.directory_service import DirectoryService, is_host_name, ldap_address, parse_service
from sharenet_samba.command import Completed
from sharenet_samba.domain_survey import _identity, organizational_unit_dn
from sharenet_samba.inside import read_answer
from sharenet_samba.idmap import as_details, range_of
from sharenet_samba.ldap_survey import ENCRYPTED, MOST_VERIFIED, VERIFIED, LDAPSurvey, remember_verified
from sharenet_samba.ldap_tls import Malformed as MalformedLDAP
from sharenet_samba.ldap_tls import start_tls_result
from sharenet_samba.name_server import Malformed, parse_answer
from sharenet_samba.problem import Problem, unavailable

SETTINGS = {"first": 1000, "size": 100, "count": 3}
AD = {
    "id": "1",
    "name": "ad",
    "type": "active_directory",
    "dnsIPs": ["10.0.0.2"],
    "domain": "Corp.Example.",
    "user": "joiner",
    "password": "p",
}


class Ranges(unittest.TestCase):
    def test_a_domain_keeps_its_range_and_no_other_gets_it(self):
        directory = {}
        self.assertEqual(range_of(directory, "S-1", SETTINGS), (1100, 1199))
        self.assertEqual(range_of(directory, "S-2", SETTINGS), (1200, 1299))
        self.assertEqual(tuple(range_of(directory, "S-1", SETTINGS)), (1100, 1199))
        self.assertEqual(as_details(directory), "S-1=1100-1199 S-2=1200-1299")
        with self.assertRaises(Problem) as caught:
            range_of(directory, "S-3", SETTINGS)
        self.assertEqual(caught.exception.reason, "IDRangesExhausted")

    def test_changed_settings_move_no_range_and_overlap_none(self):
        directory = {}
        range_of(directory, "S-1", SETTINGS)
        changed = {"first": 1050, "size": 30, "count": 20}
        first, last = range_of(directory, "S-2", changed)
        self.assertGreater(first, 1199)
        self.assertEqual(last - first, 29)
        self.assertEqual(tuple(range_of(directory, "S-1", changed)), (1100, 1199))


class Addresses(unittest.TestCase):
    def test_what_is_no_address_of_another_machine_is_refused(self):
        denied = denied_networks(["10.96.0.0/12", "fd00:1::/32"])
        refused = ["127.0.0.1", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "224.0.0.1", "255.255.255.255"]
        for address in [
            *refused,
            "::ffff:127.0.0.1",
            "10.96.0.10",
            "::ffff:10.96.0.10",
            "fd00:1::5",
            "240.0.0.1",
            "nonsense",
            "127.1",
        ]:
            with self.subTest(address=address):
                self.assertIsNotNone(refusal(address, denied))
        for address in ("10.0.0.2", "192.168.1.1", "fd00:2::5"):
            self.assertIsNone(refusal(address, denied))


class Services(unittest.TestCase):
    def test_an_account_is_taken_in_the_forms_that_people_write(self):
        for user in ("joiner", "CORP\\joiner", "joiner@corp.example", "joiner@CORP.EXAMPLE"):
            service = parse_service({**AD, "user": user}, [])
            self.assertEqual(
                (service.user, service.realm, service.base_dn), ("joiner", "CORP.EXAMPLE", "DC=corp,DC=example")
            )

    def test_an_account_of_another_domain_is_refused_in_words(self):
        for user, other in (("joiner@OTHER.TEST", "OTHER.TEST"), ("other.test\\joiner", "other.test")):
            with self.assertRaises(Problem) as caught:
                parse_service({**AD, "user": user}, [])
            self.assertIn(f"user names an account of '{other}'", caught.exception.message)
        # Whether it is the domain's own name is known by its controllers only.
        self.assertEqual(parse_service({**AD, "user": "OTHER\\joiner"}, []).user_domain, "OTHER")

    def test_a_server_may_end_with_the_dot_of_the_root(self):
        self.assertEqual(parse_service({**AD, "servers": ["dc1.corp.example."]}, []).servers, ("dc1.corp.example",))
        for given in ("ldap.corp.example.", "ldaps://ldap.corp.example.", "ldap.corp.example.:390"):
            self.assertEqual(ldap_address("x", given).host, "ldap.corp.example")

    def test_an_ldap_user_is_a_distinguished_name(self):
        ldap = {"name": "l", "type": "ldap", "servers": ["10.0.0.3"], "password": "p"}
        self.assertEqual(parse_service({**ldap, "user": "cn = samba; dc=test"}, []).user, "cn=samba,dc=test")
        domains = {
            "corp.test.": ("corp.test", ""),
            "DC=corp, DC=test": ("corp.test", "DC=corp,DC=test"),
            "o=x": ("", "o=x"),
        }
        for given, expected in domains.items():
            service = parse_service({**ldap, "user": "cn=a", "domain": given}, [])
            self.assertEqual((service.domain, service.base), expected)
        for wrong, why in (
            ({"user": "cn=a", "domain": "dc=a,,"}, "domain is no distinguished name"),
            ({"user": "samba"}, "user must be the DN"),
            ({"user": "cn=a,,dc=b"}, "user is no distinguished name: a part is empty (at character 6)"),
            ({"user": "cn=a", "ou": "files"}, "ou must be a DN"),
            ({"user": "cn=a", "ou": "ou=a + b #1"}, "ou is no distinguished name: "),
        ):
            with self.subTest(wrong=wrong), self.assertRaises(Problem) as caught:
                parse_service({**ldap, **wrong}, [])
            self.assertEqual(caught.exception.kind, "Rejected")
            self.assertIn(why, caught.exception.message)

    def test_hostile_values_are_refused(self):
        for wrong in (
            {"user": "-X"},
            {"user": "a/b"},
            {"user": "joiner@other"},
            {"user": "other.test\\joiner"},
            {"user": "CORP\\joiner@other.test"},
            {"ou": "OU=A + B #1"},
            {"domain": "corp"},
            {"domain": "a b.c"},
            {"domain": "-a.b"},
            {"password": "a\nb"},
            {"password": None},
            {"dnsIPs": []},
            {"servers": ["a b"]},
            {"servers": ["-x.corp"]},
            {"defaultADSite": "a.b"},
            {"ou": "a\nb"},
        ):
            with self.subTest(wrong=wrong), self.assertRaises(Problem) as caught:
                parse_service({**AD, **wrong}, [])
            self.assertEqual(caught.exception.reason, "SecurityServiceInvalid")

    def test_an_organizational_unit_may_be_a_path_or_a_name_of_the_directory(self):
        base = "DC=corp,DC=example"
        cases = {
            "Servers": f"OU=Servers,{base}",
            "Servers/File servers": f"OU=File servers,OU=Servers,{base}",
            "OU=Servers": f"OU=Servers,{base}",
            f"OU=Servers,{base}": f"OU=Servers,{base}",
            "a,b": f"OU=a\\,b,{base}",
            "corp.example/Servers/Files": f"OU=Files,OU=Servers,{base}",
            "OU=Servers, DC=corp, DC=example": f"OU=Servers,{base}",
            "ou=Servers;dc=CORP;dc=example": "ou=Servers,dc=CORP,dc=example",
            "CN=Computers": f"CN=Computers,{base}",
            base: base,
        }
        for given, dn in cases.items():
            self.assertEqual(organizational_unit_dn(parse_service({**AD, "ou": given}, []), base), dn)
        for other in ("OU=x,DC=other,DC=example", "OU=x,DC=xcorp,DC=example", "OU=x\\,DC=corp,DC=test"):
            with self.subTest(other=other), self.assertRaises(Problem) as caught:
                organizational_unit_dn(parse_service({**AD, "ou": other}, []), base)
            self.assertIn("not in the service's domain DC=corp,DC=example", caught.exception.message)

    def test_servers_of_ldap_are_verified_unless_the_service_says_otherwise(self):
        ldap = {"name": "l", "type": "ldap", "servers": ["10.0.0.3"], "user": "cn=a", "password": "p"}
        self.assertEqual((parse_service(ldap, []).tls_required, parse_service(ldap, []).authorities), (True, ""))
        for tls in ({}, {"mode": "Required"}, {"mode": None, "caBundle": None}):
            self.assertTrue(parse_service({**ldap, "tls": tls}, []).tls_required)
        self.assertFalse(parse_service({**ldap, "tls": {"mode": "Opportunistic"}}, []).tls_required)
        for tls, why in (
            ("Required", "tls must have"),
            ({"mode": "Never"}, "tls.mode must be"),
            ({"caBundle": "x"}, "tls.caBundle must be certificates"),
            ({"caBundle": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "can't be read"),
            ({"caBundle": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, "and nothing else"),
            ({"caBundle": " " * 20_000}, "at most 16384"),
        ):
            with self.subTest(tls=tls), self.assertRaises(Problem) as caught:
                parse_service({**ldap, "tls": tls}, [])
            self.assertIn(why, caught.exception.message)

    def test_one_way_to_protect_connections_is_for_all_servers(self):
        ldap = {"name": "l", "type": "ldap", "user": "cn=a", "password": "p"}
        with self.assertRaises(Problem) as caught:
            parse_service({**ldap, "servers": ["ldaps://a.test", "ldap://b.test"]}, [])
        self.assertIn("all ldap or all ldaps", caught.exception.message)

    def test_a_name_that_programs_take_for_an_address_or_this_machine_is_none(self):
        for text in ("127.1", "0x7f000001", "2130706433", "a.0X7F", "1.2.3", "localhost", "x.LocalHost", "a..b", ""):
            with self.subTest(text=text):
                self.assertFalse(is_host_name(text))
        for text in ("ldap.corp.test", "1.dc", "0xy", "x0x7f", "localhost.corp"):
            self.assertTrue(is_host_name(text), text)

    def test_ldap_servers_are_hosts_or_plain_urls(self):
        cases = {
            "ldap.corp.example": "ldap://ldap.corp.example:389",
            "10.0.0.2:3890": "ldap://10.0.0.2:3890",
            "fd00::2": "ldap://[fd00::2]:389",
            "ldaps://ldap.corp.example": "ldaps://ldap.corp.example:636",
        }
        for given, url in cases.items():
            self.assertEqual(ldap_address("x", given).url(), url)
        for given in (
            "http://x",
            "ldap://u:p@x",
            "ldap://x/dc=x",
            "ldap://x?y",
            "ldapi:///run/x",
            "a b",
            "ldap://x:99999",
            "",
        ):
            with self.subTest(given=given), self.assertRaises(Problem):
                ldap_address("x", given)


class Verified(unittest.TestCase):
    def survey(self, protection: str, *urls: str, **more) -> LDAPSurvey:
        service = DirectoryService("1", "l", "ldap", **more)
        return LDAPSurvey(service, list(urls), {}, True, protection, "dc=x", "X", "S-1")

    def test_what_was_verified_is_remembered_by_name_and_by_domain(self):
        directory: dict = {}
        remember_verified(directory, self.survey(ENCRYPTED, "ldap://a.test:389", servers=("a.test",)))
        self.assertEqual(directory, {})
        remember_verified(directory, self.survey(VERIFIED, "ldap://A.test:389", servers=("A.test",)))
        remember_verified(directory, self.survey(VERIFIED, "ldaps://a.test:636", domain="b.test"))
        self.assertEqual(set(directory["verifiedLDAP"]), {"a.test", "_ldap._tcp.b.test"})
        for number in range(200):
            remember_verified(directory, self.survey(VERIFIED, f"ldap://{number}.test:389", servers=("x",)))
        self.assertEqual(len(directory["verifiedLDAP"]), MOST_VERIFIED)
        self.assertIn("199.test", directory["verifiedLDAP"])


class Telling:
    """Answers each question with the same entry."""

    def __init__(self, **values: str) -> None:
        self.entry = Entry("DC=x", {name.lower(): [value] for name, value in values.items()})

    def search(self, *_: object) -> list[Entry]:
        return [self.entry]


class Identity(unittest.TestCase):
    sid = "S-1-5-21-1-2-4294967295"

    def test_what_a_controller_calls_its_domain_is_a_name_and_a_sid(self):
        known = _identity(Telling(objectSid=self.sid, nETBIOSName="CORP"), "DC=x", "S1", "domain x")
        self.assertEqual(known, ("CORP", self.sid))
        for name in ("", "A" * 16, "A B", "A\n[x]", "%m", "*", "A : range", "\u0661", "-A", "Builtin", "s1"):
            self.refuses(objectSid=self.sid, nETBIOSName=name)
        for sid in ("", "S-1-5-21-1-2", f"{self.sid}-500", "S-1-5-21-1-2-3 x", "S-1-5-32-544", "S-1-5-21-1-2-\u0663"):
            self.refuses(objectSid=sid, nETBIOSName="CORP")

    def refuses(self, **told: str) -> None:
        with self.subTest(**told), self.assertRaises(Problem) as caught:
            _identity(Telling(**told), "DC=x", "S1", "domain x")
        self.assertEqual((caught.exception.kind, caught.exception.reason), ("Rejected", "DomainInvalid"))


class Steps(unittest.TestCase):
    def test_an_answer_that_is_none_may_be_another_one_next_time(self):
        for text in (b"", b"x", b"[]", b"1", b"null", b"{}", b'{"ok": true}', b'{"ok": false, "error": 1}',
                     b'{"ok": true, "result": []}', b'{"ok": false, "error": {"kind": "x", "reason": "", "message": ""}}',
                     b"[" * 100_000, b"9" * 10_000):  # fmt: skip
            with self.subTest(text=text[:40]), self.assertRaises(Problem) as caught:
                read_answer(Completed(1, text, b""), "x:y")
            self.assertEqual((caught.exception.kind, caught.exception.reason), ("Unavailable", "FunctionFailed"))


class StartTLS(unittest.TestCase):
    def test_the_result_of_the_extended_operation_is_read(self):
        taken = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"
        self.assertEqual(start_tls_result(taken), 0)
        self.assertEqual(start_tls_result(taken.replace(b"\x0a\x01\x00", b"\x0a\x01\x02")), 2)
        for wrong in (b"", b"\x30", taken[:-1], taken.replace(b"\x78", b"\x61"), b"\x30\x84\xff\xff\xff\xff"):
            with self.subTest(wrong=wrong), self.assertRaises(MalformedLDAP):
                start_tls_result(wrong)


class Answering:
    """A connection whose only answer is given; `expression` is what it was asked."""

    def __init__(self, answer: list[Entry] | DirectoryError) -> None:
        self.answer = answer
        self.expression = ""

    def search(self, _base: str, _scope: str, expression: str, _attributes: list[str]) -> list[Entry]:
        self.expression = expression
        if isinstance(self.answer, DirectoryError):
            raise self.answer
        return self.answer


class Expiry(unittest.TestCase):
    never = str(0x7FFFFFFFFFFFFFFF)
    march, april = "134167968000000000", "134194752000000000"

    def test_the_first_of_password_and_account_to_expire_is_told(self):
        cases = {
            (self.march, self.never): "2026-03-01T00:00:00Z",
            (self.march, "0"): "2026-03-01T00:00:00Z",
            (self.march, ""): "2026-03-01T00:00:00Z",
            (self.april, self.march): "2026-03-01T00:00:00Z",
            (self.never, self.march): "2026-03-01T00:00:00Z",
            (self.never, self.never): "never",
            (self.never, "0"): "never",
            # Not readable, to be changed at a login, no numbers.
            ("", ""): "unknown",
            ("", self.march): "unknown",
            ("0", self.march): "unknown",
            ("x", self.march): "unknown",
            ("-1", self.march): "unknown",
            (self.march, "-1"): "unknown",
        }
        for values, expected in cases.items():
            with self.subTest(values=values):
                self.assertEqual(earliest(*values), expected)

    def test_it_is_that_of_the_account_itself_and_no_answer_is_no_error(self):
        service = parse_service({**AD, "user": "join(er"}, [])
        named = Entry("CN=1", {"samaccountname": ["Join(er"], "msds-userpasswordexpirytimecomputed": [self.march]})
        alias = Entry("CN=2", {"samaccountname": ["other"], "msds-userpasswordexpirytimecomputed": [self.april]})
        connection = Answering([alias, named])
        self.assertEqual(expiry_of(connection, service, service.base_dn), "2026-03-01T00:00:00Z")
        name = "join\\28er"
        self.assertEqual(connection.expression, f"(|(sAMAccountName={name})(userPrincipalName={name}@corp.example))")
        self.assertEqual(expiry_of(Answering([alias]), service, service.base_dn), "2026-04-01T00:00:00Z")
        self.assertEqual(expiry_of(Answering([]), service, service.base_dn), "unknown")
        self.assertEqual(expiry_of(Answering(DirectoryError(None, "")), service, service.base_dn), "unknown")


class Data(unittest.TestCase):
    def test_entries_are_read_with_long_and_encoded_lines(self):
        record = "# record 1\ndn: CN=a,DC=b\ndescription: one\n  two\nobjectSid:: Uy0xLTU=\n\n"
        text = f"{record}# Referral\nref: ldap://x\n\n# returned 1\n"
        [entry] = parse_ldif(text)
        self.assertEqual(
            (entry.dn, entry.first("description"), entry.first("objectsid")), ("CN=a,DC=b", "one two", "S-1-5")
        )

    def test_values_and_names_of_excessive_length_are_left_out(self):
        long = "x" * 5000
        text = f"dn: CN=a\nobjectGUID: {long}\ncn: a\n\ndn: CN={long}\ncn: b\n"
        [entry] = parse_ldif(text)
        self.assertEqual((entry.dn, entry.values), ("CN=a", {"cn": ["a"]}))

    def test_a_flood_of_one_server_is_no_answer_so_that_the_next_one_is_asked(self):
        class Flooding:
            def inside(self, name: str) -> str:
                return name

            def run(self, *_: object, **__: object) -> None:
                raise unavailable("CommandOutputTooLong", "ldbsearch wrote too much")

        with self.assertRaises(DirectoryError) as caught:
            DirectoryConnection(Flooding(), "dc.corp.example").search("DC=a", "base", "(a=b)", ["cn"])
        self.assertIsNone(caught.exception.code)

    def test_values_in_searches_and_names_mean_themselves(self):
        self.assertEqual(filter_value("a*)(b\\"), "a\\2a\\29\\28b\\5c")


class Answers(unittest.TestCase):
    def answer(self, body: bytes, answers: int = 1, flags: int = 0x8180) -> bytes:
        return struct.pack(">HHHHHH", 7, flags, 0, answers, 0, 0) + body

    def test_records_are_read(self):
        a = b"\2dc\4corp\0" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([10, 0, 0, 2])
        code, truncated, records = parse_answer(self.answer(a), 7)
        self.assertEqual((code, truncated), (0, False))
        self.assertEqual(records, [{"name": "dc.corp", "type": "A", "address": "10.0.0.2"}])

    def test_what_is_no_answer_is_told_as_such(self):
        loop = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes(4)
        wrong = [
            b"",
            b"\0" * 5,
            self.answer(b"", flags=0x0100),
            self.answer(loop),
            self.answer(b"\2dc"),
            self.answer(b"\xff" * 40),
        ]
        for message in wrong:
            with self.subTest(message=message), self.assertRaises(Malformed):
                parse_answer(message, 7)
        with self.assertRaises(Malformed):
            parse_answer(self.answer(b"", 0), 8)


if __name__ == "__main__":
    unittest.main()
