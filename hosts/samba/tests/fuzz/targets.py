"""What each part promises of any input. A target raises AssertionError, or what the part must not raise."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

from sharenet_samba.access import decide
from sharenet_samba.directory_data import Entry, filter_value, parse_ldif
from sharenet_samba.directory_errors import join_problem, ldap_problem, login_problem
from sharenet_samba.directory_service import DirectoryService, is_host_name, parse_service
from sharenet_samba.distinguished_name import DNError, escaped, parse_dn
from sharenet_samba.domain_survey import organizational_unit_dn
from sharenet_samba.idmap import range_of
from sharenet_samba.kerberos import krb5_conf
from sharenet_samba.ldap_survey import _suffix
from sharenet_samba.ldap_tls import Malformed as MalformedLDAP
from sharenet_samba.ldap_tls import authorities_problem, start_tls_result
from sharenet_samba.name_server import Malformed, parse_answer
from sharenet_samba.answer import read_request
from sharenet_samba.principals import name_problem, qualified
from sharenet_samba.problem import KINDS, Problem
from sharenet_samba.request import Fields, owner_of, rules_of, server_id_of, server_of, settings_of, share_of
from sharenet_samba.samba_settings import main_text, share_text
from sharenet_samba.smbconf import render
from sharenet_samba.state import Allocation, Owner, Share, State
from sharenet_samba.trial import hosts_file, resolv_conf

BASE = "DC=corp,DC=test"


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _value(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return _text(data)


def _refusal(problem: Problem) -> None:
    assert problem.kind in KINDS and problem.message and "\n" not in problem.message, problem.message


def request(data: bytes) -> None:
    """A request is taken or refused with a reason."""
    try:
        fields = read_request(io.BytesIO(data))
    except Problem as problem:
        _refusal(problem)
        return
    for part in (owner_of, server_of, server_id_of, settings_of, share_of, rules_of):
        try:
            part(fields)
        except Problem as problem:
            _refusal(problem)


def service(data: bytes) -> None:
    """A security service is taken or refused; what is taken fits on one line of a configuration file."""
    try:
        raw = Fields(_value(data), "service").value
        taken = parse_service(raw, [])
    except Problem as problem:
        _refusal(problem)
        return
    for text in (taken.user, taken.domain, taken.site, taken.base, *taken.servers, *taken.dns_ips):
        assert text.isprintable(), text
    if taken.type == "active_directory":
        _lines(krb5_conf(taken.realm, []), 8)
    try:
        directory = organizational_unit_dn(taken, BASE) if taken.ou else _suffix(taken, [BASE])
    except Problem as problem:
        _refusal(problem)
        return
    assert directory.isprintable(), directory


def _lines(text: str, count: int) -> None:
    assert len(text.splitlines()) == count, text


def name(data: bytes) -> None:
    """A distinguished name is refused with its place, or written so that it is read as the same."""
    text = _text(data)
    try:
        found = parse_dn(text)
    except DNError as error:
        assert "(at character " in str(error)
        return
    written = str(found)
    assert written.isprintable(), written
    assert parse_dn(written).same_as(found) and str(parse_dn(written)) == written
    assert parse_dn(f"CN={escaped(text)}x").parts[0][0].value == f"{text}x" or not text


def smb_conf(data: bytes) -> None:
    """What is written to smb.conf is read back as it is, line for line, or refused."""
    lines = _text(data).split("\x1f")
    sections = {"global": {"workgroup": "W"}, "share": {"path": lines[0], "comment": lines[-1]}}
    try:
        written = render(sections)
    except Problem as problem:
        assert problem.reason == "ValueNotRepresentable"
        return
    assert _read(written) == sections, written


def _read(text: str) -> dict[str, dict[str, str]]:
    """As Samba reads it, without what it would do with values."""
    sections: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    for line in text.split("\n"):
        line = line.strip()
        if line.startswith("["):
            section = sections.setdefault(line[1:-1], {})
        elif line and line[0] not in "#;":
            parameter, _, value = line.partition("=")
            section[parameter.strip()] = value.strip()
    return sections


def rules(data: bytes) -> None:
    """Whatever names rules have: each is refused alone, and the file has the sections of the shares."""
    share = Share(id="s", name="share-1", size=1)
    allocation = Allocation("10.0.0.9", 24, "flat", "a")
    directory = {"global": {"security": "ads", "workgroup": "CORP", "realm": "CORP.TEST"}}
    state = State(Owner("i", "n"), "id", "name", "SN-1", "br0", [allocation], shares={"s": share}, sections=directory)
    value = _value(data)
    try:
        wanted = rules_of(Fields({"rules": value if isinstance(value, list) else []}, "request"))
    except Problem as problem:
        _refusal(problem)
        return
    kinds = {rule.to: "user" for rule in wanted if name_problem(rule.to) is None}
    share.rules, results = decide(wanted, share, kinds)
    assert set(results) == {rule.id for rule in wanted}
    for to in kinds:
        qualified(to, state)
    assert list(_read(share_text(share, state))) == ["share-1"]
    assert "share-1" not in main_text(state, directory, [share.id])


def ldif(data: bytes) -> None:
    """Entries of any text."""
    for entry in parse_ldif(_text(data)):
        assert isinstance(entry, Entry)


def search_filter(data: bytes) -> None:
    """A value in a search is ASCII without what ends it."""
    value = filter_value(_text(data))
    assert value.isascii() and not set(value) & set("*()\0")


def dns(data: bytes) -> None:
    """An answer of a name server, or Malformed."""
    try:
        _, _, records = parse_answer(data, int.from_bytes(data[:2]))
    except Malformed:
        return
    json.dumps(records)
    assert len(records) <= 64


def start_tls(data: bytes) -> None:
    """An answer to StartTLS, or Malformed."""
    try:
        assert 0 <= start_tls_result(data) <= 255
    except MalformedLDAP:
        pass


def authorities(data: bytes) -> None:
    """Certificates, or what is wrong with them; never a line that a program would read as something else."""
    text = _text(data)
    if authorities_problem(text) is None:
        assert text.strip().startswith("-----BEGIN CERTIFICATE-----"), text


def idmap(data: bytes) -> None:
    """No range of numbers overlaps another, whatever the settings were before."""
    directory: dict = {}
    for at in range(0, min(len(data) - 3, 60), 3):
        first, size, count = data[at] * 7 + 1, data[at + 1] + 1, data[at + 2] % 9 + 2
        try:
            range_of(directory, f"S-{at}", {"first": first, "size": size, "count": count})
        except Problem as problem:
            assert problem.reason == "IDRangesExhausted"
    taken = sorted([directory.get("defaultRange", [0, 0]), *directory.get("idRanges", {}).values()])
    assert all(left[1] < right[0] for left, right in zip(taken, taken[1:])), taken


def messages(data: bytes) -> None:
    """What a directory's programs print is classified and never shown."""
    text = _text(data)
    secret = f"<{text}>"
    for problem in (
        login_problem(secret, "domain x", "joiner", "10.0.0.2"),
        join_problem(secret, "domain x", "joiner", "SN-1", "10.0.0.2"),
        ldap_problem(data[0] if data else None, secret, "LDAP server 10.0.0.3", "cn=a"),
    ):
        _refusal(problem)
        assert secret not in problem.message


def etc(data: bytes) -> None:
    """Names and addresses that were taken are lines of their own."""
    host = _text(data)
    if is_host_name(host):
        _lines(hosts_file({host: "10.0.0.2"}), 3)
        _lines(resolv_conf(("10.0.0.2",), host), 3)
        assert DirectoryService("", "", "ldap", domain=host).base_dn.isprintable()


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (request, service, name, smb_conf, rules, ldif, search_filter, dns, start_tls, authorities, idmap, messages, etc)
}
