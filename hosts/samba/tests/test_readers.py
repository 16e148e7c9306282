"""What the programs that read our files understand is what we meant: their own evaluation beside ours. Values that we
refuse reach none of them."""

import os
import random
import shutil
import subprocess
import tempfile
import unittest
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from sharenet_samba.directory_service import LDAPAddress, is_host_name, ldap_address, parse_service
from sharenet_samba.distinguished_name import DNError, parse_dn, same_name
from sharenet_samba.domain_membership import own_hosts_text
from sharenet_samba.domain_membership import sections_of as domain_sections
from sharenet_samba.domain_survey import NETBIOS_NAME, organizational_unit_dn
from sharenet_samba.kerberos import krb5_conf
from sharenet_samba.ldap_membership import LONGEST_NAME, LONGEST_PASSWORD, nslcd_conf
from sharenet_samba.ldap_membership import sections_of as ldap_sections
from sharenet_samba.membership import hosts_text
from sharenet_samba.principals import name_problem
from sharenet_samba.problem import Problem
from sharenet_samba.request import HOSTNAME, Fields, share_of
from sharenet_samba.samba_settings import global_section, main_text, share_text
from sharenet_samba.share_section import share_section
from sharenet_samba.smbconf import render
from sharenet_samba.state import Allocation, Owner, Rule, Share, State
from sharenet_samba.trial import resolv_conf

from tests.readers import LDAP, LDB, Kerberos, Samba, seen_in_etc, stored_for_smbd

ID = "11111111-2222-3333-4444-555555555555"
# What means something in one file or another, alone and at the ends of a name.
SIGNS = "  \"'`\\%;#,=+&@$()[]{}|<>*!~^/:.?-_\t\v"
BORDERS = (
    *("a", "Alice", "al  ice", " alice", "alice ", "a,b", "a;b", "a b", "#a", ";a", "a # b", "a ; b", "al\\", "DOM\\al"),
    *("DOM\\", "\\al", "+a", "&a", "@a", "++a", "+&a", "!a", "-a", "*", "a*", "%U", "a%S", "$(HOME)", "${HOME}", "a$"),
    *('"', '"a"', 'a"b', "'a'", "a\\ b", "a=b", "=a", "[a]", "{", "}", "a {", "include", "module", "final", "copy"),
    *("globals", "GLOBAL", "homes", "ipc", "print", "default", "größe", "\u00a0a", "a\u3000\u3000b", "\u202ea", "\u2028"),
    *("1", "0x7f000001", "127.1", "127.0.0.1", "::1", "fd00::7", "10.1.2.3", "localhost", "LOCALHOST", "a.localhost"),
    *("host", "HOST", "Host.", "a.b", "A.B.", "a..b", ".a", "a_b.c", "xn--bcher-kva.test", "s-1-1-0", "S-1-5-32-544"),
    *("x" * 63, "x" * 64, "x" * 253, "x" * 255, "x" * 1023, "DOMAIN", "passwd x", "dns", "ldapi:///", "yes", "~"),
)
REQUEST = {"type": "active_directory", "name": "n", "domain": "ad.test", "dnsIPs": ["10.0.0.1"], "password": "p"}


def generated(count: int) -> Iterator[str]:
    seed = random.Random(6)
    for _ in range(count):
        yield "".join(seed.choice((*SIGNS, *"abcABC019äÖ")) for _ in range(seed.randint(1, 12)))


VALUES = (*BORDERS, *generated(4000))


def a_state(**more) -> State:
    return State(Owner("i", "n"), ID, "n", "HOST", "br0", [Allocation("10.0.0.5", 24, "flat", "s")], **more)


def service_of(**more) -> object | None:
    """None for what is refused."""
    try:
        return parse_service({**REQUEST, **more}, [])
    except Problem:
        return None


def names_of(count: int) -> list[str]:
    """Distinguished names in the spelling in which they are stored."""
    seed = random.Random(7)
    found = ["dc=x", "cn=a\\\\,dc=x", "cn=a\\\\", 'cn=a\\"', 'cn=\\"a\\"', "cn=100%U", "cn=%", "cn=a  b", "cn=a\\20\\20b"]
    for value in (*BORDERS, *generated(count)):
        escaped = "".join(f"\\{each}" if each in ' "#+,;<=>\\' and seed.random() < 0.8 else each for each in value)
        found.append(f"{seed.choice(('cn', 'OU', '2.5.4.3'))}={escaped},dc=x")
    return [str(name) for name in map(_parsed, found) if name is not None]


