"""Libraries of the programs that read our files, as they read them."""

from __future__ import annotations

import ctypes
import json
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

TEXT, POINTER, NUMBER = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int
TEXTS = ctypes.POINTER(TEXT)


def library(name: str) -> ctypes.CDLL | None:
    """None where it is not installed."""
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def _function(of: ctypes.CDLL, name: str, result: object, *arguments: object):
    found = getattr(of, name)
    found.restype, found.argtypes = result, arguments
    return found


def _listed(texts) -> list[str]:
    found: list[str] = []
    while texts and texts[len(found)] is not None:
        found.append(texts[len(found)].decode())
    return found


class Samba:
    """smb.conf by libsmbconf, which smbd, winbindd and `net` read it with."""

    library = library("libsmbconf.so.0")

    def __init__(self, file: Path) -> None:
        if not _function(self.library, "lp_load_with_shares", ctypes.c_bool, TEXT)(str(file).encode()):
            raise AssertionError("Samba does not take the file")
        # Else it complains that it has none.
        _function(self.library, "_talloc_stackframe", POINTER, TEXT)(b"")
        self._names = _function(self.library, "loadparm_s3_global_substitution", POINTER)()

    def text(self, parameter: str) -> str:
        found = _function(self.library, f"lp_{parameter.replace(' ', '_')}", TEXT, POINTER, POINTER)
        return found(None, self._names).decode()

    def option(self, kind: str, name: str) -> str | None:
        found = _function(self.library, "lp_parm_const_string", TEXT, NUMBER, TEXT, TEXT, TEXT)
        value = found(-1, kind.encode(), name.encode(), None)
        return None if value is None else value.decode()

    def share(self, name: str) -> int:
        """-1 for none."""
        return _function(self.library, "lp_servicenumber", NUMBER, TEXT)(name.encode())

    def path(self, share: int) -> str:
        return _function(self.library, "lp_path", TEXT, POINTER, POINTER, NUMBER)(None, self._names, share).decode()

    def names(self, parameter: str, share: int) -> list[str]:
        return _listed(_function(self.library, f"lp_{parameter.replace(' ', '_')}", TEXTS, NUMBER)(share))


def interfaces_of(smb_conf: str, present: list[str]) -> list[str]:
    """Addresses that Samba serves of those that a network interface has, with their prefix lengths."""
    commands = ["ip link add v0 type veth peer name v1", "ip link set v0 up", "ip link set v1 up"]
    commands += [f"ip addr add {each} dev v0{' nodad' if ':' in each else ''}" for each in present]
    subprocess.run(["sh", "-ec", "\n".join(commands)], check=True, timeout=20)
    Path("/run/smb.conf").write_text(smb_conf)
    Samba(Path("/run/smb.conf"))
    _function(Samba.library, "load_interfaces", None)()
    address = _function(Samba.library, "iface_n_sockaddr_storage", POINTER, NUMBER)
    found = []
    for index in range(Samba.library.iface_count()):
        data = ctypes.string_at(address(index), 28)
        four = int.from_bytes(data[:2], sys.byteorder) == socket.AF_INET
        found.append(socket.inet_ntop(socket.AF_INET, data[4:8]) if four else socket.inet_ntop(socket.AF_INET6, data[8:24]))
    return sorted(found)


class _Server(ctypes.Structure):
    _fields_ = [
        *(("host", TEXT), ("port", NUMBER), ("transport", NUMBER), ("path", TEXT), ("family", NUMBER)),
        *(("primary", NUMBER), ("length", ctypes.c_size_t), ("address", ctypes.c_byte * 128)),
    ]


class _Servers(ctypes.Structure):
    _fields_ = [("first", ctypes.POINTER(_Server)), ("count", ctypes.c_size_t)]


class _Data(ctypes.Structure):
    _fields_ = [("magic", NUMBER), ("length", ctypes.c_uint), ("data", TEXT)]


class _Principal(ctypes.Structure):
    _fields_ = [("magic", NUMBER), ("realm", _Data), ("parts", ctypes.POINTER(_Data)), ("count", NUMBER)]


