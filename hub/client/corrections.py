"""The calls of `hub.client.client.OfficeClient` for correction requests; docs/api.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sync.wire.office.v1 import corrections_pb2 as pb


class CorrectionCalls:
    """What this office wishes of other offices' fields, and they of its own."""

    _call: Callable[[str, Any], Any]

    def ask_correction(
        self,
        register: str,
        record: str,
        values: Mapping[str, str],
        *,
        reason: str,
        actor: str,
        unit: str = "",
        due_on: date | None = None,
    ) -> pb.Correction:
        """Ask the owner of these fields for other values."""
        request = pb.AskCorrectionRequest(
            register=register,
            unit=unit,
            id=record,
            values=values,
            reason=reason,
            actor=actor,
            due_on=due_on.isoformat() if due_on else "",
        )
        made: pb.Correction = self._call("AskCorrection", request).correction
        return made

    def corrections(
        self, box: str = "all", *, open_only: bool = False, limit: int = 50, after: str = ""
    ) -> pb.ListCorrectionsResponse:
        """A page of requests, the newest first: "asked", "to-answer" or "all"."""
        request = pb.ListCorrectionsRequest(box=box, open_only=open_only, limit=limit, after=after)
        reply: pb.ListCorrectionsResponse = self._call("ListCorrections", request)
        return reply

    def correction(self, correction: str) -> pb.Correction:
        """One request beside the record as it is here."""
        found: pb.Correction = self._call(
            "GetCorrection", pb.GetCorrectionRequest(id=correction)
        ).correction
        return found

    def accept_correction(
        self, correction: str, *, actor: str, version_token: str = "", force: bool = False
    ) -> pb.Correction:
        """Make the requested edit; refuse to overwrite what is newer than `version_token`."""
        return self._answer(
            pb.AnswerCorrectionRequest(
                id=correction,
                answer="accept",
                actor=actor,
                version_token=version_token,
                force=force,
            )
        )

    def refuse_correction(self, correction: str, *, reason: str, actor: str) -> pb.Correction:
        """Say why the fields stay as they are."""
        return self._answer(
            pb.AnswerCorrectionRequest(id=correction, answer="refuse", reason=reason, actor=actor)
        )

    def withdraw_correction(
        self, correction: str, *, actor: str, reason: str = ""
    ) -> pb.Correction:
        """Take a request of this office back."""
        request = pb.WithdrawCorrectionRequest(id=correction, actor=actor, reason=reason)
        now: pb.Correction = self._call("WithdrawCorrection", request).correction
        return now

    def _answer(self, request: pb.AnswerCorrectionRequest) -> pb.Correction:
        now: pb.Correction = self._call("AnswerCorrection", request).correction
        return now
