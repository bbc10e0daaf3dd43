"""Keys of a node's facts about its store: its tree, its catalogue, its indexes."""

from __future__ import annotations

import json
from datetime import date

from sync.store.meta import CONTINUES, FENCED, INCARNATION, Key, get, number, put, text

__all__ = ["CONTINUES", "FENCED", "INCARNATION", "get", "put"]

UNIT = number("unit")
LEVEL = number("level", -1)
TREE = text("tree")  # the CSV of the first tree
TREE_FROM = Key("tree_from", date.fromisoformat, date.max, date.isoformat)  # its first day
CATALOGUE = text("catalogue")  # version of the catalogue for which tables were last built
# Whether the registers' secondary indexes are still to be built.
BOOTSTRAP = Key("bootstrap", "1".__eq__, False, lambda due: "1" if due else "0")
FIELDS: Key[dict[str, list[str]]] = Key("fields", json.loads, {}, json.dumps)  # of the digests
# Whether an older program counted every posting.
UNJUDGED = Key("postings_unjudged", "1".__eq__, False, lambda due: "1" if due else "0")
# Whether an older program wrote counts of persons into cells that go above.
UNDIVIDED = Key("cells_undivided", "1".__eq__, False, lambda due: "1" if due else "0")
COUNTED_TO = text("counted_to")  # ISO: the last day whose coming the own cells have followed
# Whether work that only goes through this office is relayed by itself: as the settings said at
# the last start.
RELAY = Key("relay", "manual".__ne__, True, lambda auto: "auto" if auto else "manual")
INDEXED_WITH = text("marks_made_with")  # fingerprint of the key of this office's index entries

SEALED = number("sealed")  # the number of the newest sealed backup that was made
# The newest sealed backup that the parent has: its number, when it was made.
SEALED_SENT: Key[tuple[int, int]] = Key("sealed_sent", json.loads, (0, 0), json.dumps)


def indexed_to(unique: str) -> Key[str]:
    """Return the key of how far a blind index has got: an id in hex, or DONE."""
    return text(f"marked.{unique}")
