"""What Daicho writes into a picture comes back out of it, and what strangers write there is only a claim."""

import io
import json
import re
import string
import zlib
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from assets.pictures import open_picture, pixels_hash
from engine.specs import AdapterRef, ImageSpec
from generation.parameters import (
    AdapterName,
    LoraClaim,
    a1111_parameters,
    claims_of,
    claims_to_form,
    read_claims,
    write_png,
)
from generation.parameters.a1111 import read_a1111
from generation.parameters.claims import MAX_PROMPT, MAX_RAW, UNWANTED
from tests.assets.bad_pictures import chunk, exif, international_text, picture, png, save


@dataclass(frozen=True, kw_only=True)
class Sampler:
    key: str
    label: str
    schedule_type: str


SAMPLERS = {
    "dpmpp_2m_karras": Sampler(key="dpmpp_2m_karras", label="DPM++ 2M", schedule_type="Karras"),
    "dpmpp_2m": Sampler(key="dpmpp_2m", label="DPM++ 2M", schedule_type="Uniform"),
    "euler_a": Sampler(key="euler_a", label="Euler a", schedule_type="Uniform"),
}
MODEL = "31e35c80fc" + "0" * 54
LORA = "ab" * 32
SPEC = ImageSpec(
    architecture="sd1",
    base_model=MODEL,
    prompt="a red fox",
    negative_prompt="blurry",
    seed=1234,
    scheduler="dpmpp_2m_karras",
    num_inference_steps=28,
    guidance_scale=6.5,
    width=832,
    height=1216,
)
FORMAT_EXAMPLE = (
    "a red fox, <lora:inkline:0.8>\n"
    "Negative prompt: blurry\n"
    "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 1234, Size: 832x1216, "
    'Model hash: 31e35c80fc, Model: base, Lora hashes: "inkline: 0f1e2d3c4b5a", Version: v1.10.1'
)


def find_scheduler(sampler: str, schedule_type: str) -> Sampler | None:
    return next(
        (each for each in SAMPLERS.values() if (each.label, each.schedule_type) == (sampler, schedule_type)), None
    )


def write(spec: ImageSpec, **options) -> str:
    names = {"model_name": "base", "model_sha256": MODEL, "version": "0.1.0", **options}
    return a1111_parameters(spec, scheduler=SAMPLERS[spec.scheduler], **names)


def carry(spec: ImageSpec, **options) -> bytes:
    daicho = {"spec": spec.as_dict(), "recipe_sha256": spec.recipe_sha256(), "license": "CC0-1.0"}
    return write_png(picture(), parameters=write(spec, **options), daicho=daicho)


def test_the_text_is_a1111s_own():
    spec = SPEC.replace(
        prompt="a red fox, <lora:inkline:0.8>", adapters=(AdapterRef(kind="lora", sha256=LORA, weight=0.8),)
    )
    written = write(spec, adapters=[AdapterName(sha256=LORA, name="inkline", short_hash="0f1e2d3c4b5a")])
    assert written == FORMAT_EXAMPLE.replace("v1.10.1", "Daicho 0.1.0")


def test_defaults_are_left_out_and_values_are_quoted():
    spec = SPEC.replace(negative_prompt="", clip_skip=1, guidance_scale=7.0, vae="cd" * 32)
    lines = write(spec, model_name="base: first, fine", vae_name="soft").split("\n")
    assert lines[0] == "a red fox"
    assert "CFG scale: 7, " in lines[1]
    assert 'Model: "base: first, fine", VAE hash: cdcdcdcdcd, VAE: soft, Clip skip: 2, ' in lines[1]
    assert "Clip skip" not in write(SPEC)


def test_a_lora_that_the_prompt_does_not_name_is_added_to_it():
    spec = SPEC.replace(adapters=(AdapterRef(kind="lora", sha256=LORA, weight=1.0),))
    names = [AdapterName(sha256=LORA, name="inkline")]
    assert write(spec, adapters=names).startswith("a red fox <lora:inkline:1>\nNegative")
    assert "Lora hashes" not in write(spec, adapters=names)


