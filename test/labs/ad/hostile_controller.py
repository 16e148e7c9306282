"""A domain controller that answers, and does harm with its answers: DNS, LDAP with TCP and UDP, and Kerberos at one
address. /run/harm.json says what each of them does, {dns, ldap, ping, kerberos}, and is read for each question."""

import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

HARM = "/run/harm.json"
DOMAIN, HOST = "evil.test", "dc.evil.test"
BASE = b"DC=evil,DC=test"
# What a flood is made of.
FILLING = b"x" * 65536
SEARCH, UNBIND, BIND_RESPONSE, ENTRY, DONE, REFERENCE = 0x63, 0x42, 0x61, 0x64, 0x65, 0x73


def harm(service: str) -> str:
    with open(HARM, encoding="ascii") as file:
        return json.load(file).get(service, "none")


# -- BER, and messages of LDAP


def element(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    return bytes((tag, 0x84)) + struct.pack(">I", len(body)) + body


def message(number: bytes, *parts: bytes) -> bytes:
    return element(0x30, element(0x02, number), *parts)


def result(tag: int, code: int, *more: bytes) -> bytes:
    return element(tag, element(0x0A, bytes((code,))), b"\x04\x00\x04\x00", *more)


def entry(dn: bytes, values: dict[bytes, list[bytes]]) -> bytes:
    attributes = [
        element(0x30, element(0x04, name), element(0x31, *(element(0x04, each) for each in found)))
        for name, found in values.items()
    ]
    return element(ENTRY, element(0x04, dn), element(0x30, *attributes))


def root() -> bytes:
    """What a domain controller and an LDAP server say of themselves."""
    return entry(
        b"",
        {
            b"currentTime": [time.strftime("%Y%m%d%H%M%S.0Z", time.gmtime()).encode()],
            b"dnsHostName": [HOST.encode()],
            b"defaultNamingContext": [BASE],
            b"namingContexts": [BASE],
        },
    )


def requests(connection: socket.socket):
    """(message number, operation, what follows) of each message."""
    data = b""
    while True:
        while len(data) < 2 or len(data) < size(data):
            part = connection.recv(65536)
            if not part:
                return
            data += part
        body, data = data[2 + (data[1] & 0x7F if data[1] & 0x80 else 0) : size(data)], data[size(data) :]
        number, rest = body[2 : 2 + body[1]], body[2 + body[1] :]
        yield number, rest[0], rest


def size(data: bytes) -> int:
    if not data[1] & 0x80:
        return 2 + data[1]
    count = data[1] & 0x7F
    if len(data) < 2 + count:
        return 1 << 30
    return 2 + count + int.from_bytes(data[2 : 2 + count], "big")


# -- harms, each with an open connection


def drip(connection: socket.socket, data: bytes) -> None:
    for byte in data:
        connection.sendall(bytes((byte,)))
        time.sleep(0.5)


def pour(connection: socket.socket, head: bytes = b"") -> None:
    connection.sendall(head)
    while True:
        connection.sendall(FILLING)


def repeat(connection: socket.socket, make: Callable[[int], bytes]) -> None:
    number = 0
    while True:
        number += 1
        connection.sendall(b"".join(make(number * 100 + each) for each in range(100)))


def search(connection: socket.socket, number: bytes, address: str, request: bytes) -> None:
    what = harm("ldap")
    url = element(0x04, f"ldap://{address}/{BASE.decode()}".encode())
    if what == "late":
        # What a server says of itself is right; the flood comes after a login.
        what = "none" if b"namingContexts" in request or b"currentTime" in request else "entries"
    if what == "none":
        connection.sendall(message(number, root()) + message(number, result(DONE, 0)))
    elif what == "silent":
        time.sleep(600)
    elif what == "drip":
        drip(connection, message(number, root()) * 100)
    elif what == "huge":
        pour(connection, b"\x30\x84\x7f\xff\xff\xf0\x02\x01" + number[-1:] + b"\x64\x84\x7f\xff\xff\xe0")
    elif what == "entries":
        values = {b"sambaDomainName": [b"EVIL"], b"description": [b"x" * 1000]}
        repeat(connection, lambda each: message(number, entry(b"cn=%d," % each + BASE, values)))
    elif what == "values":
        values = {b"namingContexts": [b"DC=%d" % each for each in range(400_000)]}
        connection.sendall(message(number, entry(b"", values)) + message(number, result(DONE, 0)))
    elif what == "references":
        repeat(connection, lambda _: message(number, element(REFERENCE, url)))
    elif what == "referral":
        connection.sendall(message(number, result(DONE, 10, element(0xA3, url))))


def serve_ldap(connection: socket.socket, address: str) -> None:
    for number, operation, request in requests(connection):
        if operation == UNBIND:
            return
        if operation == SEARCH:
            search(connection, number, address, request)
        elif operation == 0x77:
            # StartTLS.
            connection.sendall(message(number, result(0x78, 2)))
        else:
            connection.sendall(message(number, result(BIND_RESPONSE, 0)))


def serve_kerberos(connection: socket.socket, _: str) -> None:
    connection.recv(65536)
    what = harm("kerberos")
    if what == "drip":
        drip(connection, struct.pack(">I", 60000) + FILLING)
    elif what == "huge":
        pour(connection, struct.pack(">I", 0x7FFFFFFF))
    else:
        # "The answer is too big", also with TCP, or a demand to prove oneself without a way to do it: ask again.
        error = kerberos_error({"again": 52, "prove": 25}.get(what, 60))
        connection.sendall(struct.pack(">I", len(error)) + error)


def kerberos_error(code: int) -> bytes:
    realm = element(0x1B, DOMAIN.upper().encode())
    names = element(0x30, element(0x1B, b"krbtgt"), realm)
    service = element(0x30, element(0xA0, element(0x02, b"\x02")), element(0xA1, names))
    now = element(0x18, time.strftime("%Y%m%d%H%M%SZ", time.gmtime()).encode())
    fields = [(0, element(0x02, b"\x05")), (1, element(0x02, b"\x1e")), (4, now), (5, element(0x02, b"\x01"))]
    fields += [(6, element(0x02, bytes((code,)))), (9, realm), (10, service)]
    return element(0x7E, element(0x30, *(element(0xA0 | number, value) for number, value in fields)))


# -- DNS


def dns_name(name: str) -> bytes:
    return b"".join(bytes((len(each),)) + each.encode() for each in name.split(".")) + b"\0"


def record(kind: int, data: bytes, name: bytes = b"\xc0\x0c") -> bytes:
    return name + struct.pack(">HHIH", kind, 1, 1, len(data)) + data


def question_of(query: bytes) -> tuple[int, bytes]:
    at = 12
    while query[at]:
        at += 1 + query[at]
    return struct.unpack_from(">H", query, at + 1)[0], query[12 : at + 5]


def dns_answer(query: bytes, address: str, what: str) -> bytes:
    kind, question = question_of(query)
    if kind == 33:
        names = range({"many": 500, "slow": 16}.get(what, 1))
        hosts = [HOST if each == 0 else f"dc{each}.{DOMAIN}" for each in names]
        records = [record(33, struct.pack(">HHH", 0, 0, 389) + dns_name(each)) for each in hosts]
    elif kind == 1:
        addresses = range(2000) if what == "many" else [0]
        records = [record(1, socket.inet_aton(address))] * len(addresses)
    else:
        records = []
    if what == "loop":
        # A name that goes on with itself, and a name that is another name for itself.
        records = [record(5, b"\xc0\x0c"), record(33, struct.pack(">HHH", 0, 0, 389) + b"\xc0\x0c")]
        loop = 12 + len(question) + sum(map(len, records))
        records.append(record(5, b"\xc0\x0c", struct.pack(">H", 0xC000 | loop)))
    return query[:2] + struct.pack(">HHHHH", 0x8580, 1, len(records), 0, 0) + question + b"".join(records)


def serve_dns_tcp(connection: socket.socket, address: str) -> None:
    length = struct.unpack(">H", connection.recv(2))[0]
    answer = dns_answer(connection.recv(length), address, harm("dns"))
    data = struct.pack(">H", min(len(answer), 65535)) + answer[:65535]
    if harm("dns") == "drip":
        drip(connection, b"\xff\xff" + FILLING)
    else:
        connection.sendall(data)


def serve_datagrams(udp: socket.socket, answer: Callable[[socket.socket, bytes, tuple], None]) -> None:
    while True:
        query, asker = udp.recvfrom(65536)
        threading.Thread(target=answer, args=(udp, query, asker), daemon=True).start()


def answer_dns(udp: socket.socket, query: bytes, asker: tuple) -> None:
    what, address = harm("dns"), udp.getsockname()[0]
    if what == "slow":
        time.sleep(1.8)
    answer = dns_answer(query, address, what)
    if what == "garbage":
        end = time.monotonic() + 5
        while time.monotonic() < end:
            udp.sendto(b"\0" + FILLING[:1000], asker)
    elif what in ("drip", "many"):
        # It is to be asked for with TCP.
        kind, question = question_of(query)
        udp.sendto(query[:2] + struct.pack(">HHHHH", 0x8780, 1, 0, 0, 0) + question, asker)
    else:
        udp.sendto(answer, asker)


def answer_ping(udp: socket.socket, _: bytes, asker: tuple) -> None:
    """A question of LDAP with UDP, which asks for the name of the domain."""
    end = time.monotonic() + 10
    while harm("ping") == "flood" and time.monotonic() < end:
        udp.sendto(FILLING[:1000], asker)


# -- start


def listen(address: str, port: int, serve: Callable[[socket.socket, str], None]) -> None:
    listener = socket.create_server((address, port), backlog=100)

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                serve(connection, address)
            except (OSError, IndexError, struct.error):
                pass

    def run() -> None:
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()


def leave_output() -> None:
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)


def main(address: str) -> None:
    ready, started = os.pipe()
    if os.fork():
        # Whoever started it knows then that it listens.
        os.close(started)
        sys.exit(0 if os.read(ready, 1) else 1)
    for port, serve in {389: serve_ldap, 88: serve_kerberos, 53: serve_dns_tcp}.items():
        listen(address, port, serve)
    for port, answer in {53: answer_dns, 389: answer_ping}.items():
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((address, port))
        threading.Thread(target=serve_datagrams, args=(udp, answer), daemon=True).start()
    os.write(started, b"1")
    leave_output()
    threading.Event().wait()


main(sys.argv[1])
