"""Slots become one prompt, the same one for the same seed, and bad text is refused in words."""

import json
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.prompts import PromptError, TemplateBody, compile_prompt, parse_weights

WORDS = st.text(alphabet="abcdefg 赤い猫が", max_size=20)


def body(**data):
    slots = data.pop("slots", {})
    data["slots"] = [{"name": name, **slots.get(name, {})} for name in ("subject", "environment", "light", "style")]
    return TemplateBody.from_dict(data)


def compiled(template=None, *, seed=1, **arguments):
    arguments.setdefault("slots", {})
    return compile_prompt(template or body(), seed=seed, **arguments)


def refused(call, *args, **kwargs):
    with pytest.raises(PromptError) as caught:
        call(*args, **kwargs)
    return caught.value


FILLED = {
    "style": "watercolor style",
    "light": "moonlight",
    "environment": "in a forest",
    "subject": "a red mushroom",
}


class TestSlots:
    def test_they_follow_the_order_subject_environment_light_style(self):
        assert compiled(slots=FILLED).prompt == "a red mushroom, in a forest, moonlight, watercolor style"

    def test_an_empty_slot_leaves_no_double_separator(self):
        assert compiled(slots={"subject": "a cat", "style": "poster style"}).prompt == "a cat, poster style"
        assert compiled(slots={"subject": " , ", "style": "poster style"}).prompt == "poster style"

    def test_a_slot_not_given_takes_the_default_and_one_given_empty_stays_empty(self):
        template = body(slots={"light": {"default": "moonlight"}})
        assert compiled(template, slots={"subject": "a cat"}).prompt == "a cat, moonlight"
        assert compiled(template, slots={"subject": "a cat", "light": ""}).prompt == "a cat"

    def test_locked_prefix_and_suffix_are_always_in(self):
        template = body(slots={"style": {"prefix": "poster of ", "suffix": ", flat vector style"}})
        assert compiled(template, slots={"style": "spring"}).prompt == "poster of spring, flat vector style"
        assert compiled(template, slots={"style": ""}).prompt == "poster of, flat vector style"

    def test_a_locked_weight_around_nothing_vanishes(self):
        template = body(slots={"light": {"prefix": "(", "suffix": ":1.3)"}})
        assert compiled(template, slots={"light": "neon light"}).prompt == "(neon light:1.3)"
        assert compiled(template, slots={"subject": "a cat", "light": ""}).prompt == "a cat"

    def test_a_locked_slot_refuses_another_value(self):
        template = body(slots={"style": {"default": "poster style", "locked": True}})
        assert compiled(template, slots={"style": ""}).prompt == "poster style"
        assert compiled(template, slots={"style": "poster style"}).prompt == "poster style"
        assert refused(compiled, template, slots={"style": "pixel art style"}).code == "slot_locked"

    def test_the_separator_is_the_templates(self):
        assert compiled(body(separator=" | "), slots=FILLED).prompt.count(" | ") == 3

    def test_an_unknown_slot_is_refused(self):
        assert refused(compiled, slots={"mood": "calm"}).params["slot"] == "mood"

    def test_negatives_stay_apart_with_the_locked_part_first(self):
        template = body(negative="noisy", negative_locked="blurry")
        assert compiled(template).negative_prompt == "blurry, noisy"
        assert compiled(template, negative="text artifacts").negative_prompt == "blurry, text artifacts"
        assert compiled(template, negative="").negative_prompt == "blurry"
        assert compiled(template, slots=FILLED).prompt == compiled(slots=FILLED).prompt

    @given(st.permutations(sorted(FILLED)), st.sets(st.sampled_from(sorted(FILLED))))
    def test_the_order_never_depends_on_who_was_filled_first(self, order, chosen):
        slots = {name: FILLED[name] for name in order if name in chosen}
        expected = [FILLED[name] for name in ("subject", "environment", "light", "style") if name in chosen]
        assert compiled(slots=slots).prompt == ", ".join(expected)


