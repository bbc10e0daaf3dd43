"""Coverage-guided fuzzing of a served office: `python -m tests.fuzz --seconds 600`.

atheris changes bytes where that reaches code that was not reached before. The first byte of an
input chooses the method. It begins with messages that are well formed. Needs the dependency group
`fuzz`, which `make soak` installs where atheris has a wheel.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

import atheris
from google.protobuf.message import Message
from hypothesis import HealthCheck, Phase, given, settings

with atheris.instrument_imports(include=["hub.api", "hub.link", "sync"]):
    from tests.support.fuzz import messages, methods
    from tests.support.fuzzed import Fuzzed, fuzzed, watched

PATHS = sorted(methods())
SEEDS = 3  # messages for each method to begin with
INPUT_BYTES_MAX = 8_192
FOUND = "atheris-finding"


def write_seeds(offices: Fuzzed, folder: Path, number: int) -> None:
    """Write well-formed messages of one method."""
    path = PATHS[number]

    @settings(
        max_examples=SEEDS, deadline=None, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(messages(methods()[path].input_type, offices.known(path)))
    def write(message: Message) -> None:
        offices.sign(message)
        octets = bytes((number,)) + message.SerializeToString()
        (folder / f"{number}-{len(list(folder.iterdir()))}").write_bytes(octets)

    write()


def main(seconds: int) -> None:
    with tempfile.TemporaryDirectory() as base, fuzzed(Path(base) / "offices") as offices:
        corpus = Path(base) / "corpus"
        corpus.mkdir()
        offices.open_session()
        for number in range(len(PATHS)):
            write_seeds(offices, corpus, number)

        def send(data: bytes) -> None:
            if data:
                with watched():
                    offices.send(PATHS[data[0] % len(PATHS)], data[1:])

        arguments = (
            f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}", "-rss_limit_mb=4096",
            f"-artifact_prefix={FOUND}-", "-timeout=60",
        )  # fmt: skip
        atheris.Setup([sys.argv[0], *arguments, str(corpus)], send)
        atheris.Fuzz()  # it ends the process, with another code than 0 if it has found something


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    warnings.simplefilter("ignore")
    main(parser.parse_args().seconds)
