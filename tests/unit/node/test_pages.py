"""Page tokens: read back as they were made; anything else is refused, not handed to the store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.services.common.pages import BadToken, page_token, parse_page_token


@given(st.integers(0, 2**63 - 1), st.binary(max_size=32))
def test_a_page_token_is_read_back_as_it_was_made(number: int, id_: bytes) -> None:
    assert parse_page_token(page_token(number, id_)) == (number, id_)


@pytest.mark.parametrize(
    "token", ["", ".", "zz", "1.zz", "-1.00", f"{2**63:x}.00", "f" * 5_000 + ".00", "1.0"]
)
def test_a_token_that_names_no_place_in_a_list_is_refused(token: str) -> None:
    with pytest.raises(BadToken):
        parse_page_token(token)
