"""What changed between two bodies."""

from generation.diffs import MAX_LINES_SHOWN, diff_bodies, diff_lines, diff_words
from generation.prompts import TemplateBody


def body(**changes):
    slots = [{"name": name, "default": changes.pop(name, "")} for name in ("subject", "environment", "light", "style")]
    return TemplateBody.from_dict({"slots": slots, **changes}).as_dict()


def test_english_is_compared_word_by_word():
    assert diff_words("a red mug", "a blue mug") == (
        ("same", "a "),
        ("del", "red"),
        ("ins", "blue"),
        ("same", " mug"),
    )


def test_japanese_is_compared_character_by_character():
    assert diff_words("赤いマグ", "青いマグ") == (("del", "赤"), ("ins", "青"), ("same", "いマグ"))


def test_the_runs_always_give_both_texts_back():
    old, new = "a (red:1.2) mug, on a table", "the red mug on two tables, soft light"
    runs = diff_words(old, new)
    assert "".join(text for kind, text in runs if kind != "ins") == old
    assert "".join(text for kind, text in runs if kind != "del") == new


def test_a_body_that_says_the_same_has_no_changes():
    assert diff_bodies(body(subject="a mug"), body(subject="a mug")) == []


def test_changes_name_their_places_in_the_order_of_the_template():
    old = body(subject="a {color} mug", style="flat", variables={"color": {"default": "red"}})
    new = body(
        subject="a {color} cup", light="soft", variables={"color": {"default": "red", "choices": ["red", "blue"]}}
    )
    changes = diff_bodies(old, new)
    assert [(each.place, each.name, each.part) for each in changes] == [
        ("subject", "", "default"),
        ("light", "", "default"),
        ("variables", "color", "choices"),
        ("style", "", "default"),
    ]
    assert changes[-1].runs == (("del", "flat"),)


def test_long_lists_show_some_lines_and_count_the_rest():
    runs, more = diff_lines([], [str(number) for number in range(100)])
    assert (len(runs), more) == (MAX_LINES_SHOWN, 100 - MAX_LINES_SHOWN)


def test_lines_in_another_order_are_a_change():
    old, new = body(wildcards={"season": ["spring", "autumn"]}), body(wildcards={"season": ["autumn", "spring"]})
    assert [change.runs for change in diff_bodies(old, new)] == [(("same", "autumn"), ("same", "spring"))]
