"""smb.conf from data: what Samba reads back is what was meant."""

import unittest

from sharenet_samba.access import MOST_RULES, decide, refuse_what_does_not_fit
from sharenet_samba.address_range import normal_range, samba_range
from sharenet_samba.principals import name_problem, qualified
from sharenet_samba.problem import Problem
from sharenet_samba.request import WantedRule
from sharenet_samba.samba_settings import global_section
from sharenet_samba.share_section import share_section
from sharenet_samba.smbconf import checked_value, quoted_name, render
from sharenet_samba.state import Allocation, Owner, Rule, Share, State

ID = "11111111-2222-3333-4444-555555555555"


def a_state(**more) -> State:
    return State(Owner("i", "n"), ID, "name", "HOST", "br0", [Allocation("10.0.0.5", 24, "flat", "s")], **more)


def a_share(*rules: Rule) -> Share:
    return Share(ID, "share-1", 1 << 30, rules=list(rules))


class Values(unittest.TestCase):
    def test_values_that_mean_something_else_to_samba_are_refused(self):
        for value in ("a\nb", "a\rb", "a\0b", "a\x7f", "line\\", "a  b", " a", "a\t", "%U", "a%$(HOME)", "x" * 9000):
            with self.subTest(value=value), self.assertRaises(Problem) as caught:
                checked_value(value, "x")
            self.assertEqual(caught.exception.reason, "ValueNotRepresentable")

    def test_values_with_harmless_signs_stay_as_they_are(self):
        for value in ("a = b", "[x]", "a; b # c", "DOM\\user", "größe", ""):
            self.assertEqual(checked_value(value, "x"), value)

    def test_names_are_quoted_and_can_not_leave_the_quotes(self):
        self.assertEqual(quoted_name("Domain Users, all", "x"), '"Domain Users, all"')
        for name in ('a"b', ""):
            with self.assertRaises(Problem):
                quoted_name(name, "x")

    def test_sections_and_parameters_are_names(self):
        for sections in ({"a]\n[b": {}}, {"": {}}, {"global": {"a = b\nc": "d"}}, {"global": {"": "d"}}):
            with self.assertRaises(Problem):
                render(sections)


class Whole(unittest.TestCase):
    def test_the_directory_can_not_undo_the_isolation(self):
        state = a_state()
        wanted = {"interfaces": "0.0.0.0", "include": "/etc/passwd", "preexec": "sh", "realm": "A"}
        conf = {"global": global_section(state, {"global": wanted})}
        self.assertEqual(conf["global"]["interfaces"], "lo 10.0.0.5")
        self.assertEqual(conf["global"]["bind interfaces only"], "yes")
        self.assertEqual(conf["global"]["realm"], "A")
        self.assertFalse({"include", "preexec"} & conf["global"].keys())


class Sections(unittest.TestCase):
    def test_without_rules_a_share_is_not_available(self):
        self.assertEqual(share_section(a_share(), a_state())["available"], "no")

    def test_users_and_groups_have_their_levels(self):
        rules = (Rule("1", "user", "al ice", "rw", "user"), Rule("2", "user", "@staff", "ro", "group"))
        section = share_section(a_share(*rules), a_state())
        self.assertEqual(section["valid users"], '"al ice", +"staff"')
        self.assertEqual(section["write list"], '"al ice"')
        self.assertEqual(section["read only"], "yes")
        self.assertNotIn("hosts allow", section)

    def test_addresses_that_may_only_read_bind_users_that_may_write(self):
        rules = (Rule("1", "user", "alice", "rw", "user"), Rule("2", "ip", "10.0.0.0/255.0.0.0", "ro"))
        section = share_section(a_share(*rules), a_state())
        self.assertEqual(section["hosts allow"], "10.0.0.0/255.0.0.0")
        self.assertNotIn("write list", section)

    def test_bare_names_are_of_the_domain_of_the_day(self):
        state = a_state(sections={"global": {"security": "ads", "workgroup": "ADB", "realm": "B.TEST"}})
        share = a_share(Rule("1", "user", "eng", "rw", "group"))
        self.assertEqual(share_section(share, state)["valid users"], '+"ADB\\eng"')
        self.assertEqual(qualified("al@b.test", state), "ADB\\al")
        self.assertEqual(qualified("al@a.test", state), "al@a.test")
        self.assertEqual(qualified("ADA\\al", state), "ADA\\al")
        for own in ("ADB\\al", "adb\\al", "b.test\\al", "B.TEST\\al"):
            self.assertEqual(qualified(own, state), "ADB\\al")
        self.assertEqual(qualified("al", a_state()), "al")


