"""The calls of `hub.client.client.OfficeClient` for cases; docs/api.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sync.wire.office.v1 import office_pb2 as office


class CaseCalls:
    """One number registered twice, and what people found."""

    _call: Callable[[str, Any], Any]

    def cases(self, *, every: bool = False) -> office.ListCasesResponse:
        """The open cases, or all."""
        reply: office.ListCasesResponse = self._call(
            "ListCases", office.ListCasesRequest(all=every)
        )
        return reply

    def case(self, case: str) -> office.Case:
        """One case with this office's own records."""
        found: office.Case = self._call("GetCase", office.GetCaseRequest(id=case)).case
        return found

    def close_case(self, case: str, *, reason: str, actor: str) -> office.Case:
        """Close an open case of this office."""
        request = office.CloseCaseRequest(id=case, reason=reason, actor=actor)
        found: office.Case = self._call("CloseCase", request).case
        return found
