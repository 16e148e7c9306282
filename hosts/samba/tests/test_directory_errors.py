"""Whose error each code of a directory is."""

import ctypes
import ctypes.util
import unittest

from sharenet_samba.directory_codes import (
    ADMINISTRATOR,
    KERBEROS,
    KINIT,
    LDAP,
    LOGON,
    NT_STATUS,
    OUTAGE,
    TENANT,
)
from sharenet_samba.directory_data import DirectoryError
from sharenet_samba.directory_errors import (
    SENTENCES,
    directory_problem,
    join_problem,
    kerberos_code,
    ldap_problem,
    login_problem,
)

# RFC 4511, appendix A, without success.
RFC_4511 = [*range(1, 9), *range(10, 15), *range(16, 22), *range(32, 35), 36, *range(48, 55), *range(64, 70), 71, 80]
KIND = {TENANT: "Rejected", ADMINISTRATOR: "Rejected", OUTAGE: "Unavailable"}
CREDENTIALS = {
    "PasswordRefused", "PasswordExpired", "AccountUnknown", "AccountDisabled", "AccountRefused", "LoginRefused"
}  # fmt: skip


class Codes(unittest.TestCase):
    def kept_secret(self, problem, text):
        self.assertNotIn(text, problem.message)
        self.assertEqual(problem.detail, text)

    def test_every_result_of_ldap_is_somebodys_error(self):
        self.assertLessEqual(set(RFC_4511), set(LDAP))
        for code, known in LDAP.items():
            with self.subTest(code=code):
                text = "the server's own words"
                problem = directory_problem("domain x", "joiner", DirectoryError(code, text))
                self.assertEqual(problem.kind, KIND[known.whose])
                self.assertIn(f"LDAP result {code} ({known.name})", problem.message)
                self.assertEqual("administrator" in problem.message, known.whose == ADMINISTRATOR)
                self.kept_secret(problem, text)

    def test_an_unknown_result_is_an_outage_that_shows_its_number(self):
        problem = ldap_problem(4099, "words", "LDAP server 10.0.0.1", "cn=a", failed="LDAPServerNotAnswering")
        self.assertEqual((problem.kind, problem.reason), ("Unavailable", "LDAPServerNotAnswering"))
        self.assertIn("LDAP result 4099", problem.message)
        self.assertEqual(ldap_problem(None, "words", "x", "y").kind, "Unavailable")

    def test_every_refusal_of_a_login_by_active_directory_is_one_of_credentials(self):
        for number, known in LOGON.items():
            text = f"80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {number:x}, v3839"
            problem = ldap_problem(49, text, "LDAP server 10.0.0.1", "cn=a,dc=b")
            with self.subTest(number=hex(number)):
                self.assertEqual((problem.kind, problem.reason), ("Rejected", known.reason))
                self.assertIn(known.reason, CREDENTIALS)
                self.assertIn(known.name, problem.message)
                self.kept_secret(problem, text)
        self.assertEqual(ldap_problem(49, "data fff", "x", "y").reason, "PasswordRefused")
        self.assertLessEqual({0x525, 0x52E, 0x530, 0x531, 0x532, 0x533, 0x701, 0x773, 0x775}, set(LOGON))

    def test_every_error_of_kerberos_is_somebodys_error(self):
        for known in [*KERBEROS.values(), *KINIT]:
            text = f"kinit: {known.text} while getting initial credentials"
            with self.subTest(name=known.name):
                self.assertEqual(kerberos_code(text).name, known.name)
                problem = login_problem(text, "domain x", "joiner", "10.0.0.2")
                self.assertEqual(problem.kind, KIND[known.whose])
                shown = known.reason in SENTENCES or problem.reason == known.reason or known.name in problem.message
                self.assertTrue(shown)
                self.kept_secret(problem, text)

    @unittest.skipUnless(ctypes.util.find_library("krb5"), "without MIT Kerberos")
    def test_the_texts_of_kerberos_are_those_of_the_library(self):
        library, context = ctypes.CDLL(ctypes.util.find_library("krb5")), ctypes.c_void_p()
        library.krb5_init_context(ctypes.byref(context))
        library.krb5_get_error_message.restype = ctypes.c_char_p
        library.krb5_get_error_message.argtypes = [ctypes.c_void_p, ctypes.c_int32]
        first = -1765328384
        texts = {n: library.krb5_get_error_message(context, first + n).decode() for n in range(1, 128)}
        self.assertEqual(
            {n: text for n, text in texts.items() if "error code" not in text},
            {n: known.text for n, known in KERBEROS.items()},
        )

    def test_what_kinit_says_in_other_words(self):
        for text, reason in (
            ("kinit: Client 'joiner@X' not found in Kerberos database while getting", "AccountUnknown"),
            ("kinit: Password incorrect while getting initial credentials", "PasswordRefused"),
            ("Password expired.  You must change it now.\nkinit: Cannot read password while", "PasswordExpired"),
            ("kinit: Cannot contact any KDC for realm 'X' while getting", "DomainControllerNotAnswering"),
        ):
            self.assertEqual(login_problem(text, "domain x", "joiner", "10.0.0.2").reason, reason)

    def test_an_unknown_error_of_kerberos_is_an_outage_that_shows_its_number(self):
        problem = login_problem("kinit: KRB5 error code 88 while getting", "domain x", "joiner", "10.0.0.2")
        self.assertEqual((problem.kind, problem.reason), ("Unavailable", "LoginFailed"))
        self.assertIn("Kerberos error 88", problem.message)
        self.assertEqual(login_problem("what?", "domain x", "joiner", "10.0.0.2").kind, "Unavailable")

    def test_every_status_of_a_join_is_somebodys_error(self):
        for known in NT_STATUS.values():
            for text in filter(None, (f"failed: NT_STATUS_{known.name}.", known.text)):
                with self.subTest(text=text):
                    problem = join_problem(text, "domain x", "joiner", "SN-1", "10.0.0.2")
                    self.assertEqual(problem.kind, KIND[known.whose])
                    self.assertNotEqual(problem.message, "")
                    self.assertEqual(problem.detail, text)
        problem = join_problem("NT_STATUS_HOST_UNREACHABLE then NT_STATUS_ACCESS_DENIED", "x", "j", "SN-1", "10.0.0.2")
        self.assertEqual(problem.reason, "JoinNotAllowed")

    def test_an_unknown_status_is_an_outage_that_shows_its_name(self):
        problem = join_problem("NT_STATUS_NEVER_SEEN: words", "domain x", "joiner", "SN-1", "10.0.0.2")
        self.assertEqual((problem.kind, problem.reason), ("Unavailable", "JoinFailed"))
        self.assertIn("NT_STATUS_NEVER_SEEN", problem.message)
        self.assertNotIn("words", problem.message)


if __name__ == "__main__":
    unittest.main()
