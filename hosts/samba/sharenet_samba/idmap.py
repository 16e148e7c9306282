"""Which Unix user ids a domain's accounts get: one range for each domain SID that this share server ever joined.

A range is never given to another domain, so a user of the new domain owns no file of the old domain's user with the
same RID, and who comes back finds the files owned as before."""

from __future__ import annotations

from .problem import rejected

# An LDAP directory decides its users' and groups' numbers; those of systems, root's first, are not for it.
LOWEST_ID = 1000
# Slot 0 is for what belongs to no joined domain: BUILTIN, trusted domains.
FIRST_DOMAIN_SLOT = 1


def _slot(settings: dict, number: int) -> tuple[int, int]:
    first = int(settings["first"]) + number * int(settings["size"])
    return first, first + int(settings["size"]) - 1


def default_range(directory: dict, settings: dict) -> tuple[int, int]:
    """The range of what belongs to no joined domain. Kept as it was first, whatever the settings become."""
    stored = directory.setdefault("defaultRange", list(_slot(settings, 0)))
    return stored[0], stored[1]


def range_of(directory: dict, domain_sid: str, settings: dict) -> tuple[int, int]:
    """The domain's range, taken now when it has none; `directory` has to be saved before it is used.

    Rejected `IDRangesExhausted` when the backend's ranges are used up."""
    ranges = directory.setdefault("idRanges", {})
    if domain_sid in ranges:
        return tuple(ranges[domain_sid])
    default_range(directory, settings)
    for number in range(FIRST_DOMAIN_SLOT, int(settings["count"])):
        first, last = _slot(settings, number)
        # Not by counting: the settings may have changed since the other ranges were taken.
        taken = [*ranges.values(), directory["defaultRange"]]
        if all(last < low or first > high for low, high in taken):
            ranges[domain_sid] = [first, last]
            return first, last
    raise rejected(
        "IDRangesExhausted",
        "this share server has been in as many domains as the backend has ranges of user ids for; "
        "an administrator can raise idmapRange.count",
    )


def has_room(directory: dict, domain_sid: str, settings: dict) -> None:
    """As range_of, taking nothing."""
    copy = {**directory, "idRanges": dict(directory.get("idRanges", {}))}
    range_of(copy, domain_sid, settings)


def as_details(directory: dict) -> str:
    """For backendDetails: `SID=first-last`, by range."""
    ranges = sorted(directory.get("idRanges", {}).items(), key=lambda each: each[1])
    return " ".join(f"{sid}={first}-{last}" for sid, (first, last) in ranges)
