"""Whether an LDAP server can be believed: its certificate, as seen from inside the share server before any password is
sent. `probe` gets and gives JSON and is run there by Instance.python(); the rest judges what it found."""

from __future__ import annotations

import re
import socket
import ssl
import time

from .problem import Problem, rejected

TIMEOUT = 4.0
# The authorities of the host, where a service brings none of its own.
HOST_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
LONGEST_AUTHORITIES = 16 << 10
# Certificates and blank lines, nothing else: no key, no text that a program would read as something else.
PEM = re.compile(
    r"\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*)+", re.ASCII
)

# What a probe finds. SILENT: nothing answers LDAP there; REFUSED: the server takes no StartTLS.
GOOD, SILENT, REFUSED, NAME, AUTHORITY, INVALID, FAILED = (
    *("good", "silent", "refused", "name", "authority", "invalid"),
    "failed",
)
# Of OpenSSL's X509_V_ERR_*.
OF_NAME = frozenset((62, 63, 64))
OF_AUTHORITY = frozenset((2, 18, 19, 20, 21, 27))
IN_WORDS = {9: "it is not valid yet", 10: "it has expired"}

START_TLS_REQUEST = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
EXTENDED_RESPONSE, ENUMERATED = 0x78, 0x0A
LONGEST_RESPONSE = 4096


class Malformed(Exception):
    pass


def authorities_problem(text: str) -> str | None:
    """Why a text is no list of certificates in PEM; None when it is one that TLS libraries read."""
    if len(text) > LONGEST_AUTHORITIES:
        return f"must be at most {LONGEST_AUTHORITIES} characters"
    if not PEM.fullmatch(text):
        return "must be certificates in PEM and nothing else"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        return "has a certificate that can't be read"
    return None


def start_tls_result(message: bytes) -> int:
    """The result code in an extended response. Malformed for anything else."""
    try:
        body = _element(message, 0, 0x30)
        number = _element(body, 0, 0x02)
        response = _element(body, 2 + len(number), EXTENDED_RESPONSE)
        code = _element(response, 0, ENUMERATED)
    except IndexError as cause:
        raise Malformed from cause
    if len(code) != 1:
        raise Malformed
    return code[0]


def _element(data: bytes, at: int, tag: int) -> bytes:
    """The content of one BER element of a known tag."""
    if data[at] != tag:
        raise Malformed
    length, at = data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 2:
            raise Malformed
        length, at = int.from_bytes(data[at : at + count], "big"), at + count
    if at + length > len(data):
        raise Malformed
    return data[at : at + length]


def _receive(connection: socket.socket, count: int, end: float) -> bytes:
    data = b""
    while len(data) < count:
        connection.settimeout(max(0.01, end - time.monotonic()))
        part = connection.recv(count - len(data))
        if not part:
            raise Malformed
        data += part
    return data


def _start_tls(connection: socket.socket, end: float) -> bool:
    """Whether the server takes StartTLS. Reads its answer and no byte more: what follows has to come encrypted."""
    connection.sendall(START_TLS_REQUEST)
    head = _receive(connection, 2, end)
    if head[1] & 0x80:
        count = head[1] & 0x7F
        if not 1 <= count <= 2:
            raise Malformed
        head += _receive(connection, count, end)
        length = int.from_bytes(head[2:], "big")
    else:
        length = head[1]
    if length > LONGEST_RESPONSE:
        raise Malformed
    return start_tls_result(head + _receive(connection, length, end)) == 0


def probe(payload: dict) -> dict:
    """{address, port, name, ldaps, authorities} -> {found, code?}: connects, sends no credentials, closes.

    `name` is what the certificate has to be for, `authorities` a file of those who may have issued it."""
    end = time.monotonic() + TIMEOUT
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(payload["authorities"])
    except OSError:
        # A host without a list of authorities knows none.
        pass
    try:
        connection = socket.create_connection((payload["address"], payload["port"]), TIMEOUT)
    except OSError:
        return {"found": SILENT}
    with connection:
        try:
            if not payload["ldaps"] and not _start_tls(connection, end):
                return {"found": REFUSED}
        except TimeoutError:
            return {"found": SILENT}
        except (OSError, Malformed):
            return {"found": REFUSED}
        try:
            connection.settimeout(max(0.01, end - time.monotonic()))
            with context.wrap_socket(connection, server_hostname=payload["name"]):
                return {"found": GOOD}
        except ssl.SSLCertVerificationError as error:
            code = error.verify_code
            return {"found": NAME if code in OF_NAME else AUTHORITY if code in OF_AUTHORITY else INVALID, "code": code}
        except (OSError, ValueError):
            return {"found": FAILED}


def refusal(found: str, code: int, host: str, where: str, advice: str) -> Problem:
    """Why the server gets no password. `advice` ends the message."""
    if found == REFUSED:
        text = f"{where} does not take StartTLS, so the connection can't be encrypted"
        return rejected("LDAPStartTLSRefused", f"{text}{advice}")
    if found == NAME:
        text = f"the certificate of {where} is not for {host}: use a name that is in its subjectAltName"
        return rejected("LDAPCertificateNameMismatch", f"{text}{advice}")
    if found == AUTHORITY:
        text = f"the certificate of {where} was issued by no known authority"
        return rejected("LDAPCertificateUntrusted", f"{text}: give the one that issued it in tls.caBundle or tls.caSecretRef{advice}")
    if found == INVALID:
        text = IN_WORDS.get(code, f"OpenSSL verification result {code}")
        return rejected("LDAPCertificateInvalid", f"the certificate of {where} can't be accepted: {text}{advice}")
    return rejected("LDAPTLSFailed", f"{where} and the share server do not agree on a TLS connection{advice}")