class TestVariables:
    TEMPLATE = {"variables": {"product": {"default": "mug"}, "color": {"choices": ["red", "blue"], "default": "red"}}}

    def test_they_take_the_value_or_the_default(self):
        template = body(**self.TEMPLATE)
        result = compiled(template, slots={"subject": "a { color } {product}"}, variables={"product": "lamp"})
        assert result.prompt == "a red lamp"
        assert result.variables == {"color": "red", "product": "lamp"}

    def test_a_value_that_is_not_allowed_is_refused(self):
        error = refused(compiled, body(**self.TEMPLATE), variables={"color": "green"})
        assert (error.code, error.params["name"]) == ("variable_not_allowed", "color")

    def test_a_required_one_must_be_filled(self):
        template = body(variables={"product": {"required": True}})
        assert refused(compiled, template).params == {"name": "product"}
        assert refused(compiled, template, variables={"product": " "}).code == "variable_missing"

    def test_names_may_be_japanese(self):
        template = body(variables={"商品": {"default": "マグカップ"}})
        assert compiled(template, slots={"subject": "赤い{商品}"}).prompt == "赤いマグカップ"

    def test_values_may_hold_choices_and_one_value_serves_the_whole_prompt(self):
        template = body(variables={"color": {"default": "{red|blue|green|black|white}"}})
        slots = {"subject": "a {color} cat", "environment": "a {color} room"}
        for seed in range(20):
            words = compiled(template, slots=slots, seed=seed).prompt.split()
            assert words[1] == words[4]

    def test_circles_are_refused_in_templates_and_in_values(self):
        circle = {"a": {"default": "{b}"}, "b": {"default": "x {a}"}}
        assert refused(body, variables=circle).code == "circular_reference"
        template = body(variables={"a": {"default": ""}})
        error = refused(compiled, template, slots={"subject": "{a}"}, variables={"a": "again {a}"})
        assert error.params["chain"] == "{a} → {a}"

    def test_long_chains_and_explosions_are_refused(self):
        chain = {f"v{index}": {"default": f"{{v{index + 1}}}"} for index in range(20)} | {"v20": {"default": "x"}}
        assert refused(body, variables=chain).code == "expansion_too_deep"
        wildcards = {f"w{index}": [f"__w{index + 1}__" * 100] for index in range(8)} | {"w8": ["x"]}
        template = body(wildcards=wildcards)
        assert refused(compiled, template, slots={"subject": "__w0__"}).code == "expansion_too_large"

    @given(value=WORDS, seed=st.integers(0, 2**63))
    def test_no_known_variable_is_left_in_the_prompt(self, value, seed):
        template = body(
            variables={"product": {"default": "{mug|lamp}"}}, wildcards={"place": ["room", "{product} shop"]}
        )
        result = compiled(template, slots={"subject": f"{value} {{product}} __place__"}, seed=seed)
        assert "{" not in result.prompt
        assert "__" not in result.prompt


class TestChoices:
    TEMPLATE = {"wildcards": {"animal": ["cat", "dog", "{red|blue} fish"], "pet": ["__animal__"]}}

    @settings(max_examples=60)
    @given(seed=st.integers(0, 2**63))
    def test_the_same_seed_picks_the_same(self, seed):
        slots = {"subject": "a {tiny|huge} __pet__", "light": "{moonlight|neon light}"}
        first, second = (compiled(body(**self.TEMPLATE), slots=slots, seed=seed) for _ in range(2))
        assert first == second
        assert json.loads(json.dumps(first.as_dict())) == first.as_dict()

    def test_every_pick_is_recorded_with_its_source(self):
        result = compiled(body(**self.TEMPLATE), slots={"subject": "a {tiny|huge} __pet__"}, seed=7)
        assert result.choices[0].source == "{tiny|huge}"
        assert result.choices[-1].source == "__pet__"
        assert result.prompt == f"a {result.choices[0].picked} {result.choices[-1].picked}"

    def test_editing_one_slot_never_changes_another_slots_pick(self):
        slots = {"light": "{a|b|c|d|e|f|g|h}"}
        plain = compiled(slots=slots, seed=5).slots["light"]
        assert compiled(slots={**slots, "subject": "{x|y}{x|y}"}, seed=5).slots["light"] == plain

    def test_seeds_differ_and_options_may_nest_or_be_empty(self):
        slots = {"subject": "a {|red {|dark }}cat"}
        seen = {compiled(slots=slots, seed=seed).prompt for seed in range(60)}
        assert seen == {"a cat", "a red cat", "a red dark cat"}

    def test_a_million_combinations_cost_nothing(self):
        template = body(wildcards={f"w{index}": [str(line) for line in range(1000)] for index in range(3)})
        started = time.perf_counter()
        compiled(template, slots={"subject": "__w0__ __w1__ __w2__"})
        assert time.perf_counter() - started < 0.5

    def test_a_wildcard_in_a_circle_is_refused(self):
        assert refused(body, wildcards={"a": ["x", "__b__"], "b": ["{y|__a__}"]}).code == "circular_reference"

    def test_a_seed_must_be_a_whole_number_from_zero(self):
        for seed in (-1, 1.5, True, "1"):
            assert refused(compiled, seed=seed).code == "seed_out_of_range"


