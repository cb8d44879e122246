"""Read documents from CSV and TSV."""

from collections.abc import Iterator
from typing import BinaryIO

from pipeline.common.i18n import Translatable
from pipeline.corpus.readers.records import ID_COLUMN, Record, choose_text_columns, find_usual_name
from pipeline.readers.rows import Note, Unreadable
from pipeline.readers.tables import Fields, read_table

QUOTED_CHARS = 40  # of a first line, in a note


def read_csv(
    stream: BinaryIO, name: str, text_column: str | None = None, has_header: bool = True
) -> Iterator[Record | Unreadable | Note]:
    """Yield the documents of a table (see `read_table`).

    A note says so where the first line of a single column names no usual column: it may be a text.
    """
    names, rows = read_table(stream, name, has_header)
    template = choose_text_columns(dict.fromkeys(names), text_column, name)
    if len(names) == 1 and text_column is None and find_usual_name(names) is None:
        yield Note(
            Translatable(
                "{name}: the first line is taken for the column's name: {column}; where it is a "
                "text, set header: false (`tezgah add`: --no-header)",
                name=name,
                column=repr(names[0][:QUOTED_CHARS]),
            )
        )
    else:
        yield from template.notes
    text_indices = [names.index(column) for column in template.columns]
    id_index = names.index(ID_COLUMN) if ID_COLUMN in names else None
    for row in rows:
        if isinstance(row, Fields):
            text = template.render([row.values[i] for i in text_indices])
            yield Record(text, row.values[id_index] if id_index is not None else None)
        else:
            yield row
