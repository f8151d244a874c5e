"""Every code that a pure module or the engine can raise has a sentence in the reader's language."""

import ast
from pathlib import Path

import pytest

from assets.containers.parts import SENTENCES as PICTURE_SENTENCES
from generation.parameters.claims import READERS
from generation.sentences import SENTENCES, failure_sentence, sentence
from generation.syntax import MESSAGES
from jobs.failures import SENTENCES as JOB_SENTENCES

ROOT = Path(__file__).resolve().parents[2]
RAISED = (
    "SpecError", "ModelError", "EngineError", "PictureError", "StorageError", "PromptError", "PresetError", "GridError",
)  # fmt: skip
SOURCES = [
    *ROOT.glob("engine/*.py"),
    *ROOT.glob("assets/containers/*.py"),
    ROOT / "assets/storage.py",
    ROOT / "assets/pictures.py",
    *ROOT.glob("generation/*.py"),
]


def codes_in(path: Path) -> set[str]:
    """Return the codes that a file raises: the first text of an error, the second of limits' helper."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        place = {"_error": 1}.get(node.func.id, 0 if node.func.id in RAISED else None)
        if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
            found.add(node.args[place].value)
    return found


def test_every_raised_code_has_a_sentence():
    codes = {code for path in SOURCES for code in codes_in(path)}
    assert len(codes) > 60
    assert sorted(codes - SENTENCES.keys()) == []


def test_every_message_of_the_pure_modules_has_a_sentence():
    warnings = {f"{name}_invalid" for name in READERS} | {"prompt_cut", "negative_prompt_cut"}
    codes = {*MESSAGES, *PICTURE_SENTENCES, *JOB_SENTENCES, *warnings}
    assert sorted(codes - SENTENCES.keys()) == []


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_a_sentence_can_be_said_without_its_values(code):
    assert "{" not in sentence(code).replace("{product}", "")


def test_values_are_filled_in():
    said = sentence("size_not_multiple", {"value": 509, "factor": 8, "nearest": (504, 512)})
    assert said == "The size must be a multiple of 8. Near 509 are 504, 512."


def test_the_sentence_follows_the_values_that_are_there():
    assert "Light" in sentence("weight_out_of_range", {"value": "9", "slot": "light"})
    assert "between -10 and 10" in sentence("weight_out_of_range", {"weight": 1e9, "limit": 10.0})


def test_sizes_of_files_are_said_in_words():
    assert sentence("too_many_bytes", {"size": 3 * 1024**2, "limit": 1024**2}).startswith("The file has 3.0\xa0MB")


def test_an_unknown_code_is_an_error_in_the_code_but_not_for_people():
    with pytest.raises(KeyError):
        sentence("never_heard_of")
    assert failure_sentence("never_heard_of") == sentence("unexpected")
    assert failure_sentence("") == ""


def test_braces_in_a_value_stay_what_they_are():
    assert "{{7*7}}" in sentence("bad_braces", {"text": "{{7*7}}", "slot": "subject"})