class TestTriggerWords:
    def test_they_are_added_once_at_the_end_of_the_subject(self):
        result = compiled(slots=FILLED, trigger_words=["sksmug", "SKSMUG", "inkline style"])
        assert result.slots["subject"] == "a red mushroom, sksmug, inkline style"

    def test_a_word_said_already_is_not_said_again(self):
        assert compiled(slots={"subject": "a SksMug"}, trigger_words=["sksmug"]).prompt == "a SksMug"
        assert compiled(slots={"subject": "a sksmugs"}, trigger_words=["sksmug"]).prompt == "a sksmugs, sksmug"
        assert (
            compiled(slots={"subject": "a cat", "style": "ukiyoe"}, trigger_words=["Ukiyoe"]).prompt == "a cat, ukiyoe"
        )

    def test_an_adapter_tag_does_not_say_it(self):
        assert compiled(slots={"subject": "cat <lora:inkline:0.8>"}, trigger_words=["inkline"]).prompt.endswith(
            ", inkline"
        )

    def test_translation_leaves_them_alone(self):
        result = compiled(slots={"subject": "neko"}, trigger_words=["neko"], translate=lambda text, _slot: text.upper())
        assert (result.prompt, result.sources["subject"]) == ("NEKO", "neko")


class TestWeights:
    @pytest.mark.parametrize(
        ("prompt", "runs"),
        [
            ("a cat", [("a cat", 1.0)]),
            ("a (cat)", [("a ", 1.0), ("cat", 1.1)]),
            ("a ((cat))", [("a ", 1.0), ("cat", 1.21)]),
            ("a (cat:1.5), b", [("a ", 1.0), ("cat", 1.5), (", b", 1.0)]),
            ("[dull]", [("dull", 0.909091)]),
            ("(a (b:1.2):1.5)", [("a ", 1.5), ("b", 1.8)]),
            (r"\(text\) \[x\]", [("(text) [x]", 1.0)]),
            ("(open", [("open", 1.1)]),
            ("close) :1.2", [("close) :1.2", 1.0)]),
            ("<lora:ink_line-2:0.8> x", [("<lora:ink_line-2:0.8> x", 1.0)]),
            ("", []),
        ],
    )
    def test_they_read_as_a1111_reads_them(self, prompt, runs):
        assert parse_weights(prompt) == runs

    def test_syntax_reaches_the_prompt_untouched(self):
        text = r"(red fox:1.2), [dull], \(c\), ((sharp)), <lora:ink:0.8>"
        assert compiled(slots={"subject": text}).prompt == text

    @given(st.floats(0, 2).map(lambda weight: f"{weight:.3f}"))
    def test_every_weight_between_0_and_2_is_kept(self, weight):
        assert compiled(slots={"subject": f"a (cat:{weight})"}).prompt == f"a (cat:{weight})"


BAD_TEXT = [
    ("{{7*7}}", "expression_not_allowed"),
    ("{% if x %}", "expression_not_allowed"),
    ("{7*7}", "bad_braces"),
    ("{}", "bad_braces"),
    ("{nobody}", "unknown_variable"),
    ("{a|{nobody}}", "unknown_variable"),
    ("__nobody__", "unknown_wildcard"),
    ("{a|b", "unbalanced_bracket"),
    ("a}", "unbalanced_bracket"),
    ("(a", "unbalanced_bracket"),
    ("a)", "unbalanced_bracket"),
    ("(a]", "unbalanced_bracket"),
    ("[a:1.2)", "unbalanced_bracket"),
    ("(a:1e9)", "weight_out_of_range"),
    ("(a:-1)", "weight_out_of_range"),
    ("(a:nan)", "weight_out_of_range"),
    ("(a:inf)", "weight_out_of_range"),
    ("(a:1e999)", "weight_out_of_range"),
    ("((a:2):2)", "weight_out_of_range"),
    ("(" * 30 + "a" + ")" * 30, "weight_out_of_range"),
    ("{a|" * 30 + "b" + "}" * 30, "expansion_too_deep"),
    ("a\ud800", "lone_surrogate"),
    ("あ" * 2001, "text_too_long"),
]


