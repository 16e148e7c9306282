"""Fills the directory of a domain controller that does not run yet: users, groups, organizational units, join accounts.

Standard input: {"users": [{"name", "password"}], "groups": [{"name", "members"}], "organizationalUnits": [name],
"joinAccounts": [{"name", "password", "organizationalUnit"}]}. They are made in this order, so equal lists give equal
RIDs in two domains.
"""
import json
import sys

from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
import ldb

COMPUTER = "bf967a86-0de6-11d0-a285-00aa003049e2"
# The least rights with which a share server's computer account can be made, joined, disabled and deleted.
JOIN_RIGHTS = (
    f"(OA;CI;CCDC;{COMPUTER};;{{sid}})"  # create and delete computer objects
    f"(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;{COMPUTER};{{sid}})"  # reset password
    f"(OA;CIIO;WP;4c164200-20c0-11d0-a768-00aa006e0529;{COMPUTER};{{sid}})"  # write account restrictions
    f"(OA;CIIO;SW;72e39547-7b18-11d1-adef-00c04fd8d5cd;{COMPUTER};{{sid}})"  # validated write to DNS host name
    f"(OA;CIIO;WP;bf96793f-0de6-11d0-a285-00aa003049e2;{COMPUTER};{{sid}})"  # write cn, to move it to another unit
    f"(OA;CIIO;WP;bf967a0e-0de6-11d0-a285-00aa003049e2;{COMPUTER};{{sid}})"  # write name, likewise
    f"(OA;CIIO;SW;f3a64788-5306-11d1-a9c5-0000f80367c1;{COMPUTER};{{sid}})"  # validated write to service principal name
)


def delegate(samdb: SamDB, dn: ldb.Dn, account: str) -> None:
    sid = samdb.get_dom_sid_of(account)
    found = samdb.search(dn, scope=ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"])
    descriptor = ndr_unpack(security.descriptor, found[0]["nTSecurityDescriptor"][0])
    added = security.descriptor.from_sddl("D:" + JOIN_RIGHTS.format(sid=sid), security.dom_sid(samdb.get_domain_sid()))
    for entry in added.dacl.aces:
        descriptor.dacl_add(entry)
    change = ldb.Message(dn)
    change["sd"] = ldb.MessageElement(ndr_pack(descriptor), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
    samdb.modify(change)


class Directory(SamDB):
    def get_dom_sid_of(self, account: str) -> str:
        found = self.search(expression=f"(sAMAccountName={ldb.binary_encode(account)})", attrs=["objectSid"])
        return str(ndr_unpack(security.dom_sid, found[0]["objectSid"][0]))


def main() -> None:
    wanted = json.load(sys.stdin)
    parameters = LoadParm()
    parameters.load_default()
    samdb = Directory(session_info=system_session(), lp=parameters)
    base = samdb.domain_dn()
    samdb.transaction_start()
    for user in wanted["users"]:
        samdb.newuser(user["name"], user["password"])
    for group in wanted["groups"]:
        samdb.newgroup(group["name"])
        if group["members"]:
            samdb.add_remove_group_members(group["name"], group["members"], add_members_operation=True)
    for unit in wanted["organizationalUnits"]:
        samdb.create_ou(f"OU={unit},{base}")
    for account in wanted["joinAccounts"]:
        samdb.newuser(account["name"], account["password"])
        delegate(samdb, ldb.Dn(samdb, f"OU={account['organizationalUnit']},{base}"), account["name"])
    samdb.transaction_commit()


main()
