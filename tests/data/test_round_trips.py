"""What csctl stores, it writes into files and reads again without changing a character."""

from __future__ import annotations

import csv
import io
import random
import sys
from pathlib import Path

import pytest

from csctl.domain.record_kinds import read_cell
from csctl.domain.spreadsheet import neutralised
from csctl.domain.text import accept
from csctl.errors import Usage
from csctl.services.administration import schema
from csctl.settings import Settings
from tests.data.files import written
from tests.factories import make_fulfillment
from tests.shops import Shop

FIRST = ["'", "=", "+", "-", "@", '="', "''", "'=", '"', "#", ";", ",", "sep=", "\u200d", "\ufeff", "0", "1E+5"]
TEXTS = [
    "می\u200cخواهم",
    "क्\u200dष",
    "👩\u200d👩\u200d👧",
    "O'Brien",
    "'t Hooft",
    "''quoted''",
    "'=1+1",
    '="02108"',
    '=HYPERLINK("x")',
    '"quoted", and more; and | tab\tin it',
    "-5",
    "+1 217 555 0100",
    "＝1",
    "\x01\x1b[31m\x7f",
    "\ufeffmark",
    "0042",
    "a\u00a0b",
]


def stored(text: str) -> str | None:
    """The text as csctl stores it; None for one that it refuses."""
    try:
        return accept(text, "first_name") or None
    except Usage:
        return None


def test_a_cell_of_csv_is_read_as_it_was_whatever_its_characters() -> None:
    chance = random.Random(1)  # noqa: S311
    alphabet = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    chance.shuffle(alphabet)
    texts = ["".join(alphabet[place : place + 400]) for place in range(0, len(alphabet), 400)]
    texts += [first + rest for first in FIRST for rest in (*FIRST, "", "Doe", "1.5")]
    kept = [
        text for one in texts for text in [stored("".join(c for c in one if len(f"a{c}a".splitlines()) == 1))] if text
    ]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for field in ("first_name", "billing_line1", "external_id", "billing_postal_code"):
        file.seek(0)
        file.truncate()
        writer.writerows([neutralised(text)] for text in kept)

        back = [
            read_cell(field, cell.strip()).strip() for [cell] in csv.reader(io.StringIO(file.getvalue()), strict=True)
        ]

        assert back == kept


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_names_survive_an_export_an_import_and_an_edit(shop: Shop, format: str, tmp_path: Path) -> None:
    texts = [text for one in TEXTS if (text := stored(one))]
    written(
        "c.csv", *({"external_id": f"{place}", "first_name": neutralised(text)} for place, text in enumerate(texts))
    )
    assert shop("data import customers c.csv").code == 0
    before = shop.sql("SELECT external_id, first_name FROM customers ORDER BY id")
    assert [row["first_name"] for row in before] == texts
    file = Path(f"export.{format}")
    file.write_text(shop(f"data export customers -o {format}").out, encoding="utf-8")
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    token = schema.init(Settings(database_url=url), "jane", rehearsal=True).token
    elsewhere = {"CSCTL_DATABASE_URL": url, "CSCTL_TOKEN": str(token)}

    assert shop(f"data import customers {file}", env=elsewhere).code == 0

    assert shop(f"data export customers -o {format}", env=elsewhere).out == file.read_text(encoding="utf-8")
    shop.sql("UPDATE customers SET first_name = 'x'")
    edits = Path("edits.csv")
    edits.write_text(shop("data export customers", env=elsewhere).out, encoding="utf-8")
    assert shop(f"customer edit --from {edits} --yes").code == 0
    assert shop.sql("SELECT external_id, first_name FROM customers ORDER BY id") == before


def test_a_file_of_edits_may_be_written_in_any_way(shop: Shop) -> None:
    written("c.csv", {"external_id": "1", "first_name": "Ann"})
    shop("data import customers c.csv")
    Path("e.csv").write_bytes("Report\n\nExternal_ID;First_Name\n'1;Zoë\n".encode("cp1252"))

    done = shop("customer edit --from e.csv --delimiter ; --encoding cp1252 --yes")

    assert done.code == 0, done.err
    assert shop.sql("SELECT first_name FROM customers") == [{"first_name": "Zoë"}]
    assert shop("customer edit --from e.csv --delimiter ; --yes").code == 2
    Path("e.jsonl").write_text('{"external_id": "1", "first_name": "\'=Bo"}\n', encoding="utf-8")
    assert shop("customer edit --from e.jsonl --yes").code == 0
    assert shop.sql("SELECT first_name FROM customers") == [{"first_name": "'=Bo"}]  # as it is: JSON escapes nothing
    fulfillment = make_fulfillment(shop)
    Path("s.csv").write_bytes(f"ID;Carrier;Tracking\n{fulfillment};Poste Française;T1\n".encode("cp1252"))
    assert shop("fulfillment ship --from s.csv --delimiter ; --yes").code == 2
    assert shop("fulfillment ship --from s.csv --delimiter ; --encoding cp1252 --yes").code == 0
    assert shop.sql("SELECT carrier FROM fulfillments") == [{"carrier": "Poste Française"}]
    Path("b.tsv").write_text("kind\tvalue\nemail\tbad@example.com\n", encoding="utf-8")
    assert shop("blacklist add --from b.tsv --reason fraud --yes").code == 0
    assert shop("blacklist list -o json").json[0]["value"] == "bad@example.com"
