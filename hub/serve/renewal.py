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
    """Return whether to renew now: the city also if its certificate begins later only.

    The city issues its own by its own clock. If that was far ahead, nobody else would accept the
    certificate until then.
    """
    credentials = office.certificates.credentials
    if credentials is None:
        return False
    begin, end = credentials.office.not_valid_before_utc, credentials.office.not_valid_after_utc
    life: timedelta = end - begin
    now = moment(office.clock.now_ms())
    return now >= begin + life * 2 / 3 or (now < begin and office.parent_unit is None)
