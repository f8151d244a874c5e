"""The meter and the preview say what a model's encoders really read: SD3 and FLUX read no weights, and cut."""

import json
import shutil

import pytest
from django.conf import settings as django_settings
from django.urls import reverse

from assets.models import ModelFile
from assets.services import Declaration, clear_rights, register_model
from engine.starter import WEIGHTS
from engine.text_windows import T5_TOKENS, WINDOWS
from generation.composing import PictureRequest, compose
from generation.tokens import TokenizerError, count_plain
from tests.engine.test_architectures import make_engine, make_spec
from tests.engine.test_render import ignore
from tests.engine.tiny import build_folder, build_t5

TEXTS = ["", "a red car on a beach", "  soft   daylight,\tflat vector style ", "赤い車 café 42", "<pad> x </s>"]
DECLARED = {"expression": "CC0-1.0", "creator": "Ana", "source_url": "https://models.example/tiny"}
HTMX = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    home = tmp_path_factory.mktemp("flows")
    return {name: build_folder(name, home / name) for name in ("sd3", "sd3_t5", "flux", "sdxl")}


@pytest.fixture
def model(people, project, folders, settings, tmp_path):
    """Return a function from the name of a tiny folder to the model that it is, registered and cleared."""
    settings.MODELS_ROOT = tmp_path / "models"

    def register(name: str) -> ModelFile:
        path = shutil.copytree(folders[name], django_settings.MODELS_ROOT / name)
        options = {"kind": "base", "name": name, "declaration": Declaration(**DECLARED)}
        file = register_model(path, actor=people.editor, **options, native_width=64, native_height=64)
        clear_rights(file, reviewer=people.reviewer)
        return file

    return register


def composed(project, model, subject, **changes):
    return compose(project, PictureRequest(base_model=model, slots={"subject": subject}, **changes))


def codes(found):
    return [notice.code for notice in found.notices]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("t5")
    build_t5(home, "encoder", "tokenizer")
    return home / "tokenizer"


