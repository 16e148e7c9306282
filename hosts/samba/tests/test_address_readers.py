"""What the programs that read our files understand is what we meant: their own evaluation beside ours."""

import ipaddress
import random
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from sharenet_samba.address_range import normal_range
from sharenet_samba.share_section import share_section
from sharenet_samba.smbconf import render
from sharenet_samba.state import Allocation, Owner, Rule, Share, State

ID = "11111111-2222-3333-4444-555555555555"
BORDERS = (
    *("0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/8", "10.0.0.0/9", "10.1.2.3", "10.1.2.2/31", "255.255.255.255"),
    *("::/0", "8000::/1", "2000::/3", "::/64", "::/96", "::1:2:3:4", "::10.1.2.3", "::ffff:0:0/96"),
    *("64:ff9b::/96", "2001:db8::/32", "2001:db8:0:9::1:0/112", "2001:db8::/127", "2001:db8::1/128", "fe80::/10"),
    *("::ffff:10.0.0.0/104", "2001:db8:0:0:1::/80", "2001:0:0:1::/99", "2001:db8::/100", "2001:db8::/9", "fd00::5:0/120"),
    "10.9.8.7/010",
)


def generated(seed: random.Random) -> str:
    bits, kind = (32, ipaddress.IPv4Address) if seed.random() < 0.3 else (128, ipaddress.IPv6Address)
    # Runs of zeros, for these are shortened.
    number = seed.getrandbits(bits) & seed.choice((-1, seed.getrandbits(bits), ~(0xFFFFFFFF << seed.randrange(bits))))
    return f"{kind(number & ((1 << bits) - 1))}/{seed.randint(0, bits)}"


def clients_of(ranges: list[str], seed: random.Random) -> list[str]:
    """Addresses at both ends of ranges and right beside them, as clients' addresses are written."""
    found = {ipaddress.ip_address("192.0.2.7"), ipaddress.ip_address("2001:db8:ffff::7")}
    for to in seed.sample(ranges, 14):
        network = ipaddress.ip_network(to)
        for number in (int(network[0]) - 1, int(network[-1]), int(network[-1]) + 1):
            if 0 <= number < 1 << network.max_prefixlen:
                found.add(network.network_address.__class__(number))
    # Loopback is always let in, and clients of IPv4 never have an address of IPv6.
    return [str(each) for each in found if not each.is_loopback and getattr(each, "ipv4_mapped", None) is None]


@unittest.skipUnless(shutil.which("testparm"), "Samba is not installed")
class AddressesOfRules(unittest.TestCase):
    def test_samba_lets_in_the_addresses_of_a_range_and_no_others(self):
        seed = random.Random(6)
        given = [*BORDERS, *(generated(seed) for _ in range(120))]
        ranges = [str(normal_range(each)) for each in given]
        state = State(Owner("i", "n"), ID, "n", "HOST", "br0", [Allocation("10.0.0.5", 24, "flat", "s")])
        sections = {"global": {"server role": "standalone server", "private dir": "/nonexistent"}}
        for index, to in enumerate(ranges):
            sections[f"s{index}"] = share_section(Share(ID, f"s{index}", 1, rules=[Rule("1", "ip", to, "rw")]), state)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "smb.conf"
            file.write_text(render(sections))
            for client in clients_of(ranges, seed):
                # Once more as its name: smbd does not look up names, testparm would.
                argv = ["testparm", "--suppress-prompt", str(file), client, client]
                done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
                allowed = {line.split()[-1] for line in done.stderr.splitlines() if line.startswith("Allow connection")}
                address = ipaddress.ip_address(client)
                meant = {f"s{i}" for i, to in enumerate(ranges) if address in ipaddress.ip_network(to)}
                wrong = {ranges[int(each[1:])] for each in allowed ^ meant}
                self.assertEqual(wrong, set(), client)


if __name__ == "__main__":
    unittest.main()
