"""Reads a table of pictures that somebody saved from a spreadsheet: CSV or TSV, in the encodings that Excel writes.

A cell is data: nothing in it is computed, and its text stays as it is apart from NFC, line ends and outer blanks.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from assets.archive_names import fold_name
from assets.table_columns import COLUMNS, FILE_HINT, column_of

MAX_BYTES = 8_000_000
MAX_ROWS = 10_000
MAX_CELL_CHARS = 4_000
MAX_COLUMNS = 1_000
MAX_LINES = 1_048_576
MAX_SHOWN = 60
DELIMITERS = (",", ";", "\t")
BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
UNASSIGNED = re.compile("[\x80\uf8f0-\uf8f3]")  # what Python makes of the bytes that cp932 does not use
BLANKS = '",; \t\r\n\u3000\ufeff'
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

SENTENCES = {
    "table_empty": "The table is empty.",
    "table_too_big": "The table has {size} bytes; at most {limit} are accepted.",
    "encoding_unknown": "The table is not in UTF-8, UTF-16 or Shift_JIS (cp932).",
    "nul_bytes": "The table holds NUL bytes: it is not a text file.",
    "too_many_rows": "The table has more than {limit} rows.",
    "too_many_columns": "Row {line} has {found} cells; at most {limit} are accepted.",
    "duplicate_column": "The columns “{first}” and “{column}” in row {line} mean the same.",
    "file_column_missing": "No column in row {line} names the picture’s file ({expected}).",
    "row_unreadable": "Row {line} cannot be taken apart: a quotation mark is not closed or doubled, or a cell is huge.",
}


class TableError(ValueError):
    """Say why a table as a whole is refused. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Point at a row and a column (a header as written, or "") with the code of what is wrong or worth knowing."""

    line: int
    column: str
    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Hold what one row says of one picture: texts, "" where it says nothing.

    `line` is the number that a spreadsheet shows beside the row: the header has 1, blank rows count, and a cell with
    line breaks is still one row. `releases` holds columns such as "人物:花子", by person.
    """

    line: int
    file: str
    title: str = ""
    creator: str = ""
    creator_reading: str = ""
    creator_uri: str = ""
    license: str = ""
    branch: str = ""
    source_url: str = ""
    retrieved_at: str = ""
    evidence: str = ""
    caption_ja: str = ""
    caption_en: str = ""
    tags: str = ""
    basis: str = ""
    jurisdiction: str = ""
    territory: str = ""
    media: str = ""
    purposes: str = ""
    copies: str = ""
    seats: str = ""
    valid_from: str = ""
    expires_at: str = ""
    person: str = ""
    release: str = ""
    training_allowed: str = ""
    adaptation_allowed: str = ""
    editorial_only: str = ""
    training_purpose: str = ""
    targets_creator_or_work: str = ""
    sold_as_analysis_database: str = ""
    public_domain_basis: str = ""
    allow_commercial_use: str = ""
    allow_derivatives: str = ""
    allow_no_credit: str = ""
    allow_different_license: str = ""
    note: str = ""
    releases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Hold a table's rows that are whole, the errors of those that are not, and notices that stop nothing.

    Codes of `errors`: ragged_row, cell_too_long, file_missing, file_twice. Codes of `notices`: unknown_column.
    """

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    errors: tuple[Finding, ...]
    notices: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Say which column each cell of a row belongs to; None where nobody knows the header. `line` is its row."""

    line: int
    written: tuple[str, ...]
    columns: tuple[str | None, ...]


def read_table(
    data: bytes, *, max_bytes: int = MAX_BYTES, max_rows: int = MAX_ROWS, max_cell_chars: int = MAX_CELL_CHARS
) -> Table:
    """Read a table with a header row. Raises TableError when it cannot be read as a whole.

    Rows with an error are left out of `rows`, and every one of them is in `errors`.
    """
    text, encoding = _decode(data, max_bytes)
    delimiter = _sniff(text)
    records = _records(text, delimiter)
    header = _read_header(next(records, None))
    rows, errors = _read_rows(header, records, max_rows, max_cell_chars)
    return Table(
        encoding=encoding,
        delimiter=delimiter,
        columns=tuple(name for name in header.columns if name),
        rows=rows,
        errors=errors,
        notices=_notices(header),
    )


