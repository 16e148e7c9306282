"""A name server for a lab: answers questions of type A from a file, {name: address}, which it reads for each of them."""

import json
import os
import socket
import struct
import sys

NAMES = "/run/names.json"


def answer(question: bytes) -> bytes:
    at, labels = 12, []
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += 1 + question[at]
    kind = struct.unpack_from(">H", question, at + 1)[0]
    with open(NAMES, encoding="ascii") as file:
        address = json.load(file).get(".".join(labels).lower())
    found = address is not None and kind == 1
    head = question[:2] + struct.pack(">HHHHH", 0x8580 if address else 0x8583, 1, int(found), 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton(address) if found else b""
    return head + question[12 : at + 5] + record


def leave_output() -> None:
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)


def main(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((address, 53))
        # Whoever started it knows now that it listens.
        if os.fork():
            return
        leave_output()
        while True:
            question, asker = udp.recvfrom(512)
            udp.sendto(answer(question), asker)


main(sys.argv[1])
