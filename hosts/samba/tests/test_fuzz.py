"""Every stored input, and some that are made of them: the same ones each time."""

import unittest
from random import Random

from tests.fuzz.mutation import mutated, seeds_of
from tests.fuzz.targets import TARGETS

COUNT = 300


class Fuzz(unittest.TestCase):
    def test_every_target_keeps_its_promise(self):
        for name, target in TARGETS.items():
            seeds, random = seeds_of(name), Random(name)
            self.assertNotEqual(seeds, [], name)
            for data in [*seeds, b"", *(mutated(random, seeds) for _ in range(COUNT))]:
                with self.subTest(target=name, data=data):
                    target(data)


if __name__ == "__main__":
    unittest.main()
