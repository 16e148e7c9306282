import argparse
import hashlib
import secrets
import sys
import time
import traceback
from random import Random

from .mutation import SEEDS, mutated, seeds_of
from .targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    options = parser.parse_args()
    unknown = [each for each in options.targets if each not in TARGETS]
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}")
    print(f"seed {options.seed}", flush=True)
    targets = options.targets or list(TARGETS)
    failed = [each for each in targets if not tried(each, options.seed, options.seconds / len(targets))]
    return 1 if failed else 0


def tried(target: str, seed: int, seconds: float) -> bool:
    random, seeds = Random(f"{seed}/{target}"), seeds_of(target)
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = mutated(random, seeds)
        count += 1
        try:
            TARGETS[target](data)
        except Exception:
            path = SEEDS / target / hashlib.sha256(data).hexdigest()[:12]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            traceback.print_exc()
            print(f"{target}: broken after {count} inputs; kept as {path}")
            return False
    print(f"{target}: {count} inputs")
    return True


sys.exit(main())
