"""Styles of other tools become templates, and a bad row never costs the good ones."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.presets import MAX_FILE_BYTES, MAX_PRESETS, Preset, PresetError, preset_to_body, read_presets
from generation.prompts import TemplateBody, compile_prompt

STYLES_CSV = """name,prompt,negative_prompt
Film still,"cinematic still of {prompt}, 35mm, grainy","cartoon, painting"
水彩,"水彩画、柔らかい色",
---- section ----,,
"""
EXPECTED = [
    Preset(name="Film still", prompt="cinematic still of {prompt}, 35mm, grainy", negative_prompt="cartoon, painting"),
    Preset(name="水彩", prompt="水彩画、柔らかい色", negative_prompt=""),
]


def filled(preset, subject="a cat", **slots):
    result = compile_prompt(preset_to_body(preset), slots={"subject": subject, **slots}, seed=1)
    return result.prompt, result.negative_prompt


def preset(prompt, negative=""):
    return Preset(name="x", prompt=prompt, negative_prompt=negative)


class TestCsv:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
    def test_every_encoding_of_a_spreadsheet_is_read(self, encoding):
        result = read_presets(STYLES_CSV.encode(encoding))
        assert list(result.presets) == EXPECTED
        assert result.errors == ()
        assert result.source == "a1111"

    def test_line_ends_and_quoted_lines_do_not_matter(self):
        text = 'name,prompt,negative_prompt\r\nA,"one,\r\ntwo",\r\n'
        assert read_presets(text.encode()).presets[0].prompt == "one, two"

    def test_invokeai_columns_may_come_in_any_order(self):
        result = read_presets(b"negative_prompt,type,positive_prompt,name\nblurry,user,{prompt} in ink,Ink\n")
        assert result.presets == (Preset(name="Ink", prompt="{prompt} in ink", negative_prompt="blurry"),)

    def test_a_ragged_row_is_reported_and_the_others_are_kept(self):
        text = "name,prompt,negative_prompt\nA,one,two,three\nB,good\n,nameless,\nC,(open,\nD,(a:1e9),\n"
        result = read_presets(text.encode())
        assert [each.name for each in result.presets] == ["B"]
        assert [(error.row, error.code) for error in result.errors] == [
            (2, "bad_template"),
            (4, "bad_template"),
            (5, "unbalanced_bracket"),
            (6, "weight_out_of_range"),
        ]

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "file_empty"),
            (b"name,text\nA,b\n", "column_missing"),
            (b"name,prompt,prompt\nA,b,c\n", "column_twice"),
            (b"name,prompt,negative_prompt,negative_prompt\n", "column_twice"),
            (b"\xff\xfea", "encoding_unknown"),
            (b"\x81", "encoding_unknown"),
            (b"x" * (MAX_FILE_BYTES + 1), "file_too_large"),
            (b"name,prompt\n" + b"A,b\n" * (MAX_PRESETS + 1), "too_many_rows"),
            (b'name,prompt\nA,"' + b"x" * 200_000, "csv_unreadable"),
            (b"[1, 2", "json_unreadable"),
            (b"[" * 100_000, "json_unreadable"),
        ],
    )
    def test_a_file_that_is_none_is_refused(self, data, code):
        with pytest.raises(PresetError) as caught:
            read_presets(data)
        assert caught.value.code == code


class TestJson:
    def test_fooocus_styles_are_read(self):
        styles = [{"name": "Film", "prompt": "film {prompt}", "negative_prompt": "drawing"}, {"name": "none"}]
        result = read_presets(json.dumps(styles).encode())
        assert result.presets == (Preset(name="Film", prompt="film {prompt}", negative_prompt="drawing"),)
        assert result.source == "fooocus"

    def test_invokeai_presets_are_read_nested_and_flat(self):
        nested = {
            "name": "Ink",
            "type": "user",
            "preset_data": {"positive_prompt": "ink {prompt}", "negative_prompt": ""},
        }
        result = read_presets(json.dumps([nested, {"name": "Oil", "type": "user", "prompt": "oil"}]).encode())
        assert [(each.name, each.prompt) for each in result.presets] == [("Ink", "ink {prompt}"), ("Oil", "oil")]
        assert result.source == "invokeai"

    def test_entries_of_a_wrong_shape_are_reported(self):
        entries = [1, {"name": 3, "prompt": "x"}, {"name": "long", "prompt": "x" * 3000}, {"name": "ok", "prompt": "x"}]
        result = read_presets(json.dumps(entries).encode())
        assert [each.name for each in result.presets] == ["ok"]
        assert [(error.row, error.code) for error in result.errors] == [
            (1, "bad_template"),
            (2, "bad_template"),
            (3, "text_too_long"),
        ]


class TestTemplates:
    def test_a_prompt_reads_as_the_other_tool_writes_it(self):
        assert filled(EXPECTED[0]) == ("cinematic still of a cat, 35mm, grainy", "cartoon, painting")
        assert filled(EXPECTED[1]) == ("a cat, 水彩画、柔らかい色", "")

    def test_place_and_light_come_between_the_two_halves(self):
        prompt, _ = filled(EXPECTED[0], environment="in a forest", style="oil painting")
        assert prompt == "cinematic still of a cat, in a forest, oil painting, 35mm, grainy"

    def test_a_bracket_around_the_prompt_stays_around_it(self):
        assert filled(preset("(photo of {prompt}:1.2), 35mm"))[0] == "(photo of a cat:1.2), 35mm"

    def test_braces_and_underscores_are_text_there(self):
        text = "{7*7} {{7*7}} {red|blue} __animal__ {% x %} snake_case"
        assert filled(preset(f"{{prompt}}, {text}"))[0] == f"a cat, {text}"

    def test_a_formula_in_a_cell_is_text(self):
        result = read_presets(b'name,prompt\n=cmd|x,"=1+1"\n')
        assert result.presets == (Preset(name="=cmd|x", prompt="=1+1", negative_prompt=""),)

    @settings(max_examples=100)
    @given(st.text(alphabet="ab {}|_\\,.%7*", max_size=40))
    def test_whatever_was_read_makes_a_template(self, text):
        result = read_presets(json.dumps([{"name": "x", "prompt": text}]).encode())
        assert len(result.errors) <= 1
        for each in result.presets:
            body = preset_to_body(each)
            assert TemplateBody.from_dict(body.as_dict()) == body
            compile_prompt(body, slots={"subject": "a cat"}, seed=1)
