"""A program of an office's own: read a figure, write a record, see how far it is safe."""

from __future__ import annotations

import sys
from pathlib import Path

from hub.client.client import OfficeClient
from sync.model.errors import SilianError


def main(folder: Path) -> int:
    """Work with the office of a folder, whether a process serves it or not."""
    with OfficeClient.connect(folder) as office:
        unit = office.get_status().offices[0].unit
        print(unit.code, unit.path)

        values = {"name": "文体中心", "use": "activity", "area_m2": "320.5", "tenure": "owned"}
        try:
            record = office.create_record(register="premises", values=values).record
        except SilianError as refusal:
            if refusal.code != "key_taken":
                raise
            print(refusal.text("zh"))
            record = office.list_records(register="premises", where={"name": "文体中心"}).records[0]

        # `version_token` says which values were on the screen: a newer edit is not overwritten.
        record = office.update_record(
            register="premises",
            id=record.id,
            values={"area_m2": "330"},
            version_token=record.version_token,
        ).record
        for place in office.get_durability(register="premises", id=record.id).places:
            print(place.unit.name, place.state)

        answer = office.get_rollup(indicator="K34", by="outlet_kind")
        print(answer.indicator.label.zh, answer.figure.display, answer.completeness.reported)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
