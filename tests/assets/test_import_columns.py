"""Columns that declare what licences need, and documents that a table names: read in both languages, or an error."""

from pathlib import Path

import pytest
from django.urls import reverse

from assets.declarations import read_row
from assets.models import Evidence, Picture
from assets.sentences import SENTENCES, sentence
from assets.services.import_steps import confirm
from assets.table_columns import COLUMNS, column_of
from assets.table_template import JAPANESE_HEADERS
from assets.table_words import ANSWERS, answers_to, parameters
from assets.tables import Row, read_table

from .material import encoded, picture, tried, upload, walk, zipped

DOCS = Path(__file__).resolve().parents[2] / "docs" / "datasets.md"
PDF = b"%PDF-1.7 a contract"


def declared(**cells):
    return read_row(Row(line=2, file="a.png", **{"license": "CC0-1.0", **cells}), confirmed={}, defaults={})


def faults(**cells):
    return [(each.column, each.code) for each in declared(**cells).problems]


def said(finding):
    return sentence(finding["code"], finding["params"])


# Reading cells


def test_every_question_of_a_licence_has_a_column():
    assert set(parameters()) <= set(COLUMNS)
    words = {word for name in parameters() for word in answers_to(name)} - {"yes", "no", "none"}
    assert words == set(ANSWERS)


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_is_read_under_both_headers_and_documented(name):
    table = read_table(f"file,{JAPANESE_HEADERS[name]}\na.png,x\n".encode()) if name != "file" else None
    assert column_of(name) == column_of(JAPANESE_HEADERS[name]) == name
    assert table is None or getattr(table.rows[0], name) == "x"
    assert any(f"`{name}`" in line and f"`{JAPANESE_HEADERS[name]}`" in line for line in DOCS.read_text().splitlines())


@pytest.mark.parametrize(
    ("column", "english", "japanese", "answer"),
    [
        ("training_purpose", "analysis", "情報解析", "analysis"),
        ("training_purpose", "reproduce expression", "表現の再現", "reproduce_expression"),
        ("targets_creator_or_work", "no", "いいえ", False),
        ("sold_as_analysis_database", "YES", "はい", True),
        ("public_domain_basis", "term_expired", "保護期間満了", "term_expired"),
        ("training_allowed", "true", "可", True),
        ("adaptation_allowed", "false", "不可", False),
        ("editorial_only", "Ｙｅｓ", "○", True),
        ("allow_commercial_use", "Image; Rent", "画像の販売、有料サービスでの実行", ["Image", "Rent"]),
        ("allow_commercial_use", "none", "どれも不可", []),
        ("allow_no_credit", "1", "あり", True),
    ],
)
def test_answers_are_read_in_both_languages(column, english, japanese, answer):
    for text in (english, japanese):
        assert declared(**{column: text}).facts["parameters"] == {column: answer}


