"""Something that is no LDAP server at the address of one: takes every connection and every password, and keeps what it
was sent. With a certificate it takes StartTLS and ldaps, without one it takes neither and answers in the clear."""

import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable

RECORD = "/run/impostor.record"
SUFFIX = b"dc=corp,dc=test"
SEARCH = 0x63
START_TLS = b"1.3.6.1.4.1.1466.20037"


def keep(data: bytes) -> None:
    with open(RECORD, "ab") as file:
        file.write(data)


def element(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes((tag, len(body))) + body


def message(number: int, *parts: bytes) -> bytes:
    return element(0x30, element(0x02, bytes((number,))), *parts)


def result(tag: int, code: int) -> bytes:
    return element(tag, element(0x0A, bytes((code,))), b"\x04\x00\x04\x00")


def answer(request: bytes) -> bytes:
    """Each bind succeeds, and each search finds what a server says of itself."""
    at = 2 + (request[1] & 0x7F if request[1] & 0x80 else 0)
    number, operation = request[at + 2], request[at + 3]
    if operation != SEARCH:
        return message(number, result(0x61, 0))
    contexts = element(0x30, element(0x04, b"namingContexts"), element(0x31, element(0x04, SUFFIX)))
    entry = element(0x64, element(0x04, b""), element(0x30, contexts))
    return message(number, entry) + message(number, result(0x65, 0))


def serve(connection: socket.socket, context: ssl.SSLContext | None, encrypted: bool) -> None:
    keep(b"connection\n")
    try:
        if encrypted:
            connection = context.wrap_socket(connection, server_side=True)
        while data := connection.recv(4096):
            keep(data)
            if START_TLS in data:
                connection.sendall(message(1, result(0x78, 2 if context is None else 0)))
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
            else:
                connection.sendall(answer(data))
    except (OSError, IndexError):
        pass
    finally:
        connection.close()


def listen(address: str, port: int, context: ssl.SSLContext | None) -> Callable[[], None]:
    listener = socket.create_server((address, port))

    def run() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, context, port == 636), daemon=True).start()

    return run


def leave_output() -> None:
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)


def main(address: str, certificate: str = "", key: str = "") -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    ports = (389, 636) if context else (389,)
    runs = [listen(address, port, context) for port in ports]
    # Whoever started it knows now that it listens.
    if os.fork():
        return
    leave_output()
    for run in runs[1:]:
        threading.Thread(target=run, daemon=True).start()
    runs[0]()


main(*sys.argv[1:])
