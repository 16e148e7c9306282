"""What a package says of vulnerabilities."""

import gzip
import tempfile
import unittest
from pathlib import Path

from sharenet_samba.package_fixes import fixed_vulnerabilities


class Fixes(unittest.TestCase):
    def changelog(self, content: bytes) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "changelog.Debian.gz"
        path.write_bytes(content)
        return path

    def test_the_changelog_of_the_package_names_them(self):
        text = b"samba (2:4.17.12)\n  * CVE-2023-4091: x\n  * CVE-2023-4091, CVE-2025-9640.\n  * CVE-x, XCVE-2020-1234\n"
        self.assertEqual(
            fixed_vulnerabilities(self.changelog(gzip.compress(text))), ["CVE-2025-9640", "CVE-2023-4091"]
        )

    def test_a_changelog_that_is_none_tells_nothing(self):
        for content in (b"", b"text", gzip.compress(b"CVE-2023-4091")[:-12]):
            self.assertEqual(fixed_vulnerabilities(self.changelog(content)), [])


if __name__ == "__main__":
    unittest.main()