def test_the_format_example_is_read_in_full():
    claims = claims_of({"parameters": FORMAT_EXAMPLE}, find_scheduler=find_scheduler)
    assert claims.source == "a1111"
    assert claims.unverified
    assert claims.prompt == "a red fox, <lora:inkline:0.8>"
    assert claims.negative_prompt == "blurry"
    assert (claims.num_inference_steps, claims.seed, claims.guidance_scale) == (28, 1234, 6.5)
    assert (claims.width, claims.height) == (832, 1216)
    assert (claims.sampler, claims.schedule_type, claims.scheduler) == ("DPM++ 2M", "Karras", "dpmpp_2m_karras")
    assert (claims.model_name, claims.model_hash) == ("base", "31e35c80fc")
    assert claims.loras == (LoraClaim(name="inkline", weight=0.8, hash="0f1e2d3c4b5a"),)
    assert claims.version == "v1.10.1"
    assert claims.warnings == ()


def test_the_same_input_gives_the_same_file_and_the_same_pixels():
    assert carry(SPEC) == carry(SPEC)
    assert pixels_hash(open_picture(carry(SPEC)).image) == pixels_hash(picture())


def test_a_picture_that_came_with_other_texts_loses_them():
    image = Image.open(io.BytesIO(png(chunk(b"tEXt", b"Comment\0old"))))
    image.load()
    written = write_png(image, parameters="p", daicho={})
    assert set(open_picture(written).texts) == {"parameters", "daicho"}


def test_the_daicho_text_is_canonical_json():
    text = open_picture(carry(SPEC)).texts["daicho"]
    assert list(json.loads(text)) == ["license", "recipe_sha256", "spec"]
    assert ImageSpec.from_dict(json.loads(text)["spec"]) == SPEC


lines_of_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=80)
plain_text = lines_of_text.map(lambda text: UNWANTED.sub("", text.replace("\r", "")).strip())
prompts = plain_text.filter(
    lambda text: not re.search(r"^Negative prompt:", text, re.MULTILINE) and "<lora:" not in text
)
names = st.text(string.ascii_letters + string.digits + " ,:\"'\\_-.日本語", min_size=1, max_size=30).map(
    lambda text: " ".join(text.split())
)
specs = st.builds(
    ImageSpec,
    architecture=st.just("sd1"),
    base_model=st.just(MODEL),
    prompt=prompts,
    negative_prompt=plain_text,
    seed=st.integers(0, 2**53 - 1),
    scheduler=st.sampled_from(list(SAMPLERS)),
    num_inference_steps=st.integers(1, 150),
    guidance_scale=st.floats(0, 30),
    width=st.integers(1, 256).map(lambda units: units * 8),
    height=st.integers(1, 256).map(lambda units: units * 8),
    clip_skip=st.integers(0, 11),
)
RECIPE_FIELDS = (
    "prompt",
    "negative_prompt",
    "seed",
    "scheduler",
    "num_inference_steps",
    "guidance_scale",
    "width",
    "height",
)


@settings(deadline=None)
@given(spec=specs, model_name=names)
def test_what_is_written_is_read_back(spec, model_name):
    claims = claims_of({"parameters": write(spec, model_name=model_name)}, find_scheduler=find_scheduler)
    for name in RECIPE_FIELDS:
        assert getattr(claims, name) == getattr(spec, name)
    assert (claims.clip_skip or 0) == spec.clip_skip
    assert claims.model_name == model_name
    assert claims.warnings == ()


@settings(deadline=None, max_examples=50)
@given(spec=specs.map(lambda spec: spec.replace(prompt=f"{spec.prompt}\nNegative prompt: forged\nSteps: 1")))
def test_daichos_own_text_is_exact_even_where_a1111s_is_ambiguous(spec):
    claims = read_claims(carry(spec), find_scheduler=find_scheduler)
    assert claims.source == "daicho"
    assert claims.prompt == spec.prompt.strip()
    for name in (*RECIPE_FIELDS[1:], "clip_skip"):
        assert getattr(claims, name) == getattr(spec, name)
    assert claims.model_hash == MODEL


