"""What makes a Chinese text whole: no English word in it, no punctuation of half width."""

from __future__ import annotations

import re

HAN = re.compile(r"[一-鿿]")
PLACE = "\0"  # where a value is put in
# A sign of half width beside a Chinese character; one between two codes is none of ours.
# A blank behind a sign of full width is one too many; columns of a table are two apart.
HALF = re.compile(r"[一-鿿”》）] *[,;:?!()]|[,;:?!()] *[一-鿿“《（]|[。，；：] (?=[^ \n])")
FORMS = ("主机:端口", "用户@主机:5432/数据库")  # are typed as they stand


def half_width(text: str) -> list[str]:
    """Return the punctuation of half width in a Chinese text."""
    for form in FORMS:
        text = text.replace(form, PLACE)
    return HALF.findall(text.replace("!=", PLACE))
