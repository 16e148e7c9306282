"""A share and its access rules as a section of smb.conf."""

from __future__ import annotations

from .address_range import samba_range
from .principals import qualified
from .smbconf import quoted_name
from .state import Rule, Share, State


def element(rule: Rule, state: State) -> str:
    """An address as Samba reads it; a user by its name; a group with `+` before it. Rejected `ValueNotRepresentable`."""
    if rule.type == "ip":
        return samba_range(rule.to)
    name = qualified(rule.to.lstrip("@+"), state)
    quoted = quoted_name(name, f'access rule for "{name[:80]}"')
    return f"+{quoted}" if rule.principal == "group" else quoted


def share_section(share: Share, state: State) -> dict[str, str]:
    """Without a rule there is no access: the share is then not offered at all. User rules tell who, ip rules from where;
    with only ip rules every user who can log in may come from there, with both both must hold."""
    users = [rule for rule in share.rules if rule.type == "user"]
    addresses = [rule for rule in share.rules if rule.type == "ip"]
    section = {
        "path": f"/shares/{share.id}",
        "available": "yes" if share.rules else "no",
        "browseable": "yes",
        "guest ok": "no",
        "read only": "yes",
        "follow symlinks": "no",
        "wide links": "no",
        # Who may write in the share may write everything in it, until someone sets a Windows ACL. Those are kept and
        # obeyed by Samba alone; the modes of the system would narrow them.
        "acl_xattr:ignore system acls": "yes",
        "acl_xattr:default acl style": "everyone",
    }
    if users:
        section["valid users"] = ", ".join(element(rule, state) for rule in users)
        writers = [element(rule, state) for rule in users if rule.level == "rw"]
        if writers and all(rule.level == "rw" for rule in addresses):
            section["write list"] = ", ".join(writers)
    elif addresses and all(rule.level == "rw" for rule in addresses):
        section["read only"] = "no"
    if addresses:
        section["hosts allow"] = " ".join(element(rule, state) for rule in addresses)
    return section
