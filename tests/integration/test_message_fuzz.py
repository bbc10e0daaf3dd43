"""Every message of every service, false, torn or far too large: refused in time, with a code.

The offices are served, with TLS and certificates. The methods come from the contracts: a new one is
tried without a change here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sync.model.limits import MESSAGE_BYTES_MAX
from tests.support.fuzz import messages, methods, mutated
from tests.support.fuzzed import Fuzzed, fuzzed, watched

# The offices run in this process: their threads draw chance while a message is drawn.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

ROOT = Path(__file__).parents[2]
METHODS = methods()
FIXED, WIDE = 3, 400  # messages for each method
REFUSED = ("malformed", "INVALID_ARGUMENT")  # the second: a Watch has no room for the code
UNKNOWN = 2_047  # the number of a field that no message has


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed(tmp_path_factory.mktemp("fuzz")) as made:
        yield made


def tried(offices: Fuzzed, path: str, examples: int) -> None:
    """Send so many messages to one method."""
    method = METHODS[path]
    if path.startswith("/silian.link.v1.LinkService"):
        offices.open_session()

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )  # fmt: skip
    @given(st.data())
    def send(data: st.DataObject) -> None:
        message = data.draw(messages(method.input_type, offices.known(path)))
        offices.sign(message)
        octets = message.SerializeToString()
        torn = data.draw(mutated(octets))
        offices.send(path, octets)
        offices.send(path, torn)
        if method.client_streaming:
            offices.send(path, octets, torn, octets)

    send()


def fuzz(offices: Fuzzed, examples: int) -> None:
    with watched():
        offices.still_served("文体中心")
        for path in METHODS:
            tried(offices, path, examples)
        offices.still_served("社区服务站")


def test_any_message_of_any_method_is_answered_or_refused_with_a_code(offices: Fuzzed) -> None:
    fuzz(offices, FIXED)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_many_messages_of_every_method_are_answered_or_refused_with_a_code(
    offices: Fuzzed,
) -> None:
    fuzz(offices, WIDE)


def tag(number: int, kind: int) -> bytes:
    """Return the tag of a field as it is on the wire."""
    made, value = bytearray(), number << 3 | kind
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes((*made, value))


def length(size: int) -> bytes:
    return tag(size >> 3, size & 7)


def listed(kind: Descriptor) -> int:
    """Return the number of a field that lists messages; of an unknown one where none does."""
    found = (f.number for f in kind.fields if f.is_repeated and f.message_type is not None)
    return next(found, UNKNOWN)


def out_of_measure(offices: Fuzzed, path: str) -> None:
    """Send one method what has too many bytes, levels or parts, and what it does not know."""
    empty = tag(listed(METHODS[path].input_type), 2) + b"\0"
    assert offices.send(path, bytes(MESSAGE_BYTES_MAX + 1)) == "RESOURCE_EXHAUSTED"
    assert offices.send(path, tag(UNKNOWN, 3) * 10_000) in REFUSED
    assert offices.send(path, empty * 1_000_000) in REFUSED
    offices.send(path, tag(UNKNOWN, 2) + length(3_000_000) + bytes(3_000_000))


def test_a_message_out_of_all_measure_is_refused(offices: Fuzzed) -> None:
    """At one method of each service; and 32 MiB of zeros, which are 32 KiB on the wire."""
    firsts = {method.containing_service.full_name: path for path, method in METHODS.items()}
    with watched():
        for path in firsts.values():
            out_of_measure(offices, path)
            ended = offices.send(path, bytes(32 << 20), compression=grpc.Compression.Gzip)
            assert ended == "RESOURCE_EXHAUSTED"
        offices.still_served("党群服务中心")


@pytest.mark.soak
def test_bytes_that_reach_code_not_reached_before_are_answered_or_refused(tmp_path: Path) -> None:
    """What atheris finds lies in the folder of this test, as `atheris-finding-...`."""
    pytest.importorskip("atheris", reason="platform: atheris has no wheel for this Python")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--seconds", "300"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2_000:]


@pytest.mark.soak
def test_a_message_out_of_all_measure_is_refused_by_every_method(offices: Fuzzed) -> None:
    with watched():
        for path in METHODS:
            out_of_measure(offices, path)
        offices.still_served("便民服务点")