def escape_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, for tables that we write ourselves."""
    return f"'{text}" if text.lstrip(" \u3000").startswith(FORMULA_STARTS) else text


def _decode(data: bytes, max_bytes: int) -> tuple[str, str]:
    if len(data) > max_bytes:
        raise TableError("table_too_big", size=len(data), limit=max_bytes)
    marked = next((name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)), None)
    for encoding in (marked,) if marked else ("utf-8", "cp932"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise TableError("nul_bytes")
        if encoding == "cp932" and UNASSIGNED.search(text):
            break
        if not text.strip(BLANKS):
            raise TableError("table_empty")
        return text, encoding
    raise TableError("nul_bytes" if b"\0" in data and not marked else "encoding_unknown")


def _sniff(text: str) -> str:
    """Return the delimiter that makes most of the first row known, then the one that cuts it into most cells."""

    def score(delimiter: str) -> tuple[int, int]:
        try:
            _, cells = next(_records(text, delimiter), (0, []))
        except TableError as error:
            if error.code != "row_unreadable":
                raise
            return -1, 0
        return sum(column_of(cell) is not None for cell in cells), len(cells)

    return max(DELIMITERS, key=score)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold anything, with their numbers."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 0
    while True:
        line += 1
        if line > MAX_LINES:
            raise TableError("too_many_rows", limit=MAX_LINES)
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise TableError("row_unreadable", line=line) from error
        if cells is None:
            return
        if len(cells) > MAX_COLUMNS:
            raise TableError("too_many_columns", line=line, found=len(cells), limit=MAX_COLUMNS)
        cells = [_clean(cell) for cell in cells]
        if any(cells):
            yield line, cells


def _clean(cell: str) -> str:
    return unicodedata.normalize("NFC", cell.replace("\r\n", "\n").replace("\r", "\n").strip())


def _read_header(record: tuple[int, list[str]] | None) -> Header:
    if record is None:
        raise TableError("table_empty")
    line, cells = record
    written = cells[: max(index for index, cell in enumerate(cells) if cell) + 1]
    header = Header(line=line, written=tuple(written), columns=tuple(column_of(cell) for cell in written))
    for index, name in enumerate(header.columns):
        first = header.columns.index(name)
        if name and first != index:
            raise TableError("duplicate_column", line=line, column=_show(written[index]), first=_show(written[first]))
    if "file" not in header.columns:
        raise TableError("file_column_missing", line=line, expected=FILE_HINT)
    return header


def _read_rows(
    header: Header, records: Iterator[tuple[int, list[str]]], max_rows: int, max_chars: int
) -> tuple[tuple[Row, ...], tuple[Finding, ...]]:
    rows: list[Row] = []
    errors: list[Finding] = []
    seen: dict[str, int] = {}
    for count, (line, cells) in enumerate(records, start=1):
        if count > max_rows:
            raise TableError("too_many_rows", limit=max_rows)
        found = _find_faults(header, line, cells, max_chars) or _find_repeat(header, line, cells, seen)
        errors.extend(found)
        if not found:
            rows.append(_row(header, line, cells))
    return tuple(rows), tuple(errors)


def _notices(header: Header) -> tuple[Finding, ...]:
    return tuple(
        Finding(line=header.line, column=_name(header, index), code="unknown_column")
        for index, name in enumerate(header.columns)
        if name is None
    )


def _find_faults(header: Header, line: int, cells: Sequence[str], max_chars: int) -> list[Finding]:
    width = len(header.written)
    if len(cells) < width or any(cells[width:]):
        return [Finding(line=line, column="", code="ragged_row", params={"found": len(cells), "expected": width})]
    file_at = header.columns.index("file")
    if not cells[file_at]:
        return [Finding(line=line, column=header.written[file_at], code="file_missing")]
    return [
        Finding(
            line=line, column=_name(header, at), code="cell_too_long", params={"size": len(cell), "limit": max_chars}
        )
        for at, cell in enumerate(cells)
        if len(cell) > max_chars
    ]


def _find_repeat(header: Header, line: int, cells: Sequence[str], seen: dict[str, int]) -> list[Finding]:
    file_at = header.columns.index("file")
    first = seen.setdefault(fold_name(cells[file_at]), line)
    if first == line:
        return []
    params: dict[str, str | int] = {"file": _show(cells[file_at]), "first": first}
    return [Finding(line=line, column=header.written[file_at], code="file_twice", params=params)]


def _row(header: Header, line: int, cells: Sequence[str]) -> Row:
    named = {name: cell for name, cell in zip(header.columns, cells, strict=False) if name}
    releases = {name.partition(":")[2]: cell for name, cell in named.items() if name not in COLUMNS and cell}
    return Row(line=line, releases=releases, **{name: cell for name, cell in named.items() if name in COLUMNS})


def _name(header: Header, index: int) -> str:
    return _show(header.written[index]) or f"#{index + 1}"


def _show(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
