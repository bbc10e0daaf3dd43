"""The calls of `OfficeClient` for trouble: conflicts, quarantine, clones. docs/api.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sync.wire.office.v1 import office_pb2 as office
from sync.wire.office.v1 import trouble_pb2 as trouble


class TroubleCalls:
    """What a person decides carries who decided and why; both are kept."""

    _call: Callable[[str, Any], Any]

    # -- conflicts ----------------------------------------------------------------------------

    def conflicts(
        self, *, register: str = "", limit: int = 50, after: str = "", resolved: bool = False
    ) -> office.ListConflictsResponse:
        """A page of open conflicts, the oldest first; or of `resolved` ones, the newest first."""
        request = office.ListConflictsRequest(
            register=register, limit=limit, after=after, resolved=resolved
        )
        reply: office.ListConflictsResponse = self._call("ListConflicts", request)
        return reply

    def conflict(self, conflict: str) -> office.Conflict:
        """One conflict, both sides."""
        found: office.Conflict = self._call(
            "GetConflict", office.GetConflictRequest(id=conflict)
        ).conflict
        return found

    def resolve(
        self,
        conflict: str,
        take: str,
        *,
        reason: str,
        actor: str,
        values: Mapping[str, str] | None = None,
        alike: bool = False,
        alike_by: str = "values",
        preview: bool = False,
    ) -> office.ResolveConflictResponse:
        """Decide a conflict: take what is shown, the loser, or a value of your own.

        `alike`: and all of the same register and field with the same two values, or of the same
        two writers (`alike_by`); with `preview` these are only counted.
        """
        request = office.ResolveConflictRequest(
            id=conflict,
            take=take,
            values=values or {},
            reason=reason,
            actor=actor,
            alike=alike,
            alike_by=alike_by if alike else "",
            preview=preview,
        )
        reply: office.ResolveConflictResponse = self._call("ResolveConflict", request)
        return reply

    # -- holes --------------------------------------------------------------------------------

    def quarantined(
        self, *, all_states: bool = False, limit: int = 50, after: str = ""
    ) -> trouble.ListQuarantinedResponse:
        """A page of changes that are held; with `all_states` also healed and closed ones."""
        request = trouble.ListQuarantinedRequest(all=all_states, limit=limit, after=after)
        reply: trouble.ListQuarantinedResponse = self._call("ListQuarantined", request)
        return reply

    def quarantined_change(self, quarantined_change: str) -> trouble.GetQuarantinedResponse:
        """One held change."""
        reply: trouble.GetQuarantinedResponse = self._call(
            "GetQuarantined", trouble.GetQuarantinedRequest(id=quarantined_change)
        )
        return reply

    def retry_quarantined(self, quarantined_change: str = "") -> trouble.RetryQuarantinedResponse:
        """Try one held change again, or all."""
        reply: trouble.RetryQuarantinedResponse = self._call(
            "RetryQuarantined", trouble.RetryQuarantinedRequest(id=quarantined_change)
        )
        return reply

    def close_quarantined(
        self, quarantined_change: str, *, reason: str, actor: str
    ) -> trouble.CloseQuarantinedResponse:
        """Give a held change up, for good."""
        request = trouble.CloseQuarantinedRequest(id=quarantined_change, reason=reason, actor=actor)
        reply: trouble.CloseQuarantinedResponse = self._call("CloseQuarantined", request)
        return reply

    # -- copies -------------------------------------------------------------------------------

    def copies(self) -> list[trouble.ClonedOffice]:
        """Offices below under whose name two stores were seen at work, and what was decided."""
        return list(self._call("ListClones", trouble.ListClonesRequest()).offices)

    def reset_clone(self, unit: str, *, reason: str, actor: str) -> trouble.ClonedOffice:
        """Take the next store that comes under a child's name for the right one."""
        request = trouble.ResetCloneRequest(unit=unit, reason=reason, actor=actor)
        found: trouble.ClonedOffice = self._call("ResetClone", request).office
        return found
