"""The verb access-set: the whole list of a share's rules, each time."""

from __future__ import annotations

from .address_range import normal_range
from .call_order import in_turn
from .deadline import Deadline
from .instance import Instance
from .layout import IDENTIFIER, Layout
from .principals import name_problem, resolve
from .problem import Problem
from .request import Fields, WantedRule, rules_of
from .servers import ready_instance
from .sessions import close_lost
from .share_section import element
from .shares import known_share
from .state import Rule, Share, State

# Of each type for one share, and what the rules of all shares of a share server take in Samba's files: each of its
# processes reads all of them.
MOST_RULES = 2000
MOST_BYTES = 4 << 20
# What is around a name: a NetBIOS name with `\`, quotes, comma, blank, `+`.
AROUND = 22
# Of IPv6, with its mask.
LONGEST_RANGE = 80


def _failed(reason: str, message: str) -> dict:
    return {"state": "error", "reason": reason, "message": message}


def _unknown() -> dict:
    return _failed("AccessToUnknown", "the share server's directory knows no such user or group")


def _not_asked() -> dict:
    return _failed("DirectoryNotAnswering", "the share server's directory does not say who that is; try again later")


def _check(rule: WantedRule) -> dict | None:
    """What is wrong with the rule by itself."""
    if rule.level not in ("rw", "ro"):
        return _failed("AccessLevelNotSupported", "the access level must be rw or ro")
    if rule.type == "ip":
        return None if normal_range(rule.to) else _failed("AccessToInvalid", "that is not an IP address or range")
    if rule.type == "user":
        wrong = name_problem(rule.to)
        return _failed("AccessToInvalid", wrong) if wrong else None
    return _failed("AccessTypeNotSupported", "a share of this backend takes rules for users, groups and IP addresses")


def _level_of_addresses(wanted: list[WantedRule], share: Share) -> str | None:
    """Samba has one level for all addresses of a share. What is in force stays; else the first rule decides."""
    levels = {rule.id: rule.level for rule in share.rules if rule.type == "ip"}
    addresses = [rule for rule in wanted if rule.type == "ip"]
    kept = [rule.level for rule in addresses if levels.get(rule.id) == rule.level]
    return next(iter(kept), next((rule.level for rule in addresses), None))


def _size(rule: Rule) -> int:
    """What the rule takes at most: a user's name is written twice, with its domain."""
    return LONGEST_RANGE if rule.type == "ip" else 2 * (len(rule.to.encode()) + AROUND)


def refuse_what_does_not_fit(rules: list[Rule], share: Share, state: State) -> tuple[list[Rule], dict[str, dict]]:
    """The rules that can be written down, and the results of the others. Rules in force come first."""
    in_force = {rule.id for rule in share.rules}
    left = MOST_BYTES - sum(_size(r) for s in state.shares.values() if s.id != share.id for r in s.rules)
    counts = {"user": 0, "ip": 0}
    refused: dict[str, dict] = {}
    for rule in sorted(rules, key=lambda each: each.id not in in_force):
        try:
            element(rule, state)
        except Problem as problem:
            refused[rule.id] = _failed("AccessToInvalid", problem.message)
            continue
        size = _size(rule)
        if counts[rule.type] >= MOST_RULES:
            refused[rule.id] = _failed("AccessRulesExceeded", f"a share takes {MOST_RULES} rules of type {rule.type} at most")
        elif size > left:
            message = f"the rules of all shares of a share server take {MOST_BYTES >> 20} MiB of Samba's configuration at most"
            refused[rule.id] = _failed("AccessRulesExceeded", message)
        else:
            counts[rule.type] += 1
            left -= size
    return [rule for rule in rules if rule.id not in refused], refused


def decide(wanted: list[WantedRule], share: Share, kinds: dict[str, str | None]) -> tuple[list[Rule], dict[str, dict]]:
    """The rules to put in force, and each rule's result. `kinds` as principals.resolve answers: a user or group whose
    rule is in force stays while the directory can't be asked, and goes when it has no such name (any more)."""
    results: dict[str, dict] = {}
    rules: list[Rule] = []
    before = {rule.id: rule for rule in share.rules}
    sound = []
    for rule in wanted:
        wrong = _check(rule)
        results[rule.id] = wrong or {}
        if wrong is None:
            sound.append(rule)
    level = _level_of_addresses(sound, share)
    for rule in sound:
        if rule.type == "ip":
            if rule.level != level:
                results[rule.id] = _failed(
                    "AccessLevelNotSupported",
                    f"all IP rules of a share have one level, here {level}; use user rules for the others",
                )
                continue
            rules.append(Rule(rule.id, "ip", str(normal_range(rule.to)), rule.level))
            continue
        known = before.get(rule.id)
        in_force = known.principal if known and known.to == rule.to else None
        kind = kinds.get(rule.to, in_force)
        if kind is None:
            results[rule.id] = _unknown() if rule.to in kinds else _not_asked()
            continue
        rules.append(Rule(rule.id, "user", rule.to, rule.level, kind))
    return rules, results


def set_rules(layout: Layout, request: Fields, deadline: Deadline) -> dict:
    """{root, owner, serverID, shareID, rules} -> {results: {ruleID: {state?, reason?, message?}}}. When it answers, who
    lost access is disconnected."""
    share_id = request.text("shareID", IDENTIFIER)
    wanted = rules_of(request)
    with in_turn(layout, request, deadline, f"{share_id}/rules"):
        instance = ready_instance(layout, request, deadline)
        share = known_share(instance, share_id)
        names = sorted({rule.to for rule in wanted if rule.type == "user" and name_problem(rule.to) is None})
        rules, results = decide(wanted, share, resolve(instance, names) if names else {})
        rules, refused = refuse_what_does_not_fit(rules, share, instance.state)
        results.update(refused)
        _put_in_force(instance, share, rules)
        return {"results": results}


def _put_in_force(instance: Instance, share: Share, rules: list[Rule]) -> None:
    before = [rule for rule in share.rules]
    # Stored until the sessions are closed: a call that is cut in between must close them the next time.
    owed = instance.state.closing.setdefault(share.id, [])
    owed.extend(rule for rule in before if rule not in rules and rule not in owed)
    share.rules = rules
    instance.save()
    instance.configure(instance.state.sections, only=share.id)
    instance.reload()
    close_lost(instance, share, owed)
    del instance.state.closing[share.id]
    instance.save()