@settings(deadline=None)
@given(text=st.text(st.sampled_from('ab:,"\\\n \0\u202eSteps: Negative prompt:{}[]0x<lora>'), max_size=300))
def test_any_text_is_read_without_an_error(text):
    claims = claims_of({"parameters": text or "x"}, find_scheduler=find_scheduler)
    assert not UNWANTED.search(claims.prompt + claims.negative_prompt + claims.raw)


TAIL = "\nSteps: 20, Sampler: Euler a, Seed: 5, Size: 64x64"


def test_a_forged_steps_line_inside_the_prompt_stays_prompt():
    claims = read_a1111("a cat\nSteps: 1, Sampler: X, Seed: 9, Size: 1x1\nreally" + TAIL)
    assert claims.seed == 5
    assert claims.prompt == "a cat\nSteps: 1, Sampler: X, Seed: 9, Size: 1x1\nreally"


def test_fewer_than_three_pairs_are_prompt():
    claims = read_a1111("portrait\nSteps: 20, Seed: 5")
    assert claims.prompt == "portrait\nSteps: 20, Seed: 5"
    assert claims.seed is None
    assert claims.warnings == ("parameters_missing",)


def test_prompts_have_several_lines_and_may_be_empty():
    claims = read_a1111("one\n\ntwo\nNegative prompt: three\nfour" + TAIL)
    assert (claims.prompt, claims.negative_prompt) == ("one\n\ntwo", "three\nfour")
    assert read_a1111("Negative prompt: only" + TAIL).negative_prompt == "only"
    assert read_a1111(TAIL).prompt == ""
    assert read_a1111("a\r\nNegative prompt: b\r\n" + TAIL.strip()).negative_prompt == "b"


def test_a_prompt_of_a_megabyte_is_cut_and_the_parameters_are_still_read():
    claims = read_claims(png(chunk(b"tEXt", b"parameters\0" + b"a, " * 350_000 + TAIL.encode())))
    assert len(claims.prompt) == MAX_PROMPT
    assert len(claims.raw) == MAX_RAW
    assert claims.seed == 5
    assert claims.warnings == ("prompt_cut",)


def test_html_stays_text():
    claims = read_a1111("<script>alert(1)</script>" + TAIL)
    assert claims.prompt == "<script>alert(1)</script>"


def test_nul_direction_marks_and_surrogates_are_taken_out():
    claims = claims_of({"parameters": "a\0b\u202ec\ud800d\u2066e\u200b \u200d" + TAIL})
    assert claims.prompt == "abcde \u200d"
    body = "か\u202e\0き".encode() + b"\xed\xa0\x80" + TAIL.encode()
    assert read_claims(png(international_text("parameters", body))).prompt.startswith("かき")


@pytest.mark.parametrize(
    ("pair", "warning"),
    [
        ("Seed: -1", "seed_invalid"),
        ("Seed: 18446744073709551616", "seed_invalid"),
        ("Seed: 1.5", "seed_invalid"),
        ("Seed: " + "9" * 5000, "seed_invalid"),
        ("Steps: 0", "num_inference_steps_invalid"),
        ("Steps: 1000000", "num_inference_steps_invalid"),
        ("CFG scale: NaN", "guidance_scale_invalid"),
        ("CFG scale: inf", "guidance_scale_invalid"),
        ("CFG scale: -1", "guidance_scale_invalid"),
        ("CFG scale: 1e999", "guidance_scale_invalid"),
        ("Size: 100000x8", "width_invalid"),
        ("Size: __import__('os')", "width_invalid"),
        ("Clip skip: 0", "clip_skip_invalid"),
        ("Clip skip: ²", "clip_skip_invalid"),
        ("Model hash: javascript", "model_hash_invalid"),
        ("Denoising strength: 7", "strength_invalid"),
    ],
)
def test_a_value_out_of_bounds_is_left_out_and_said(pair, warning):
    claims = read_a1111(f"x\nFace restoration: no, RNG: CPU, ENSD: 3, {pair}")
    assert warning in claims.warnings
    assert getattr(claims, warning.removesuffix("_invalid")) is None