class Decisions(unittest.TestCase):
    wanted = [WantedRule("1", "user", "alice", "ro"), WantedRule("2", "user", "bob", "ro")]

    def test_a_rule_in_force_stays_while_the_directory_can_not_be_asked(self):
        share = a_share(Rule("1", "user", "alice", "rw", "user"))
        rules, results = decide(self.wanted, share, {})
        self.assertEqual(rules, [Rule("1", "user", "alice", "ro", "user")])
        self.assertEqual(results["1"], {})
        self.assertEqual(results["2"]["reason"], "DirectoryNotAnswering")

    def test_a_rule_in_force_goes_when_the_directory_has_no_such_name(self):
        share = a_share(Rule("1", "user", "alice", "rw", "user"))
        rules, results = decide(self.wanted, share, {"alice": None, "bob": "user"})
        self.assertEqual(rules, [Rule("2", "user", "bob", "ro", "user")])
        self.assertEqual(results["1"]["reason"], "AccessToUnknown")
        self.assertEqual(results["2"], {})

    def test_the_level_of_addresses_in_force_stays(self):
        share = a_share(Rule("old", "ip", "10.0.0.1", "ro"))
        wanted = [WantedRule("new", "ip", "10.0.0.2", "rw"), WantedRule("old", "ip", "10.0.0.1", "ro")]
        rules, results = decide(wanted, share, {})
        self.assertEqual([rule.id for rule in rules], ["old"])
        self.assertEqual(results["new"]["reason"], "AccessLevelNotSupported")

    def test_what_does_not_fit_is_refused_alone_and_rules_in_force_stay(self):
        share = a_share(Rule("last", "user", "zoe", "rw", "user"))
        other = Share("other", "share-2", 1)
        state = a_state(shares={ID: share, "other": other})
        users = [Rule(f"u{i}", "user", f"user-{i}", "rw", "user") for i in range(MOST_RULES)]
        addresses = [Rule(f"i{i}", "ip", f"10.0.{i // 256}.{i % 256}", "rw") for i in range(MOST_RULES)]
        rules, refused = refuse_what_does_not_fit([*users, *addresses, share.rules[0]], share, state)
        self.assertEqual(len(rules), 2 * MOST_RULES)
        self.assertEqual({key: each["reason"] for key, each in refused.items()}, {users[-1].id: "AccessRulesExceeded"})
        self.assertIn(share.rules[0], rules)
        # Those of other shares count, and what can't be written down is no failure of the others.
        other.rules = [Rule(f"o{i}", "user", "x" * 255, "rw", "user") for i in range(7550)]
        given = [Rule("bad", "user", 'a"b', "rw", "user"), *users[:500]]
        rules, refused = refuse_what_does_not_fit(given, share, state)
        self.assertEqual(refused["bad"]["reason"], "AccessToInvalid")
        self.assertTrue(0 < len(rules) < 500)

    def test_ranges_have_one_spelling_for_us_and_one_for_samba(self):
        ones = "ffff:ffff:ffff:ffff:ffff:ffff:ffff"
        for to, ours, written in (
            ("10.1.2.3", "10.1.2.3", "10.1.2.3"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.3"),
            ("10.1.2.3/8", "10.0.0.0/8", "10.0.0.0/255.0.0.0"),
            ("10.0.0.0/255.0.0.0", "10.0.0.0/8", "10.0.0.0/255.0.0.0"),
            ("FD00::/64", "fd00::/64", "fd00::/ffff:ffff:ffff:ffff:0000:0000:0000:0000"),
            ("fd00::1:0/112", "fd00::1:0/112", f"fd00::1:0/{ones}:0000"),
            ("fd00::1", "fd00::1", f"fd00::1/{ones}:ffff"),
            ("::/0", "::/0", "::/0000:0000:0000:0000:0000:0000:0000:0000"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8", "10.0.0.0/255.0.0.0"),
        ):
            self.assertEqual((normal_range(to), samba_range(to)), (ours, written), to)
        for to in ("ALL", "10.0.0.1 EXCEPT 10.0.0.2", "", "fe80::1%eth0", "fe80::%eth0/64"):
            self.assertIsNone(normal_range(to), to)

    def test_names_that_nobody_can_have_are_refused(self):
        for name in (
            "",
            "@",
            "@@a",
            "+@a",
            "a\nb",
            "-a",
            "a%U",
            'a"',
            "a=b",
            "a/b",
            "dom\\",
            "a\\b\\c",
            "S-1-1-0",
            "+s-1-5-32-544",
            " a",
            "a ",
            "x" * 256,
        ):
            self.assertIsNotNone(name_problem(name), name)
        for name in (
            "alice",
            "@staff",
            "+staff",
            "DOM\\alice",
            "al.ice@a.test",
            "Domain Users",
            "größe",
            "o'neil",
            "x" * 255,
        ):
            self.assertIsNone(name_problem(name), name)


if __name__ == "__main__":
    unittest.main()
