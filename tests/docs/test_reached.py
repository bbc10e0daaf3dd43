"""The check of `make check` that no name of the product is dead."""

from __future__ import annotations

from pathlib import Path

from tests.checks.reached import Code, Reached, sources

MAIN = Path("hub/cli/main.py")
OTHER = Path("node/other.py")


def missing(main: str, other: str) -> list[str]:
    """Return the names that nothing reaches of a program of two files."""
    code = Code({MAIN: main, OTHER: other})
    return [name for _, _, name in Reached(code).missing()]


def test_every_name_of_the_product_is_reached() -> None:
    found = sources()
    assert len(found) > 300
    assert Reached(Code(found)).missing() == []


def test_a_function_that_only_another_dead_one_calls_is_dead_too() -> None:
    other = "def used(): ...\ndef dead(): inner()\ndef inner(): inner()\n"
    assert missing("from node.other import used\ndef main(): used()\n", other) == ["dead", "inner"]


def test_a_name_is_reached_through_its_module_as_well() -> None:
    other = "LIMIT = 1\nSPARE = 2\ndef used(): return LIMIT\n"
    main = "from node import other as o\ndef main(): return o.used()\n"
    assert missing(main, other) == ["SPARE"]


def test_a_module_that_is_passed_on_is_reached_by_the_attributes_read_there() -> None:
    other = "def register(): ...\ndef dead(): ...\n"
    main = "from node import other\ndef main():\n    for each in (other,): each.register()\n"
    assert missing(main, other) == ["dead"]


def test_a_parameter_of_the_same_name_does_not_reach_a_function() -> None:
    other = "def used(rate): return rate\ndef rate(): ...\n"
    assert missing("from node.other import used\ndef main(): used(1)\n", other) == ["rate"]


def test_a_method_that_nobody_calls_is_dead_unless_a_library_may_call_it() -> None:
    other = (
        "import threading\n"
        "class Own:\n    def used(self): ...\n    def dead(self): ...\n"
        "class Hook(threading.Thread):\n    def run(self): ...\n"
    )
    main = "from node.other import Own, Hook\ndef main(): Own().used(); Hook()\n"
    assert missing(main, other) == ["Own.dead"]


def test_what_a_decorator_takes_is_reached() -> None:
    other = "import atexit\n@atexit.register\ndef bye(): used()\ndef used(): ...\n"
    assert missing("def main(): ...\n", other) == []