def test_quoted_values_may_hold_anything():
    claims = read_a1111('x\nSteps: 3, Model: "a, Seed: 7, \\"b\\"\\n: c", VAE: "broken, Seed: 8, Size: 8x16')
    assert claims.model_name == 'a, Seed: 7, "b" : c'
    assert claims.vae_name == '"broken'
    assert (claims.seed, claims.width, claims.height) == (8, 8, 16)


def test_the_largest_seed_is_kept():
    assert read_a1111(f"x\nSteps: 3, Sampler: E, Seed: {2**64 - 1}").seed == 2**64 - 1


def test_an_unknown_sampler_keeps_its_name_and_is_said():
    claims = claims_of({"parameters": "x\nSteps: 3, Sampler: Restart, Seed: 4"}, find_scheduler=find_scheduler)
    assert (claims.sampler, claims.scheduler, claims.warnings) == ("Restart", None, ("scheduler_unknown",))


def comment(text: str, kind: str) -> bytes:
    prefix = {"utf-16-be": b"UNICODE\0", "utf-16-le": b"UNICODE\0", "utf-16": b"UNICODE\0"}
    coded = {"ascii": b"ASCII\0\0\0", "iso2022_jp": b"JIS\0\0\0\0\0", "utf-8": b"\0" * 8} | prefix
    return coded[kind] + text.encode(kind)


@pytest.mark.parametrize("picture_format", ["JPEG", "WEBP", "PNG"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-16-be", "utf-16-le", "utf-16", "iso2022_jp", "utf-8"])
def test_parameters_are_read_from_an_exif_comment(picture_format, encoding):
    prompt = "a fox" if encoding == "ascii" else "赤い狐"
    block = exif(t8769={0x9286: comment(prompt + TAIL, encoding)})
    claims = read_claims(save(picture(), picture_format, exif=block))
    assert (claims.source, claims.prompt, claims.seed) == ("a1111", prompt, 5)


def test_a_cameras_comment_is_no_claim():
    block = exif(t8769={0x9286: b"ASCII\0\0\0Screenshot"}, t0110="PICTURE-1", t010F="Maker")
    assert read_claims(save(picture(), "JPEG", exif=block)) is None
    assert read_claims(save(picture())) is None


@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt", "packed iTXt"])
def test_parameters_are_read_from_every_kind_of_png_text(kind):

    body = ("a fox" + TAIL).encode()
    pieces = {
        "tEXt": chunk(b"tEXt", b"parameters\0" + body),
        "zTXt": chunk(b"zTXt", b"parameters\0\0" + zlib.compress(body)),
        "iTXt": international_text("parameters", body),
        "packed iTXt": international_text("parameters", zlib.compress(body), packed=True),
    }
    assert read_claims(png(pieces[kind])).seed == 5


def test_reuse_all_puts_the_prompt_into_the_subject_without_lora_tags():
    claims = claims_of({"parameters": FORMAT_EXAMPLE.replace("0.8>", "0.8>, snow")}, find_scheduler=find_scheduler)
    assert claims_to_form(claims) == {
        "subject": "a red fox, snow",
        "negative": "blurry",
        "seed": 1234,
        "num_inference_steps": 28,
        "guidance_scale": 6.5,
        "scheduler": "dpmpp_2m_karras",
        "width": 832,
        "height": 1216,
    }
    assert claims_to_form(read_a1111("x")) == {"subject": "x", "negative": ""}


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", "null", '{"spec": 5}', '{"spec": {"seed": 1}}', "{" * 200_000, "[" * 200_000, "{" + "1" * 5000],
)
def test_a_damaged_daicho_text_is_passed_over(text):
    claims = claims_of({"daicho": text, "parameters": "a fox" + TAIL})
    assert (claims.source, claims.prompt) == ("a1111", "a fox")


def test_forged_types_in_a_daicho_text_are_left_out():
    spec = {"prompt": ["x"], "seed": "1e3", "width": True, "height": {}, "guidance_scale": "7", "base_model": 5}
    claims = claims_of({"daicho": json.dumps({"spec": spec})})
    assert claims.guidance_scale == 7.0
    assert (claims.prompt, claims.seed, claims.width, claims.height, claims.model_hash) == ("", None, None, None, None)
    assert {"prompt_invalid", "seed_invalid", "width_invalid", "height_invalid"} <= set(claims.warnings)