class Kerberos:
    """krb5.conf by MIT's library."""

    library = library("libkrb5.so.3")

    def __init__(self, file: Path) -> None:
        profile, self._context = POINTER(), POINTER()
        _must(self.library.profile_init_path(str(file).encode(), ctypes.byref(profile)))
        _must(self.library.krb5_init_context_profile(profile, 0, ctypes.byref(self._context)))

    def realm(self) -> str:
        found = TEXT()
        _must(self.library.krb5_get_default_realm(self._context, ctypes.byref(found)))
        return found.value.decode()

    def controllers(self, realm: str) -> list[str]:
        """Not those that DNS would name, where the file names some."""
        servers, name = _Servers(), _Data(0, len(realm), realm.encode())
        _must(self.library.k5_locate_kdc(self._context, ctypes.byref(name), ctypes.byref(servers), 0, 0))
        found = [servers.first[i] for i in range(servers.count)]
        assert all(each.port == 88 for each in found)
        return [each.host.decode() for each in found]

    def principal(self, name: str) -> list[str]:
        """Its components and its realm."""
        found = ctypes.POINTER(_Principal)()
        _must(self.library.krb5_parse_name(self._context, name.encode(), ctypes.byref(found)))
        parts = [*found.contents.parts[: found.contents.count], found.contents.realm]
        return [each.data[: each.length].decode() for each in parts]


def _must(code: int) -> None:
    assert code == 0, code


class _URL(ctypes.Structure):
    pass


_URL._fields_ = [
    *(("next", ctypes.POINTER(_URL)), ("scheme", TEXT), ("host", TEXT), ("port", NUMBER), ("dn", TEXT)),
    *(("attributes", TEXTS), ("scope", NUMBER), ("filter", TEXT), ("extensions", TEXTS), ("critical", NUMBER)),
]


class _Bytes(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ulong), ("data", POINTER)]

    def text(self) -> str:
        return ctypes.string_at(self.data, self.length).decode()


class _Attribute(ctypes.Structure):
    _fields_ = [("type", _Bytes), ("value", _Bytes)]


class LDAP:
    """URLs and distinguished names by OpenLDAP's library."""

    library = library("libldap-2.5.so.0") or library("libldap.so.2")
    VERSION_3 = 0x10

    def url(self, text: str) -> tuple[str, str, int]:
        found = ctypes.POINTER(_URL)()
        _must(self.library.ldap_url_parse(text.encode(), ctypes.byref(found)))
        url = found.contents
        assert not url.next and not url.dn and not url.attributes and not url.filter and not url.extensions, text
        return url.scheme.decode(), url.host.decode(), url.port

    def name(self, text: str) -> list[list[tuple[str, str]]]:
        """Types and values of its parts, as of DN."""
        parts = ctypes.POINTER(ctypes.POINTER(ctypes.POINTER(_Attribute)))()
        _must(self.library.ldap_str2dn(text.encode(), ctypes.byref(parts), self.VERSION_3))
        found: list[list[tuple[str, str]]] = []
        while parts and parts[len(found)]:
            pairs: list[tuple[str, str]] = []
            while parts[len(found)][len(pairs)]:
                pair = parts[len(found)][len(pairs)].contents
                pairs.append((pair.type.text(), pair.value.text()))
            found.append(pairs)
        return found


class _Value(ctypes.Structure):
    _fields_ = [("data", POINTER), ("length", ctypes.c_size_t)]


class LDB:
    """Distinguished names by Samba's library, which asks a domain controller for them."""

    library = library("libldb.so.2")

    def name(self, text: str) -> list[tuple[str, str]]:
        """Types and values of its parts."""
        new = _function(self.library, "ldb_dn_new", POINTER, POINTER, POINTER, TEXT)
        count = _function(self.library, "ldb_dn_get_comp_num", NUMBER, POINTER)
        kind = _function(self.library, "ldb_dn_get_component_name", TEXT, POINTER, ctypes.c_uint)
        value = _function(self.library, "ldb_dn_get_component_val", ctypes.POINTER(_Value), POINTER, ctypes.c_uint)
        context = _function(self.library, "ldb_init", POINTER, POINTER, POINTER)(None, None)
        name = new(context, context, text.encode())
        parts = range(count(name))
        values = [value(name, each).contents for each in parts]
        texts = [ctypes.string_at(each.data, each.length).decode() for each in values]
        return [(kind(name, each).decode(), texts[each]) for each in parts]


