"""What the command line is for."""

from __future__ import annotations

import sys

from . import PROGRAM_VERSION


def main(arguments: list[str]) -> int:
    """Without arguments: one request. A forced command of sshd passes none, so a key can do nothing else."""
    match arguments:
        case []:
            from .answer import answer_request

            return answer_request(sys.stdin.buffer, sys.stdout.buffer)
        case ["supervise", directory]:
            from .keeper import supervise

            return supervise(directory)
        case ["init", directory, server_id]:
            from .init import main as init

            init(directory, server_id)
            return 0
        case ["daemons", control, pid, started]:
            from .init import run_daemons

            run_daemons(int(control), int(pid), int(started))
            return 0
        case ["call", function]:
            from .inside import call_function

            return call_function(function)
        case ["start", root]:
            from .boot import start_all

            return start_all(root)
        case ["renew"]:
            from .renewal import renew_all

            return renew_all()
        case ["packages"]:
            from .host import missing_packages

            print(" ".join(missing_packages()))
            return 0
        case ["version"]:
            print(PROGRAM_VERSION)
            return 0
    print("usage: sharenet-samba-host  (one JSON request on standard input)", file=sys.stderr)
    return 2
