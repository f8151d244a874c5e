"""Tables from spreadsheets: read alike in every encoding, and each bad one or bad row gets its reason and number."""

import csv
import io
import unicodedata
from collections.abc import Mapping
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.table_columns import COLUMNS, column_of
from assets.tables import Row, Table, TableError, escape_cell, read_table

ENCODINGS = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8-sig",
    "utf-16": "utf-16",
    "utf-16-le with a mark": "utf-16-le",
    "utf-16-be with a mark": "utf-16-be",
    "cp932": "cp932",
}
HEADER = "ファイル名,題名,作者,よみ,ライセンス,出典,キャプション,タグ,根拠,地域,媒体,期限,人物:許諾,備考"
SAMPLE = f"{HEADER}\n猫.png,猫,山田花子,やまだはなこ,ＣＣ　ＢＹ,https://example.jp/,縁側の猫,猫;縁側,契約,日本,Web,令和8年,限定,なし\n"


def encode(text: str, name: str) -> bytes:
    mark = "\ufeff" if "mark" in name else ""
    return (mark + text).encode(ENCODINGS[name])


def read(text: str, **limits: int) -> Table:
    return read_table(text.encode(), **limits)


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_table_reads_the_same_in_every_encoding(name: str) -> None:
    table = read_table(encode(SAMPLE, name))
    assert table.rows == (
        Row(
            line=2,
            file="猫.png",
            title="猫",
            creator="山田花子",
            creator_reading="やまだはなこ",
            license="ＣＣ　ＢＹ",
            source_url="https://example.jp/",
            caption_ja="縁側の猫",
            tags="猫;縁側",
            basis="契約",
            territory="日本",
            media="Web",
            expires_at="令和8年",
            release="限定",
            note="なし",
        ),
    )
    assert not table.errors
    assert not table.notices


HEADERS = {
    "file": ("file", "File Name", "ＦＩＬＥ＿ＮＡＭＥ", "ファイル名", "ﾌｧｲﾙ名", " ファイル名 "),
    "title": ("Title", "題名"),
    "creator": ("creator", "作者", "クリエイター", "ｸﾘｴｲﾀｰ"),
    "creator_reading": ("creator_reading", "Creator Reading", "よみ"),
    "license": ("license", "Licence", "ライセンス", "許諾"),
    "source_url": ("source_url", "Source URL", "source-url", "出典", "出典ＵＲＬ"),
    "evidence": ("evidence", "証拠"),
    "caption_ja": ("caption_ja", "キャプション", "キャプション（日本語）"),
    "caption_en": ("caption_en", "Caption", "キャプション（英）"),
    "tags": ("tags", "タグ"),
    "basis": ("basis", "根拠"),
    "territory": ("territory", "地域"),
    "media": ("media", "媒体"),
    "valid_from": ("valid_from", "開始日"),
    "expires_at": ("expires_at", "Expires At", "期限", "有効期限"),
    "person": ("person", "人物"),
    "release": ("person:release", "人物:許諾", "人物：許諾", "Model release"),
    "note": ("note", "備考"),
    "release:花子": ("人物:花子", "人物： 花子", "release:花子", "Person: 花子"),
}


@pytest.mark.parametrize(("name", "written"), [(name, each) for name, many in HEADERS.items() for each in many])
def test_a_header_is_known_in_english_and_japanese(name: str, written: str) -> None:
    assert column_of(written) == name


@pytest.mark.parametrize("written", ["", "column 7", "人物:", ":", "モデル", "fileX", "人"])
def test_other_headers_are_not_guessed(written: str) -> None:
    assert column_of(written) is None


