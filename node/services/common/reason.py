"""Reason and name: both are stored with what a person decides for others."""

from __future__ import annotations

from sync.model.errors import ErrorKind, FieldViolation, SilianError

REASON_CHARS_MAX = 500


class ReasonMissing(SilianError):
    """A decision that others will ask about needs a reason that they can read later."""

    code = "reason_missing"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self) -> None:
        super().__init__(
            "the reason is missing",
            "未填写理由",
            remedy_en="Say why in a few words: it is kept for whoever looks at it later.",
            remedy_zh="请简要说明理由，系统将保存以备查考。",
        )
        self.violations = (FieldViolation("reason", self.en, self.zh),)


class ActorMissing(SilianError):
    """A decision that others will ask about needs the name of who made it."""

    code = "actor_missing"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self) -> None:
        super().__init__(
            "the name of who decides is missing",
            "未填写经办人",
            remedy_en="Name the person who decides.",
            remedy_zh="请填写经办人姓名。",
        )
        self.violations = (FieldViolation("actor", self.en, self.zh),)


def stated_reason(text: str) -> str:
    """Return a reason without the space around it. Raises: ReasonMissing."""
    reason = text.strip()
    if not reason:
        raise ReasonMissing
    return reason


def stated_actor(text: str) -> str:
    """Return the name of who decides without the space around it. Raises: ActorMissing."""
    actor = text.strip()
    if not actor:
        raise ActorMissing
    return actor
