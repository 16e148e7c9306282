"""Names of a directory: the cases are those of the operator's parser, too."""

import json
import unittest
from pathlib import Path

from sharenet_samba.distinguished_name import DNError, escaped, parent_of, parse_dn, same_name

CASES = json.loads((Path(__file__).parent / "distinguished-names.json").read_text(encoding="utf-8"))


class Names(unittest.TestCase):
    def test_every_spelling_is_read_and_written_in_one(self):
        for given, written in CASES["valid"]:
            with self.subTest(given=given):
                self.assertEqual(str(parse_dn(given)), written)
                self.assertEqual(str(parse_dn(written)), written)

    def test_what_is_wrong_is_told_with_its_place(self):
        for given, why in CASES["invalid"]:
            with self.subTest(given=given), self.assertRaises(DNError) as caught:
                parse_dn(given)
            self.assertEqual(str(caught.exception), why)

    def test_names_are_compared_as_a_directory_does(self):
        for left, right in CASES["same"]:
            self.assertTrue(same_name(left, right), (left, right))
        for left, right in CASES["different"]:
            self.assertFalse(same_name(left, right), (left, right))
        self.assertTrue(same_name("no name", "no name"))
        self.assertFalse(same_name("no name", "NO NAME"))

    def test_what_is_below_another_and_what_it_is_in(self):
        base = parse_dn("DC=corp,DC=test")
        for within in ("DC=corp,DC=test", "ou=x, dc=CORP, dc=test", "cn=a\\,b;dc=corp;dc=test"):
            self.assertTrue(parse_dn(within).is_within(base), within)
        for outside in ("DC=test", "OU=x,DC=xcorp,DC=test", "OU=x\\,DC=corp,DC=test2", ""):
            self.assertFalse(parse_dn(outside).is_within(base), outside)
        self.assertEqual(parent_of("CN=a\\,b, OU=c,DC=d"), "OU=c,DC=d")
        self.assertEqual(parent_of("nothing"), "")

    def test_a_value_means_itself(self):
        for value in (' #a "x" ', "a,b+c", "\\", "a\0b", "#", "ä=;<>"):
            self.assertEqual(parse_dn(f"CN={escaped(value)},DC=x").parts[0][0].value, value)


if __name__ == "__main__":
    unittest.main()
