"""Renewal: a new certificate at two thirds of the life of the former, with nobody present."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hub.link import enroller
from node.identity.authority import moment
from sync.model.errors import SilianError

if TYPE_CHECKING:
    from node.office import Office


def renew_if_due(office: Office) -> bool:
    """Renew an office's certificate if it is due; return whether it was renewed.

    A parent that does not answer is asked again at the next turn; `status` warns in time.
    """
    if not is_due(office):
        return False
    try:
        enroller.renew(office)
    except SilianError as error:
        office.log.warning("certificate_not_renewed", code=error.code, reason=error.en)
        return False
    return True


def is_due(office: Office) -> bool:
    credentials = office.certificates.credentials
    if credentials is None:
        return False
    begin, end = credentials.office.not_valid_before_utc, credentials.office.not_valid_after_utc
    life: timedelta = end - begin
    return moment(office.clock.now_ms()) >= begin + life * 2 / 3