class TestBadText:
    @pytest.mark.parametrize(("text", "code"), BAD_TEXT)
    @pytest.mark.parametrize("place", ["subject", "negative"])
    def test_it_is_refused_by_name(self, text, code, place):
        arguments = {"negative": text} if place == "negative" else {"slots": {place: text}}
        error = refused(compiled, **arguments)
        assert error.code == code
        assert error.params.get("slot", place) == place
        assert str(error)

    def test_the_position_of_a_lonely_bracket_is_told(self):
        error = refused(compiled, slots={"light": "soft (light"})
        assert error.params == {"bracket": "(", "position": 5, "slot": "light", "where": "light"}

    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("a\x00b", "ab"),
            ("a\u202eb\u2066", "ab"),
            ("a\ufeff\u200bb", "ab"),
            ("か\u3099", "が"),
            ("か゛", "か゛"),
            ("line\r\nbreak\tand\u3000more", "line break and more"),
            ("<script>alert(1)</script>", "<script>alert(1)</script>"),
            (r"100%_\\done", r"100%_\\done"),
            (r"\{7*7\}", "{7*7}"),
            ("a,, ,b", "a, b"),
        ],
    )
    def test_harmless_text_is_kept_and_hidden_characters_go(self, text, kept):
        assert compiled(slots={"subject": text}).prompt == kept

    def test_hidden_characters_and_adapter_tags_are_mentioned(self):
        result = compiled(slots={"subject": "a\x00 <lora:x:1>"})
        assert [notice.code for notice in result.warnings] == ["hidden_characters_removed", "adapter_tag"]

    @settings(max_examples=200)
    @given(st.text(alphabet="(){}[]|_:\\<>,1.a猫 ", max_size=60))
    def test_any_text_is_compiled_or_refused_in_words(self, text):
        try:
            prompt = compiled(slots={"subject": text}, seed=3).prompt
        except PromptError as error:
            prompt = str(error)
        assert ", ," not in prompt


class TestTemplateBodies:
    def test_they_survive_a_round_trip(self):
        template = body(
            slots={
                "subject": {"prefix": "photo of ", "default": "{product}", "hint": "商品"},
                "style": {"locked": True},
            },
            variables={"product": {"default": "mug", "choices": ["mug", "lamp"], "required": True}},
            wildcards={"animal": ["cat", "dog"]},
            negative_locked="blurry",
        )
        again = TemplateBody.from_dict(json.loads(json.dumps(template.as_dict())))
        assert again == template
        assert list(again.as_dict()) == list(template.as_dict())

    @pytest.mark.parametrize(
        "data",
        [
            [],
            {"slot": []},
            {"slots": "subject"},
            {"slots": [{"name": "subject"}]},
            {"slots": [{"name": "subject"}] * 4},
            {"slots": [{"name": "mood"}]},
            {"separator": ""},
            {"separator": "("},
            {"separator": "x" * 30},
            {"negative": 3},
            {"variables": {"two words": {}}},
            {"variables": {"a": {"default": "x", "choices": ["y"]}}},
            {"variables": {"a": {"choices": []}}},
            {"variables": {"a": {"eval": "1"}}},
            {"variables": {"a": {"required": 1}}},
            {"wildcards": {"a": []}},
            {"wildcards": {"a": [" "]}},
            {"wildcards": {"a b": ["x"]}},
            {"wildcards": {"a": "cat"}},
            {"wildcards": {"a": [1]}},
        ],
    )
    def test_bad_structure_is_refused_with_its_field(self, data):
        error = refused(TemplateBody.from_dict, data)
        assert error.code == "bad_template"
        assert error.params["field"]

    def test_references_to_nothing_are_refused(self):
        assert refused(body, negative="{nobody}").code == "unknown_variable"
        assert refused(body, wildcards={"a": ["__nobody__"]}).code == "unknown_wildcard"
        assert refused(body, slots={"light": {"prefix": "("}}).code == "unbalanced_bracket"


def test_the_pure_modules_load_neither_django_nor_torch():
    modules = "assets.vocabulary, generation.prompts, generation.presets, generation.tokens, generation.translation"
    code = f"import sys, {modules}; print([name for name in ('django', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
