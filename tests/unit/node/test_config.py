"""Settings say what is wrong with them themselves, in both languages, and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.address import Address, Fault, address
from node.bad_config import BadConfig
from node.config import FILE, OfficeConfig, load_config, parse_config, write_config

OURS = ("pydantic", "Input should", "Extra inputs", "Value error", "Invalid statement")


def put(folder: Path, content: bytes) -> Path:
    (folder / FILE).write_bytes(content)
    return folder


def reported(folder: Path) -> BadConfig:
    with pytest.raises(BadConfig) as refused:
        load_config(folder)
    error = refused.value
    for text in (error.text("en"), error.text("zh")):
        assert not any(foreign in text for foreign in OURS)
    assert error.zh != error.en
    return error


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_settings_saved_by_any_editor_as_utf_8_are_read(
    tmp_path: Path, mark: bytes, end: bytes
) -> None:
    content = mark + end.join([b'unit = "330102013009"', "# 注释".encode(), b"log_days = 30", b""])
    assert load_config(put(tmp_path, content)).log_days == 30


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "big5", "utf-16"])
def test_settings_in_another_encoding_are_refused_with_the_line(
    tmp_path: Path, encoding: str
) -> None:
    content = 'unit = "330102013009"\n# 設定\n'.encode(encoding)
    error = reported(put(tmp_path, content))
    assert ("line 1" if encoding == "utf-16" else "line 2") in error.en
    assert "UTF-8" in error.remedy_en
    assert "UTF-8" in error.remedy_zh


@pytest.mark.parametrize(
    ("line", "where"),
    [("unit = 330102013009x", "line 2"), ("listen", "line 2"), ("unit = 'a'\nunit = 'b'", "line 3"),
     ("[a", "line 2"), ('unit = "open', "line 2")],
)  # fmt: skip
def test_a_line_that_is_no_toml_is_named(tmp_path: Path, line: str, where: str) -> None:
    error = reported(put(tmp_path, f"# 设置\n{line}\n".encode()))
    assert where in error.en
    assert where.removeprefix("line ") in error.zh


@pytest.mark.parametrize(
    ("settings", "says", "says_zh"),
    [
        ({"listn": "127.0.0.1:1"}, "`listen`", "listen"),
        ({"quite_another": 1}, "there is no setting `quite_another`", "没有名为 quite_another"),
        ({"unit": 330102013009}, "text in double quotes", "双引号"),
        ({"log_days": 5}, "0, or at least 30", "0，或不小于 30"),
        ({"sync_interval_s": "soon"}, "a whole number from 1 to 86400", "1 至 86400 的整数"),
        ({"lease_days": 10**9}, "from 7 to 3650", "7 至 3650"),
        ({"retention_days": 1}, "from 400", "不小于 400"),
        ({"bootstrap": "maybe"}, "true or false", "`true` 或 `false`"),
        ({"extra_catalogue": 7}, "list of texts", "文字列表"),
    ],
)
def test_each_setting_says_what_it_should_be(
    settings: dict[str, object], says: str, says_zh: str
) -> None:
    with pytest.raises(BadConfig) as refused:
        parse_config(FILE, {"unit": "330102013009", **settings})
    assert says in refused.value.en
    assert says_zh in refused.value.zh
    assert not any(foreign in refused.value.en for foreign in OURS)


def test_a_setting_that_is_missing_is_named() -> None:
    with pytest.raises(BadConfig, match="`unit` is missing"):
        parse_config(FILE, {})


def test_what_may_hold_a_password_is_not_repeated() -> None:
    with pytest.raises(BadConfig) as refused:
        parse_config(FILE, {"unit": "x", "store": ["postgresql://u:s3cret@h/d"]})
    assert "s3cret" not in refused.value.text("en") + refused.value.text("zh")


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_every_text_is_read_back_as_it_was_written(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        write_config(Path(name), OfficeConfig(unit="x", store=text, extra_catalogue=(text,)))
        found = load_config(Path(name))
    assert (found.store, found.extra_catalogue) == (text, (text,))


def test_a_list_in_a_variable_is_divided_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILIAN_EXTRA_CATALOGUE", "a.toml,b.toml")
    assert parse_config(FILE, {"unit": "x"}).extra_catalogue == ("a.toml", "b.toml")


# -- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1:7412", "localhost:1", "[::1]:7412", "street.example.org:65535", "host_1:7412",
     "[fe80::1]:80"],
)  # fmt: skip
def test_an_address_is_read_and_written_as_it_was(text: str) -> None:
    assert str(address(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "7420", ":7420", "localhost", "host:", "host:0", "host:99999", "host:-1", "host:1e3",
     "host:٣", "http://host:80", "host:80/", "::1:7412", "[::1", "[1.2.3.4]:80", "1.2.3:80",
     "256.1.1.1:80", "主机:80", "host：80", "a b:80", "-host:80", "a..b:80", "host:080000",
     "[::g]:80", f"{'a' * 64}:80"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_reason_in_both_languages(text: str) -> None:
    with pytest.raises(Fault) as refused:
        address(text)
    assert refused.value.en
    assert refused.value.zh


def test_only_a_listener_may_take_any_port() -> None:
    assert address("127.0.0.1:0", any_port=True).port == 0
    with pytest.raises(BadConfig):
        parse_config(FILE, {"unit": "x", "parent": "127.0.0.1:0"})


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("LOCALHOST", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("example.org", False)],
)  # fmt: skip
def test_loopback_is_what_only_this_machine_reaches(host: str, *, own: bool) -> None:
    assert Address(host, 1).loopback is own
