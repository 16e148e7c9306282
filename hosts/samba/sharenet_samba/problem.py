"""What a verb answers when it can't do its work."""

from __future__ import annotations

KINDS = ("Unavailable", "Rejected", "NotFound", "Internal")

# A directory refused the account of a security service. It counts such log-ins and may lock the account, so that the
# operator does not try them again by itself.
CREDENTIALS_REFUSED = frozenset(
    (
        "PasswordRefused",
        "PasswordExpired",
        "AccountUnknown",
        "AccountDisabled",
        "AccountRefused",
        "LoginRefused",
        "DirectoryPasswordRefused",
    )
)


class Problem(Exception):
    """An error for the caller. `message` is read by tenants: no secret, no text of a remote server as it is.

    kind: `Unavailable` may work later, `Rejected` never with this request, `NotFound`, `Internal`.
    reason: CamelCase. detail: for the administrator's log only. retry_after: seconds.
    partial: {"details": {...}} of what was made before it failed.
    """

    def __init__(
        self,
        kind: str,
        reason: str,
        message: str,
        *,
        detail: str | None = None,
        retry_after: float | None = None,
        partial: dict | None = None,
    ) -> None:
        super().__init__(message)
        if kind not in KINDS:
            raise ValueError(f"no such kind of problem: {kind}")
        self.kind = kind
        self.reason = reason
        self.message = message
        self.detail = detail
        self.retry_after = retry_after
        self.partial = partial

    @property
    def refuses_credentials(self) -> bool:
        return self.reason in CREDENTIALS_REFUSED

    def answer(self) -> dict:
        """The `error` member of the protocol's answer."""
        error: dict = {"kind": self.kind, "reason": self.reason, "message": self.message}
        if self.detail:
            error["detail"] = self.detail[:4000]
        if self.refuses_credentials:
            error["credentialsRefused"] = True
        if self.retry_after is not None:
            error["retryAfterSeconds"] = self.retry_after
        if self.partial:
            error["partial"] = self.partial
        return error


def unavailable(reason: str, message: str, **more) -> Problem:
    return Problem("Unavailable", reason, message, **more)


def rejected(reason: str, message: str, **more) -> Problem:
    return Problem("Rejected", reason, message, **more)


def internal(reason: str, message: str, **more) -> Problem:
    return Problem("Internal", reason, message, **more)
