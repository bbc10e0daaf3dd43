"""Figures as text: exact, for people, and compared with their target."""

from __future__ import annotations

import operator
import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

PLACES = Decimal("0.01")
_TARGET = re.compile(r"(>=|<=|>|<)\s*(\d+(?:\.\d+)?)")
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def exact_text(value: Fraction | None) -> str:
    """Return a figure without loss: "12.5" if decimals are exact, else "2/3"; "" for none."""
    if value is None:
        return ""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def display(value: Fraction | None) -> str:
    """Return a figure for people: whole, or rounded half up to two decimals; "-" for none."""
    if value is None:
        return "-"
    if value.denominator == 1:
        return str(value.numerator)
    cents = (abs(value) * 100 + Fraction(1, 2)).__floor__()
    rounded = (Decimal(cents) / 100).quantize(PLACES, ROUND_HALF_UP)
    return f"{'-' if value < 0 and cents else ''}{rounded}"


def meets(value: Fraction | None, target: str, unit: str) -> bool | None:
    """Return whether a figure meets its target; None if that cannot be decided.

    It can be decided if the target has a comparison (">= 30"), or is the end of its scale: 0, or
    100 of "%". Any other number is only for people to compare with (17.8, or a mix).
    """
    if value is None or not target:
        return None
    if match := _TARGET.fullmatch(target):
        return bool(_COMPARE[match[1]](value, Fraction(match[2])))
    if target == "0" or (target == "100" and unit == "%"):
        return value == Fraction(target)
    return None
