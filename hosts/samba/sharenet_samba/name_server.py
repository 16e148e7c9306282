"""DNS questions to the name servers that a tenant named, asked from inside the share server: the functions get and give
JSON and are run there by Instance.python()."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct
import time

TYPES = {"A": 1, "AAAA": 28, "SRV": 33}
NAME_ERROR = 3
PATIENCE = 2.0
# Of all questions about one service: what is known by then is the answer.
PATIENCE_FOR_SERVICE = 12.0
LARGEST = 65535
MOST_ANSWERS = 64


class Malformed(Exception):
    pass


def _question(identifier: int, name: str, kind: str) -> bytes:
    labels = b"".join(bytes([len(each)]) + each.encode("ascii") for each in name.rstrip(".").split("."))
    return struct.pack(">HHHHHH", identifier, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", TYPES[kind], 1)


def _name(message: bytes, at: int) -> tuple[str, int]:
    labels: list[str] = []
    end = None
    for _ in range(128):
        length = message[at]
        if length & 0xC0 == 0xC0:
            end = end if end is not None else at + 2
            at = struct.unpack_from(">H", message, at)[0] & 0x3FFF
        elif length == 0:
            return ".".join(labels).lower(), end if end is not None else at + 1
        else:
            labels.append(message[at + 1 : at + 1 + length].decode("ascii", errors="replace"))
            at += 1 + length
    raise Malformed


def parse_answer(message: bytes, identifier: int) -> tuple[int, bool, list[dict]]:
    """(response code, truncated, records). Malformed for anything that is not an answer to the question."""
    try:
        got, flags, questions, answers, authority, additional = struct.unpack_from(">HHHHHH", message)
        if got != identifier or not flags & 0x8000:
            raise Malformed
        at = 12
        for _ in range(questions):
            at = _name(message, at)[1] + 4
        records = []
        for _ in range(min(answers + authority + additional, MOST_ANSWERS)):
            name, at = _name(message, at)
            kind, _class, _ttl, length = struct.unpack_from(">HHIH", message, at)
            at += 10
            data = message[at : at + length]
            if kind in (1, 28) and length in (4, 16):
                records.append(
                    {"name": name, "type": "A" if kind == 1 else "AAAA", "address": str(ipaddress.ip_address(data))}
                )
            elif kind == 33:
                priority, weight, port = struct.unpack_from(">HHH", data)
                record = {"priority": priority, "weight": weight, "port": port, "target": _name(message, at + 6)[0]}
                records.append({"name": name, "type": "SRV", **record})
            at += length
        return flags & 0xF, bool(flags & 0x0200), records
    except (struct.error, IndexError, ValueError) as cause:
        raise Malformed from cause


def _ask(server: str, name: str, kind: str) -> tuple[int, list[dict]]:
    """Asks one name server. OSError when it does not answer."""
    identifier = secrets.randbelow(1 << 16)
    question = _question(identifier, name, kind)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        # Connected, so that only this server's datagrams arrive, and a closed port is reported at once.
        udp.connect((server, 53))
        udp.send(question)
        end = time.monotonic() + PATIENCE
        while True:
            udp.settimeout(max(0.01, end - time.monotonic()))
            try:
                code, truncated, records = parse_answer(udp.recv(LARGEST), identifier)
                break
            except Malformed:
                if time.monotonic() > end:
                    raise TimeoutError from None
    if not truncated:
        return code, records
    with socket.create_connection((server, 53), PATIENCE) as tcp:
        end = time.monotonic() + PATIENCE
        tcp.sendall(struct.pack(">H", len(question)) + question)
        length = struct.unpack(">H", _exactly(tcp, 2, end))[0]
        code, _, records = parse_answer(_exactly(tcp, length, end), identifier)
        return code, records


def _exactly(tcp: socket.socket, length: int, end: float) -> bytes:
    data = b""
    while len(data) < length:
        tcp.settimeout(max(0.01, end - time.monotonic()))
        part = tcp.recv(length - len(data))
        if not part:
            raise TimeoutError
        data += part
    return data


def _first_answer(servers: list[str], name: str, kind: str) -> tuple[str | None, list[dict]]:
    """What the first name server says that knows; one that answers, but not with this, comes after the others. None:
    none answers."""
    without_result = None
    for server in servers:
        try:
            code, records = _ask(server, name, kind)
        except (OSError, Malformed):
            continue
        if code in (0, NAME_ERROR):
            return server, records
        without_result = without_result or server
    return without_result, []


def find_services(payload: dict) -> dict:
    """{servers, name} -> {answeredBy: ip | null, targets: [{host, port, addresses}]}: the hosts of an SRV name in the
    order to try, with their addresses."""
    servers, end = payload["servers"], time.monotonic() + PATIENCE_FOR_SERVICE
    answered, records = _first_answer(servers, payload["name"], "SRV")
    if answered is None:
        return {"answeredBy": None, "targets": []}
    wanted = payload["name"].rstrip(".").lower()
    found = [each for each in records if each["type"] == "SRV" and each["name"] == wanted]
    found.sort(key=lambda each: (each["priority"], -each["weight"], each["target"]))
    known: dict[str, list[str]] = {}
    for each in records:
        if each["type"] in ("A", "AAAA"):
            known.setdefault(each["name"], []).append(each["address"])
    targets = []
    for each in found[:16]:
        host = each["target"]
        addresses = known.get(host, [])
        if not addresses and time.monotonic() < end:
            addresses = find_addresses({"servers": [answered], "name": host})["addresses"]
        targets.append({"host": host, "port": each["port"], "addresses": addresses})
    return {"answeredBy": answered, "targets": targets}


def find_addresses(payload: dict) -> dict:
    """{servers, name} -> {answeredBy, addresses}: of a host, IPv4 first."""
    answered_by, addresses = None, []
    for kind in ("A", "AAAA"):
        try:
            answered, records = _first_answer(payload["servers"], payload["name"], kind)
        except (UnicodeError, ValueError):
            continue
        answered_by = answered_by or answered
        addresses += [each["address"] for each in records if each["type"] == kind]
    return {"answeredBy": answered_by, "addresses": addresses}