class TestCountingPieces:
    def test_it_equals_what_transformers_counts(self, folder):
        transformers = pytest.importorskip("transformers")
        t5 = transformers.T5Tokenizer.from_pretrained(folder, local_files_only=True)
        for text in TEXTS:
            wanted = len(t5(text, add_special_tokens=False).input_ids)
            assert count_plain(folder, text, encoder="T5", limit=255).used == wanted, text

    @pytest.mark.parametrize(
        "change",
        [
            lambda values: values["model"].update(type="BPE"),
            lambda values: values["model"].update(vocab=[]),
            lambda values: values["model"].update(vocab=[["a", "b"]]),
            lambda values: values.update(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
            lambda values: values.pop("model"),
        ],
    )
    def test_a_damaged_one_is_refused(self, change, folder, tmp_path):
        values = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        change(values)
        (tmp_path / "tokenizer.json").write_text(json.dumps(values), "utf-8")
        with pytest.raises(TokenizerError) as caught:
            count_plain(tmp_path, "a", encoder="T5", limit=255)
        assert caught.value.code == "tokenizer_unreadable"

    def test_none_is_said_to_be_missing(self, tmp_path):
        with pytest.raises(TokenizerError) as caught:
            count_plain(tmp_path, "a", encoder="T5", limit=255)
        assert caught.value.code == "tokenizer_missing"


@pytest.mark.parametrize("name", ["sd3_t5", "flux"])
def test_the_encoders_read_as_much_as_the_meter_says_and_no_more(name, folders):
    """The last word inside T5's window changes the picture; words behind it change nothing."""
    engine, (base,) = make_engine(folders[name])
    [_clip, t5] = WINDOWS[name.removesuffix("_t5")]
    one, two = (
        count_plain(folders[name] / t5.tokenizer, text, encoder="T5", limit=t5.tokens).used for text in ("a", "a a")
    )
    inside = t5.tokens // (two - one)
    words = ["a"] * (inside + 1)
    texts = [words, [*words, "red", "car"], [*words[: inside - 1], "car", *words[inside:]]]
    drawn = [engine.render(make_spec(name, base, prompt=" ".join(text)), ignore).pixels_sha256 for text in texts]
    assert (one, t5.tokens) == (two - one, T5_TOKENS[name.removesuffix("_t5")] - 1)
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.django_db
class TestComposing:
    @pytest.mark.parametrize(
        ("name", "limits"),
        [("sd3", {"CLIP": 75}), ("sd3_t5", {"CLIP": 75, "T5": 255}), ("flux", {"CLIP": 75, "T5": 511})],
    )
    def test_each_encoder_is_counted_against_its_own_limit(self, name, limits, project, model):
        found = composed(project, model(name), "car " * 90)
        assert {count.encoder: count.limit for count in found.counts} == limits
        assert all(count.chunks == 1 for count in found.counts)
        assert found.tokens == found.counts[-1]
        assert found.counts[0].lost == found.counts[0].used - 75 > 0
        assert codes(found)[0] == "prompt_over_window"

    @pytest.mark.parametrize("name", ["sd3", "flux"])
    def test_weights_are_said_to_have_no_effect(self, name, project, model):
        file = model(name)
        assert codes(composed(project, file, "a (red:1.2) car")) == ["weights_not_read"]
        assert codes(composed(project, file, "a red car")) == []
        if name == "sd3":
            assert codes(composed(project, file, "a red car", negative="(blurry:1.3)")) == ["weights_not_read"]

    def test_where_weights_count_nothing_is_said_and_parts_are_read(self, project, model, starter):
        found = composed(project, model("sdxl"), "a (red:1.2) car " + "car " * 200)
        assert codes(found) == []
        assert (found.tokens.limit, found.tokens.lost) == (75, 0)
        assert found.tokens.chunks > 1

    def test_a_single_file_without_vocabulary_is_said_before_anything_is_asked(
        self, project, starter, settings, tmp_path
    ):
        settings.TOKENIZERS_ROOT = tmp_path / "tokenizers"
        ModelFile.objects.filter(pk=starter.pk).update(layout="single")
        starter.refresh_from_db()
        found = composed(project, starter, "a red car")
        assert (codes(found), found.tokens) == (["tokenizer_missing"], None)
        shutil.copytree(WEIGHTS / "tokenizer", settings.TOKENIZERS_ROOT / "clip")
        assert codes(composed(project, starter, "a red car")) == []

    @pytest.mark.parametrize(("name", "marks"), [("sd3_t5", 0), ("flux", 0), ("sdxl", 1)])
    def test_the_preview_shows_no_weights_that_are_not_read(self, name, marks, project, model, signed_in):
        file = model(name)
        form = {"subject": "a (red:1.2) car", "base_model": str(file.id), "width": "64", "height": "64", "count": "1"}
        form |= {"num_inference_steps": "2", "guidance_scale": "3", "quality": "draft", "idempotency_key": "k"}
        form |= {"scheduler": "flow_euler" if marks == 0 else "dpmpp_2m"}
        response = signed_in("editor").post(
            reverse("studio_compose", args=[project.slug]), form | {"settings_from": f"{file.id} draft"}, headers=HTMX
        )
        html = response.content.decode()
        assert response.context["preview"].composed is not None
        assert html.count("×1.2") == marks
        assert ("without their weights" in html) is (marks == 0)
        assert ("T5: " in html) is (marks == 0)
        assert "a red car" in " ".join(html.split()) or marks

    def test_the_api_says_the_same(self, project, model, signed_in):
        file = model("flux")
        body = {"project": project.slug, "base_model": str(file.id), "slots": {"subject": "a (red:1.2) car"}}
        found = signed_in("editor").post("/api/v1/prompts/compose/", body, content_type="application/json").json()
        assert "without their weights" in found["notices"][0]
        assert [(each["encoder"], each["limit"], each["lost"]) for each in found["encoders"]] == [
            ("CLIP", 75, 0),
            ("T5", 511, 0),
        ]
        assert found["tokens"] == found["encoders"][-1]