def _parsed(text: str):
    try:
        return parse_dn(text)
    except DNError:
        return None


class Reading(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def file(self, text: str) -> Path:
        file = self.folder / "file"
        file.write_text(text)
        return file


def ldap_record(**more) -> dict:
    urls = ["ldap://127.0.0.1:389"]
    record = {"urls": urls, "startTLS": False, "protection": "plain", "suffix": "dc=x", "bindDN": "cn=a,dc=x"}
    return {**record, "name": "DOM", "privateDirectory": "ldap-1", **more}


def domain_record(**more) -> dict:
    record = {"domain": "ad.test", "computer": "HOST", "netbiosName": "DOM", "privateDirectory": "domain-1"}
    return {**record, "servers": [], "siteServers": [], "defaultRange": [1, 2], "idRange": [3, 4], **more}


@unittest.skipUnless(Samba.library, "Samba is not installed")
class SambaReads(Reading):
    def test_users_and_groups_of_rules_are_those_of_the_rules(self):
        given = [each for each in VALUES if name_problem(each) is None and each == each.lstrip("@+")]
        self.assertGreater(len(given), 300)
        sections = {"global": {}}
        for index, name in enumerate(given):
            rules = [Rule("u", "user", name, "rw", "user"), Rule("g", "user", name, "ro", "group")]
            sections[f"s{index}"] = share_section(Share(ID, f"s{index}", 1, rules=rules), a_state())
        samba = Samba(self.file(render(sections)))
        for index, name in enumerate(given):
            share = samba.share(f"s{index}")
            self.assertEqual(samba.names("valid users", share), [name, f"+{name}"])
            self.assertEqual(samba.names("write list", share), [name])
            # These mean a group to Samba, wherever the quotes are.
            self.assertNotIn(name[0], "@+&")

    def test_each_share_is_a_section_of_its_own(self):
        taken: dict[str, str] = {}
        for name in VALUES:
            try:
                taken[share_of(Fields({"share": {"id": ID, "name": name, "size": 1}}, "")).name.lower()] = name
            except Problem:
                continue
        self.assertGreater(len(taken), 20)
        texts = [render({name: {"path": f"/shares/{i}"}}) for i, name in enumerate(taken.values())]
        samba = Samba(self.file("".join(["[global]\n", *texts])))
        for index, name in enumerate(taken.values()):
            self.assertEqual(samba.path(samba.share(name)) if samba.share(name) >= 0 else None, f"/shares/{index}", name)

    def test_names_of_the_server_and_its_domain_stay(self):
        servers = [each for each in BORDERS if service_of(servers=[each], user="u")]
        for value in BORDERS:
            host = value if HOSTNAME.fullmatch(value) else "HOST"
            domain = service_of(domain=value, user="u")
            netbios_name = value if NETBIOS_NAME.fullmatch(value) else "DOM"
            name = domain.domain if domain else "ad.test"
            record = domain_record(domain=name, computer=host.upper(), netbiosName=netbios_name, servers=servers)
            samba = Samba(self.file(render({"global": global_section(a_state(), domain_sections(record))})))
            self.assertEqual(samba.text("workgroup"), record["netbiosName"].upper())
            self.assertEqual(samba.text("netbios name"), host.upper())
            self.assertEqual(samba.text("realm"), record["domain"].upper())
            self.assertEqual(samba.text("password server"), " ".join(servers))
            self.assertEqual(samba.text("private dir"), "/var/lib/samba/private/domain-1")
            self.assertEqual(samba.option(f"idmap config {record['netbiosName']}", "range"), "3-4")

    def test_nothing_that_we_write_is_left_out(self):
        rules = [Rule("u", "user", "al ice", "rw", "user"), Rule("i", "ip", "10.0.0.0/8", "rw")]
        share = Share(ID, "share-1", 1, rules=rules)
        for sections in ({}, ldap_sections(ldap_record()), domain_sections(domain_record())):
            state = a_state(sections=sections)
            file = self.file(main_text(state, sections, []) + share_text(share, state))
            argv = ["testparm", "--suppress-prompt", str(file)]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
            self.assertNotRegex(done.stderr, "(?i)found in service section|unknown parameter|ignoring|invalid")

    def test_names_in_a_directory_are_the_same_names(self):
        names = names_of(300)
        self.assertGreater(len(names), 100)
        for name in names:
            record = ldap_record(suffix=name, bindDN=name)
            samba = Samba(self.file(render({"global": global_section(a_state(), ldap_sections(record))})))
            for parameter in ("ldap suffix", "ldap admin dn"):
                self.assertTrue(same_name(samba.text(parameter), name), (name, samba.text(parameter)))
            self.assertEqual(samba.text("workgroup"), "DOM")

    def test_the_bind_password_is_stored_as_it_is(self):
        settings = {"private dir": str(self.folder), "passdb backend": "ldapsam", "ldap admin dn": "cn=a"}
        folders = {f"{each} directory": str(self.folder) for each in ("lock", "state", "cache", "pid")}
        (self.folder / "smb.conf").write_text(render({"global": {**settings, **folders}}))
        passwords = ('"', "a  b", "\\", "%U", "ö" * (LONGEST_PASSWORD // 2), "x" * LONGEST_PASSWORD, "a\tb")
        for password in passwords:
            self.assertEqual(stored_for_smbd(self.folder, password), password)


@unittest.skipUnless(Kerberos.library, "Kerberos is not installed")
class KerberosReads(Reading):
    def test_realms_controllers_and_accounts_are_those_of_the_service(self):
        servers = [each for each in VALUES if service_of(servers=[each], user="u")]
        accounts = [each for each in VALUES if (found := service_of(user=each)) and found.user == each]
        self.assertGreater(min(len(servers), len(accounts)), 20)
        for value in VALUES:
            service = service_of(domain=value, user="u", servers=servers)
            if service is None:
                continue
            kerberos = Kerberos(self.file(krb5_conf(service.realm, list(service.servers))))
            self.assertEqual(kerberos.realm(), service.realm)
            self.assertEqual(kerberos.controllers(service.realm), list(service.servers))
        for account in accounts:
            self.assertEqual(kerberos.principal(f"{account}@AD.TEST"), [account, "AD.TEST"])


@unittest.skipUnless(LDAP.library, "OpenLDAP's library is not installed")
class LDAPReads(unittest.TestCase):
    def test_servers_are_those_of_the_service(self):
        schemes = ("", "ldap://", "ldaps://")
        taken = 0
        for text in (f"{scheme}{each}{port}" for each in BORDERS for scheme in schemes for port in ("", ":1636", ":0", "/")):
            try:
                address = ldap_address("n", text)
            except Problem:
                continue
            taken += 1
            self.assertEqual(LDAP().url(address.url()), (address.scheme, address.host, address.port), text)
            self.assertIsInstance(address, LDAPAddress)
        self.assertGreater(taken, 50)

    def test_names_have_the_parts_that_we_see(self):
        names = names_of(1500)
        self.assertGreater(len(names), 300)
        for name in names:
            ours = [[(pair.type, pair.value) for pair in part] for part in parse_dn(name).parts]
            self.assertEqual(LDAP().name(name), ours, name)


@unittest.skipUnless(LDAP.library and LDB.library, "the libraries are not installed")
class OrganizationalUnits(unittest.TestCase):
    base = "DC=ad,DC=test"

    def test_paths_and_names_lead_to_the_unit_that_is_meant(self):
        taken = 0
        for value in VALUES:
            parts = [each for each in value.strip("/").split("/") if each]
            if "=" in value or not parts or not service_of(ou=value, user="u"):
                continue
            taken += 1
            below = parts[1:] if len(parts) > 1 and parts[0].rstrip(".").lower() == "ad.test" else parts
            self.leads(value, [("OU", each) for each in reversed(below)])
        self.assertGreater(taken, 1000)
        for name in names_of(1500):
            given = [pair for part in parse_dn(name).parts for pair in part]
            if given[-1].type.lower() != "dc" and service_of(ou=name, user="u"):
                self.leads(name, [(each.type, each.value) for each in given])
                self.leads(f"{name},{self.base}", [(each.type, each.value) for each in given])

    def leads(self, ou: str, meant: list[tuple[str, str]]) -> None:
        dn = organizational_unit_dn(service_of(ou=ou, user="u"), self.base)
        expected = [*meant, ("DC", "ad"), ("DC", "test")]
        self.assertEqual([pair for part in LDAP().name(dn) for pair in part], expected, ou)
        self.assertEqual(LDB().name(dn), expected, ou)


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("unshare"), "files in /etc can't be replaced")
class SystemReads(Reading):
    def test_names_of_directory_servers_have_the_addresses_that_were_judged(self):
        names = list(dict.fromkeys(each.lower().removesuffix(".") for each in VALUES if is_host_name(each)))
        names = [each for each in names if is_host_name(each)]
        self.assertIn("host", names)
        hosts = {each: [f"10.0.{i // 256}.{i % 256}", f"fd00::{i + 1:x}"][: 1 + i % 2] for i, each in enumerate(names)}
        instance = SimpleNamespace(state=a_state())
        for given in (hosts, {}):
            files = {"hosts": hosts_text(instance, given), "nsswitch.conf": "hosts: files\n"}
            found = seen_in_etc(self.folder, files, "addresses_of", [*given, "HOST", "localhost"])
            self.assertEqual(found.pop("HOST"), given.get("host", ["127.0.1.1"]))
            self.assertTrue(set(found.pop("localhost")) <= {"127.0.0.1", "::1"})
            self.assertEqual(found, {name: sorted(addresses) for name, addresses in given.items()})

    def test_the_server_s_own_names_in_a_domain_have_its_addresses(self):
        addresses = ("10.0.0.5", "fd00::5")
        allocations = [Allocation(each, 24, "flat", "s") for each in addresses]
        hosts = [each for each in (*BORDERS, "A-B", "0", "0x1", "1-2") if HOSTNAME.fullmatch(each)]
        domains = ("ad.test", "a_b.c", "1.xn--bcher-kva.test", "host.localhost.test")
        records = [domain_record(computer=host.upper(), domain=domain) for host in hosts for domain in domains]
        text = "".join(own_hosts_text(each, allocations) for each in records)
        names = [*hosts, *(each.upper() for each in hosts), *(f"{host}.{domain}" for host in hosts for domain in domains)]
        found = seen_in_etc(self.folder, {"hosts": text, "nsswitch.conf": "hosts: files\n"}, "addresses_of", names)
        self.assertEqual(found, {each: sorted(addresses) for each in names})

    @unittest.skipUnless(Samba.library, "Samba is not installed")
    def test_samba_serves_the_addresses_of_the_server_and_no_others(self):
        seed = random.Random(9)
        for _ in range(12):
            subnets = [f"10.{seed.randrange(250)}.{seed.randrange(250)}.", f"fd00:{seed.randrange(1 << 16):x}::"]
            lengths = [seed.randint(8, 32), seed.choice((64, 100, 112, 127, 128))]
            present = [
                f"{subnet}{number}/{length}"
                for subnet, length in zip(subnets, lengths, strict=True)
                for number in seed.sample(range(1, 250), 4)
            ]
            own = [each for each in present if seed.random() < 0.5] or present[:1]
            allocations = [Allocation(each.partition("/")[0], int(each.partition("/")[2]), "flat", "s") for each in own]
            text = render({"global": global_section(replace(a_state(), allocations=allocations), {})})
            found = seen_in_etc(self.folder, {}, "interfaces_of", text, present)
            self.assertEqual(found, sorted(["127.0.0.1", "::1", *(each.ip_address for each in allocations)]), present)

    def test_name_servers_and_the_domain_to_search_are_those_of_the_service(self):
        servers = [each for each in BORDERS if service_of(dnsIPs=[each], user="u")]
        self.assertGreater(len(servers), 1)
        for domain in ("", "a.b", "a_b.c", "1.xn--bcher-kva.test", ".".join(["x" * 63] * 3)):
            text = resolv_conf(("2001:db8::7", *servers), domain)
            found = seen_in_etc(self.folder, {"resolv.conf": text}, "resolver")
            self.assertEqual(found["servers"], ["2001:db8::7", *servers][:3])
            if domain:
                self.assertEqual(found["search"], [domain])

    @unittest.skipUnless(shutil.which("nslcd"), "nslcd is not installed")
    def test_nslcd_logs_in_as_we_mean(self):
        names = random.Random(8).sample(names_of(600), 20)
        names += ["CN=" + "a" * (LONGEST_NAME - 3), 'CN=a\\",DC=x', "CN=#\\\\"]
        passwords = ["x", '"', "a  b", "\\", "# x", "%U", "$x", "ö" * (LONGEST_PASSWORD // 2), "x" * LONGEST_PASSWORD]
        given = [(name, passwords[i % len(passwords)]) for i, name in enumerate(names)]
        texts = [nslcd_conf(ldap_record(suffix=name, bindDN=name), password) for name, password in given]
        found = seen_in_etc(self.folder, {"nslcd.conf": ""}, "asked_by_nslcd", texts)
        for (name, password), asked in zip(given, found, strict=True):
            expected = {"name": name, "password": password, "base": name, "others": found[0].get("others")}
            self.assertEqual(asked, expected)


if __name__ == "__main__":
    unittest.main()
