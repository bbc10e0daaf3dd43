"""Lies that no check refuses yet: listed with the others, and not part of any run."""

from __future__ import annotations

from typing import Any

from tests.simulation.lie import End, How, Lies, Role

LIES = Lies()


def succeeds(role: Role, method: str, falsifies: str, end: str) -> Any:
    return LIES.add(role, method, falsifies, End(How.OPEN, end))


@succeeds(Role.CHILD, "UploadSnapshot", "a value of an office below it, made up",
          "stored at its parent under that office's name")  # fmt: skip
def a_value_that_an_office_below_never_uploaded() -> None: ...


@succeeds(Role.CHILD, "Push", "an entry of an office below it, under its revoked key",
          "stored: accepted before the revocation, for all that its receiver can know")  # fmt: skip
def an_office_below_under_a_revoked_key() -> None: ...


@succeeds(Role.HUB, "Snapshot", "a value of an office above it, made up",
          "stored at its child under that office's name")  # fmt: skip
def a_snapshot_with_a_value_made_up() -> None: ...


@succeeds(Role.CHILD, "Push", "an entry of an office below it, under a new incarnation",
          "stored, and shown as `new_key`; refused where offices are enrolled")  # fmt: skip
def an_office_below_under_a_new_key() -> None: ...


@succeeds(Role.HUB, "Hello", "the verdict: that the child was restored",
          "the child recovers, under a new incarnation")  # fmt: skip
def a_child_called_restored() -> None: ...