def seen_in_etc(folder: Path, files: dict[str, str], function: str, *arguments: object) -> object:
    """What a function of this module returns, called in a process that sees these files in /etc."""
    mounts = []
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
        mounts.append(f"mount --bind {folder / name} /etc/{name}")
    call = f"import json, tests.readers as r; print(json.dumps(r.{function}(*{list(arguments)!r})))"
    script = " && ".join([*mounts, "mount -t tmpfs none /run", "mkdir /run/nslcd", "ip link set lo up", 'exec "$@"'])
    argv = ["unshare", "--mount", "--net", "sh", "-c", script, "sh", sys.executable, "-B", "-c", call]
    done = subprocess.run(argv, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def addresses_of(names: list[str]) -> dict[str, list[str]]:
    """By the system's look-up."""
    found: dict[str, list[str]] = {}
    for name in names:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except socket.gaierror:
            answers = []
        found[name] = sorted({str(each[4][0]) for each in answers})
    return found


class _Resolver(ctypes.Structure):
    _fields_ = [
        *(("times", NUMBER * 2), ("options", ctypes.c_ulong), ("count", NUMBER), ("addresses", ctypes.c_byte * 48)),
        *(("id", ctypes.c_ushort), ("search", TEXT * 7), ("domain", ctypes.c_char * 256), ("more", ctypes.c_byte * 128)),
        *(("union", ctypes.c_ushort * 4), ("sockets", NUMBER * 3), ("count6", ctypes.c_ushort * 2), ("six", POINTER * 3)),
        ("room", ctypes.c_byte * 64),
    ]


def resolver() -> dict:
    """Name servers and domains to search, as glibc has them."""
    state = _Resolver()
    _must(ctypes.CDLL("libc.so.6").__res_ninit(ctypes.byref(state)))
    servers = []
    for i in range(state.count):
        four = bytes(state.addresses)[16 * i + 4 : 16 * i + 8]
        six = ctypes.string_at(state.six[i] + 8, 16) if state.six[i] else None
        servers.append(socket.inet_ntop(socket.AF_INET6, six) if six else socket.inet_ntop(socket.AF_INET, four))
    return {"servers": servers, "search": [each.decode() for each in state.search if each is not None]}


def asked_by_nslcd(texts: list[str]) -> list[dict]:
    """Of each configuration: the name, the password and the base that a server at ldap://127.0.0.1:389 gets, and what else
    nslcd has understood."""
    found = []
    with socket.create_server(("127.0.0.1", 389)) as server:
        server.settimeout(20)
        for text in texts:
            Path("/etc/nslcd.conf").write_text(text)
            argv = ["nslcd", "--debug"]
            with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
                shown = []
                for line in process.stderr:
                    if "accepting connections" in line:
                        break
                    shown.append(line.partition("CFG: ")[2].strip())
                if process.poll() is not None:
                    found.append({"refused": shown})
                    continue
                try:
                    threading.Thread(target=_look_up, daemon=True).start()
                    name, password, base = _answered(server, process)
                finally:
                    process.kill()
            # Those two are shown there, too, but not in full.
            others = sorted(each for each in shown if each and not each.startswith(("binddn ", "base ")))
            found.append({"name": name, "password": password, "base": base, "others": others})
    return found


def _look_up() -> None:
    look_up = ctypes.CDLL("libnss_ldap.so.2")._nss_ldap_getpwnam_r
    look_up(b"alice", ctypes.create_string_buffer(256), ctypes.create_string_buffer(4096), 4096, ctypes.byref(NUMBER()))


def _answered(server: socket.socket, process: subprocess.Popen) -> tuple[str, str, str]:
    """Lets the process log in; what it logged in with, and the base of its search. Ends it before it connects again."""
    client, _ = server.accept()
    with client, client.makefile("rb") as data:
        number, request = _message(data)
        _, rest = _element(request)
        name, rest = _element(rest)
        password, _ = _element(rest)
        client.sendall(bytes((0x30, 0x0C, 2, 1, number, 0x61, 7, 10, 1, 0, 4, 0, 4, 0)))
        base, _ = _element(_message(data)[1])
        process.kill()
        process.wait()
        return name.decode(), password.decode(), base.decode()


def _message(data) -> tuple[int, bytes]:
    head = data.read(2)
    more = data.read(head[1] & 0x7F) if head[1] & 0x80 else b""
    whole = data.read(int.from_bytes(more, "big") if more else head[1])
    number, rest = _element(whole)
    return number[-1], _element(rest)[0]


def _element(data: bytes) -> tuple[bytes, bytes]:
    """The content of the first element, and what follows it."""
    start, length = 2, data[1]
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    return data[start : start + length], data[start + length :]


def stored_for_smbd(folder: Path, password: str) -> str | None:
    """The bind password that smbpasswd, called as we call it, stores; None for none."""
    file, secrets = folder / "smb.conf", folder / "secrets.tdb"
    secrets.unlink(missing_ok=True)
    argv = ["smbpasswd", "-c", str(file), "-s", "-W"]
    subprocess.run(argv, input=f"{password}\n{password}\n".encode(), capture_output=True, timeout=20, check=False)
    argv = ["tdbdump", "-k", f"SECRETS/LDAP_BIND_PW/{Samba(file).text('ldap admin dn')}", str(secrets)]
    done = subprocess.run(argv, capture_output=True, timeout=20, check=False)
    data = re.sub(rb"\\([0-9A-F]{2})", lambda each: bytes.fromhex(each[1].decode()), done.stdout)
    return data.decode().removesuffix("\0") if done.returncode == 0 else None