@pytest.mark.parametrize(
    ("column", "texts", "field", "value"),
    [
        ("purposes", ("commercial, editorial", "商用、報道・編集"), "purposes", ["commercial", "editorial"]),
        ("copies", ("10,000", "１万部"), "caps", {"copies": 10_000}),
        ("seats", ("5 seats", "５席"), "caps", {"seats": 5}),
        ("jurisdiction", (" Japan ", "Japan"), "jurisdiction", "Japan"),
        ("creator_uri", ("https://example.com/ana",), "creator_uri", "https://example.com/ana"),
        ("retrieved_at", ("2026-03-20", "令和8年3月20日"), "retrieved_at", "2026-03-19T15:00:00+00:00"),
    ],
)
def test_limits_and_origin_are_read_in_both_languages(column, texts, field, value):
    for text in texts:
        assert declared(**{column: text}).facts[field] == value


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("purposes", "fun", "purposes_unreadable"),
        ("copies", "many", "quantity_unreadable"),
        ("copies", "0", "quantity_unreadable"),
        ("copies", "1,00", "quantity_unreadable"),
        ("seats", "-3", "quantity_unreadable"),
        ("creator_uri", "Ana's page", "creator_uri_unreadable"),
        ("creator_uri", "javascript:alert(1)", "creator_uri_unreadable"),
        ("jurisdiction", "x" * 61, "jurisdiction_unreadable"),
        ("retrieved_at", "2026/02/30", "no_such_day"),
        ("training_allowed", "perhaps", "answer_unreadable"),
        ("training_purpose", "art", "answer_unreadable"),
        ("allow_commercial_use", "Image, Moon", "answer_unreadable"),
        ("branch", "CC-BY-4.0", "branch_not_needed"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_the_row(column, text, code):
    assert faults(**{column: text}) == [(column, code)]
    [found] = declared(**{column: text}).problems
    assert "…" not in sentence(code, found.params)


def test_an_error_says_which_answers_there_are():
    [found] = declared(training_purpose="art").problems
    words = sentence(found.code, {**found.params, "column": found.column})
    assert words == "“art” is no answer to training_purpose. Write one of: analysis, reproduce_expression."


def test_a_basis_that_needs_no_licence_asks_for_none_and_30_4_takes_none():
    for basis in ("自作", "30-4"):
        assert declared(license="", basis=basis).notices == ()
    assert [each.code for each in declared(license="", basis="contract").notices] == ["license_missing"]
    assert faults(license="CC0-1.0", basis="30条の4") == [("basis", "basis_with_license")]


CHOICE = "CC-BY-4.0 OR CC-BY-SA-4.0"


@pytest.mark.parametrize("text", ["CC-BY-4.0", "ＣＣ　ＢＹ 4.0", "CC BY"])
def test_a_branch_is_one_of_those_that_are_offered_however_it_is_written(text):
    assert declared(license=CHOICE, branch=text).facts["branch"] == "CC-BY-4.0"


def test_a_branch_that_is_not_offered_is_refused():
    assert faults(license=CHOICE, branch="CC0-1.0") == [("branch", "branch_unreadable")]
    assert faults(license=CHOICE, branch="whatever") == [("branch", "branch_unreadable")]
    assert faults(license="somebody's words", branch="whatever") == [("branch", "branch_unreadable")]
    assert declared(license="somebody's words", branch="CC-BY-4.0").facts["branch"] == "CC-BY-4.0"
    pair = "MIT AND CC-BY-4.0"
    assert declared(license=f"CC0-1.0 OR ({pair})", branch=pair).facts["branch"] == "CC-BY-4.0 AND MIT"


# Taking in


def archive(table: str, **files: bytes):
    return upload("set.zip", zipped({"a.png": encoded(1), "rights.csv": table.encode(), **files}))


def imported(people, project, *uploads, **defaults):
    batch = tried(people.editor, project, *uploads, **defaults)
    confirm(batch, confirmed={}, user=people.editor)
    return walk(batch)


@pytest.mark.django_db
def test_article_30_4_comes_in_with_its_three_answers(people, project):
    table = (
        "ファイル名,根拠,準拠法,学習の目的,特定の作者・作品が対象,解析用データベースとして販売,取得日,作者のページ\n"
        "a.png,30条の4,日本法,情報解析,いいえ,いいえ,2026年3月20日,https://example.com/ana\n"
    )
    imported(people, project, archive(table))
    rights = Picture.objects.get().rights
    assert (rights.basis, rights.jurisdiction, rights.creator_uri) == ("jp_30_4", "日本法", "https://example.com/ana")
    assert rights.parameters == {
        "training_purpose": "analysis", "targets_creator_or_work": False, "sold_as_analysis_database": False,
    }  # fmt: skip
    assert rights.retrieved_at.isoformat() == "2026-03-19T15:00:00+00:00"


@pytest.mark.django_db
def test_branch_limits_and_answers_reach_the_rights(people, project):
    table = (
        f"file,license,branch,purposes,copies,seats,training_allowed\na.png,{CHOICE},CC BY 4.0,commercial,1万,5,yes\n"
    )
    imported(people, project, archive(table))
    rights = Picture.objects.get().rights
    assert (rights.expression, rights.branch, rights.license) == (CHOICE, "CC-BY-4.0", "CC-BY-4.0")
    assert (rights.purposes, rights.caps) == (["commercial"], {"copies": 10_000, "seats": 5})
    assert rights.parameters == {"training_allowed": True}


@pytest.mark.django_db
def test_the_trial_shows_what_a_row_declares(signed_in, people, project):
    table = f"file,license,branch,jurisdiction,training_allowed\na.png,{CHOICE},CC-BY-4.0,Japan,no\n"
    batch = tried(people.editor, project, archive(table))
    html = signed_in("viewer").get(reverse("import_batch", args=["spring", batch.id])).content.decode()
    for words in ("CC BY 4.0", "Japan", "Does the licence or contract allow training?"):
        assert words in html


# Documents


@pytest.mark.django_db
def test_documents_beside_the_pictures_become_evidence_once_and_no_pictures(people, project):
    named = {"a.png": "contract.pdf", "b.png": "Letters/CONTRACT.PDF", "c.png": "mail.txt"}
    table = "file,license,evidence\n" + "".join(f"{file},CC0-1.0,{name}\n" for file, name in named.items())
    more = {"b.png": encoded(2), "c.png": encoded(3), "letters/contract.pdf": PDF, "mail.txt": "許諾します".encode()}
    batch = imported(people, project, archive(table, **more))
    assert {row.name: (row.state, row.problems) for row in batch.rows.all()} == {
        "a.png": ("imported", []), "b.png": ("imported", []), "c.png": ("imported", []),
    }  # fmt: skip
    names = dict(Picture.objects.values_list("name", "rights__evidence__name"))
    assert names == {"a.png": "contract.pdf", "b.png": "contract.pdf", "c.png": "mail.txt"}
    assert Evidence.objects.count() == 2
    assert Evidence.objects.get(name="mail.txt").path.endswith(".txt")
    assert set(Picture.objects.values_list("rights__note", flat=True)) == {""}


@pytest.mark.django_db
def test_a_picture_may_be_a_document(people, project):
    table = "file,license,evidence\na.png,CC0-1.0,screenshot.png\n"
    batch = imported(people, project, archive(table, **{"screenshot.png": encoded(9)}))
    assert [row.name for row in batch.rows.all()] == ["a.png"]
    assert Picture.objects.get().rights.evidence.name == "screenshot.png"


@pytest.mark.django_db
def test_a_document_that_is_not_there_is_a_notice_and_a_note(people, project):
    batch = imported(people, project, archive("file,license,evidence\na.png,CC0-1.0,contract.pdf\n"))
    row = batch.rows.get()
    assert (row.state, [each["code"] for each in row.notices]) == ("imported", ["evidence_missing"])
    assert "contract.pdf" in said(row.notices[0])
    rights = Picture.objects.get().rights
    assert (rights.evidence, rights.note) == (None, "contract.pdf")


@pytest.mark.django_db
@pytest.mark.parametrize("data", [b"MZ\0program", b""], ids=["program", "empty"])
def test_a_document_that_may_not_be_evidence_is_an_error_of_its_rows(people, project, data):
    table = "file,license,evidence\na.png,CC0-1.0,contract.pdf\nb.png,CC0-1.0,\n"
    batch = tried(people.editor, project, archive(table, **{"b.png": encoded(2), "contract.pdf": data}))
    row = batch.rows.get(name="a.png")
    assert (row.state, [each["code"] for each in row.problems]) == ("wrong", ["evidence_refused"])
    assert "contract.pdf" in said(row.problems[0])
    assert batch.rows.get(name="b.png").state == "good"
    assert not Evidence.objects.exists()


@pytest.mark.django_db
def test_a_document_that_is_too_large_is_an_error(people, project, monkeypatch):
    monkeypatch.setattr("assets.services.import_evidence.MAX_EVIDENCE_BYTES", len(PDF) - 1)
    table = "file,license,evidence\na.png,CC0-1.0,contract.pdf\n"
    batch = tried(people.editor, project, archive(table, **{"contract.pdf": PDF}))
    assert [each["code"] for each in batch.rows.get().problems] == ["evidence_too_large"]


@pytest.mark.django_db
def test_what_is_here_already_keeps_its_own_evidence(people, project):
    picture(people.editor, project, 1)
    imported(people, project, archive("file,license,evidence\na.png,CC0-1.0,c.pdf\n", **{"c.pdf": PDF}))
    assert Picture.objects.get().rights.evidence is None
    assert not Evidence.objects.exists()


def test_the_codes_of_cells_have_sentences():
    codes = {"purposes_unreadable", "quantity_unreadable", "answer_unreadable", "evidence_missing", "evidence_refused"}
    assert codes <= set(SENTENCES)