def test_every_column_has_its_place_in_a_row_and_no_spelling_means_two() -> None:
    assert {each.name for each in fields(Row)} == {*COLUMNS, "line", "releases"}
    assert [column_of(word) for words in COLUMNS.values() for word in words] == [
        name for name, words in COLUMNS.items() for _ in words
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_even_where_others_are_in_the_cells(delimiter: str) -> None:
    header = delimiter.join(('"file"', '"題名, 副題; その他"', '"title"'))
    table = read(f"{header}\n" + delimiter.join(('"a.png"', '"x,y,z;1;2"', '"p"')))
    assert table.delimiter == delimiter
    assert [(row.file, row.title) for row in table.rows] == [("a.png", "p")]


def test_one_column_is_a_table() -> None:
    assert [row.file for row in read("ファイル名\r\na.png\r\n").rows] == ["a.png"]


REFUSED_TABLES: Mapping[str, tuple[bytes, str]] = {
    "0 bytes": (b"", "table_empty"),
    "only a mark": (b"\xef\xbb\xbf", "table_empty"),
    "only blanks": (b" , ,\n\n\t\n", "table_empty"),
    "NUL": (b"file\na\0.png\n", "nul_bytes"),
    "UTF-16 without a mark": ("file\n".encode("utf-16-le"), "nul_bytes"),
    "UTF-32": ("file\n".encode("utf-32"), "nul_bytes"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "nul_bytes"),
    "neither UTF-8 nor cp932": (b"file\n\xff\xfd.png\n", "encoding_unknown"),
    "half a UTF-16 character": (b"\xff\xfef\0i", "encoding_unknown"),
    "lone surrogate in UTF-16": (b"\xff\xfe\x00\xd8\n\0", "encoding_unknown"),
    "no file column": ("題名,作者\n猫,花子\n".encode(), "file_column_missing"),
    "no header at all": (b"a.png,CC0\nb.png,CC0\n", "file_column_missing"),
    "same header twice": (b"file,title,title\na.png,x,y\n", "duplicate_column"),
    "same column in two languages": ("file,title,題名\na.png,x,y\n".encode(), "duplicate_column"),
    "same person twice": ("file,人物:花子,release:花子\na.png,x,y\n".encode(), "duplicate_column"),
    "quotation mark that stays open": (b'file,title\na.png,"never closed\nb.png,x\n', "row_unreadable"),
    "quotation mark that is not doubled": (b'file,title\na.png,"the "best" cat"\n', "row_unreadable"),
    "a huge cell": (b"file,title\na.png," + b"x" * 200_000, "row_unreadable"),
    "a thousand and one cells": (b"file" + b"," * 1_000, "too_many_columns"),
    "two million blank rows": (b"file\n" + b"\n" * 2_000_000, "too_many_rows"),
    "8 MB": (b"file\n" + b"x" * 8_000_000, "table_too_big"),
}


@pytest.mark.parametrize(("data", "code"), REFUSED_TABLES.values(), ids=REFUSED_TABLES.keys())
def test_a_table_is_refused_with_its_reason(data: bytes, code: str) -> None:
    with pytest.raises(TableError) as caught:
        read_table(data)
    assert caught.value.code == code


def test_an_error_of_the_whole_table_says_where() -> None:
    with pytest.raises(TableError) as caught:
        read("\nfile,題名,Title\na.png,x,y\n")
    assert caught.value.params == {"line": 2, "first": "題名", "column": "Title"}
    with pytest.raises(TableError) as caught:
        read('file,title\na.png,x\n\nb.png,"open\n')
    assert caught.value.params == {"line": 4}


def test_a_row_over_the_limit_refuses_the_table_and_blank_rows_do_not_count() -> None:
    text = "file\na.png\n\n\nb.png\n"
    assert len(read(text, max_rows=2).rows) == 2
    with pytest.raises(TableError, match="more than 1 rows"):
        read(text, max_rows=1)


BAD_ROWS = {
    "too few cells": ("b.png,x", "ragged_row", ""),
    "too many cells": ("b.png,x,y,z", "ragged_row", ""),
    "no file": (",x,y", "file_missing", "ファイル名"),
    "a long cell": (f"b.png,{'x' * 21},y", "cell_too_long", "題名"),
    "a long cell of an unknown column": (f"b.png,x,{'y' * 21}", "cell_too_long", "色"),
    "the same file again": ("A.PNG,x,y", "file_twice", "ファイル名"),
}


@pytest.mark.parametrize(("row", "code", "column"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_bad_row_is_left_out_and_named(row: str, code: str, column: str) -> None:
    table = read(f"ファイル名,題名,色\na.png,x,y\n{row}\nc.png,x,y\n", max_cell_chars=20)
    assert [(each.line, each.column, each.code) for each in table.errors] == [(3, column, code)]
    assert [(each.line, each.file) for each in table.rows] == [(2, "a.png"), (4, "c.png")]


def test_an_unknown_column_is_noticed_and_stops_nothing() -> None:
    table = read("file,色,,title\na.png,赤,?,x\n")
    assert [(each.line, each.column, each.code) for each in table.notices] == [
        (1, "色", "unknown_column"),
        (1, "#3", "unknown_column"),
    ]
    assert [(row.file, row.title) for row in table.rows] == [("a.png", "x")]
    assert table.columns == ("file", "title")


def test_blank_cells_after_the_last_header_are_no_error() -> None:
    assert [row.file for row in read("file,title,,\na.png,x,,\nb.png,y,\n").rows] == ["a.png", "b.png"]


def test_rows_have_the_numbers_that_a_spreadsheet_shows() -> None:
    table = read('\nfile,caption\na.png,"two\r\nlines"\n,\n\nb.png,x\n')
    assert [(row.line, row.file, row.caption_en) for row in table.rows] == [
        (3, "a.png", "two\nlines"),
        (6, "b.png", "x"),
    ]


def test_what_people_say_of_persons_is_kept_by_person() -> None:
    (row,) = read("file,人物:花子,人物:太郎,release\na.png,あり,,限定\n").rows
    assert (row.releases, row.release) == ({"花子": "あり"}, "限定")


FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", " =1", "\u3000@x", "\n=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_text_when_read_and_harmless_when_written(text: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([("file", "title"), ("a.png", text)])
    (row,) = read(file.getvalue()).rows
    assert row.title == text.replace("\r", "\n").strip()
    assert escape_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "猫", "a=b", "1-2", "'=x", "x@y"])
def test_other_cells_are_written_as_they_are(text: str) -> None:
    assert escape_cell(text) == text


def in_cp932(char: str) -> bool:
    try:
        return char.encode("cp932").decode("cp932") == char and char not in "\x80\uf8f0\uf8f1\uf8f2\uf8f3"
    except UnicodeError:
        return False


CELLS = st.text(
    st.one_of(st.sampled_from("猫表能 ,;\t\"\n='@ｶﾞかがー～①"), st.characters(codec="utf-8", exclude_characters="\0\r")),
    max_size=12,
)


@given(
    rows=st.lists(st.tuples(CELLS, CELLS), max_size=5),
    name=st.sampled_from(sorted(ENCODINGS)),
    delimiter=st.sampled_from(",;\t"),
    newline=st.sampled_from(("\n", "\r\n")),
)
@settings(max_examples=200, deadline=None)
def test_a_written_table_reads_back_the_same(
    rows: list[tuple[str, str]], name: str, delimiter: str, newline: str
) -> None:
    if name == "cp932":
        rows = [("".join(filter(in_cp932, title)), "".join(filter(in_cp932, note))) for title, note in rows]
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=newline)
    writer.writerow(("ファイル名", "題名", "備考"))
    writer.writerows((f"{index}.png", *cells) for index, cells in enumerate(rows))
    table = read_table(encode(file.getvalue(), name))
    assert [(row.line, row.file, row.title, row.note) for row in table.rows] == [
        (index + 2, f"{index}.png", *(unicodedata.normalize("NFC", cell.strip()) for cell in cells))
        for index, cells in enumerate(rows)
    ]


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_table_or_an_error(data: bytes) -> None:
    try:
        table = read_table(b"file,title\n" + data)
    except TableError:
        return
    assert all(row.file for row in table.rows)
