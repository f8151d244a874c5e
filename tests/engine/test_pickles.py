"""A1111's pickles become safetensors that draw the same; one that wants to run something is refused and does not."""

import contextlib
import os
import pickle
import random
import warnings

import pytest
import torch
from django.core.management import CommandError, call_command
from safetensors.torch import load_file

from assets.model_kinds import examine_model
from engine.adapter_exports import to_a1111_hypernetwork
from engine.errors import ModelError
from engine.headers import read_header
from engine.hypernetworks import build_hypernetwork, describe, from_state, state
from engine.pickles import convert_pickle, read_pickle


def hypernetwork(**options):
    torch.manual_seed(0)
    return build_hypernetwork([32, 768], **options)


def a1111(made, **more):
    """Return what A1111 saves."""
    return to_a1111_hypernetwork(state(made), describe(made) | {"name": "ink", "step": "300"}) | more


def convert(tmp_path, data, name="moody.pt"):
    torch.save(data, tmp_path / name)
    target = tmp_path / "out.safetensors"
    return convert_pickle(tmp_path / name, target), target


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation_func": "relu", "is_layer_norm": True, "use_dropout": True, "activate_output": False},
        {"layer_structure": (1, 2, 2, 1), "activation_func": "swish"},
    ],
)
def test_a_hypernetwork_is_the_same_afterwards(options, tmp_path):
    made = hypernetwork(**options)
    said, target = convert(tmp_path, a1111(made, sd_checkpoint="abc", dropout_structure=None))
    assert (said.kind, said.name) == ("hypernetwork", "ink")
    again = from_state(load_file(target), read_header(target).metadata)
    assert describe(again) == describe(made)
    assert all(torch.equal(tensor, state(made)[name]) for name, tensor in state(again).items())
    assert examine_model(target, kind="adapter").method == "hypernetwork"


def test_a_hypernetwork_of_the_first_days_has_other_names_and_no_description(tmp_path):
    made = hypernetwork()
    old = {
        width: tuple(
            {name.replace("linear.0", "linear1").replace("linear.1", "linear2"): each for name, each in side.items()}
            for side in pair
        )
        for width, pair in a1111(made).items()
        if isinstance(width, int)
    }
    _, target = convert(tmp_path, old)
    assert all(torch.equal(tensor, state(made)[name]) for name, tensor in load_file(target).items())
    metadata = read_header(target).metadata
    assert (metadata["layer_structure"], metadata["activation_func"], metadata["activate_output"]) == (
        "[1, 2, 1]",
        "linear",
        "true",
    )


def rows(count=3):
    return torch.randn(count, 768, generator=torch.Generator().manual_seed(0))


EMBEDDINGS = {
    "A1111": ({"string_to_token": {"*": 265}, "string_to_param": {"*": rows()}, "name": "x", "step": 9}, "moody"),
    "A1111 with a parameter": (
        {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": {"*": torch.nn.Parameter(rows())}},
        "moody",
    ),
    "the first days": (
        {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": torch.nn.ParameterDict({"*": rows()})},
        "moody",
    ),
    "diffusers": ({"<zk>": rows()}, "<zk>"),
    "one vector": ({"<zk>": rows()[0]}, "<zk>"),
    "half precision": ({"<zk>": rows().half()}, "<zk>"),
}


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_an_embedding_keeps_its_vectors_and_gets_its_word(name, tmp_path):
    data, word = EMBEDDINGS[name]
    said, target = convert(tmp_path, data)
    assert (said.kind, said.name) == ("textual_inversion", word)
    [(key, found)] = load_file(target).items()
    assert (key, found.dtype) == ("emb_params", torch.float32)
    assert torch.allclose(found, rows()[: len(found)], atol=1e-2 if name == "half precision" else 0)
    examined = examine_model(target, kind="adapter")
    assert (examined.method, examined.word, examined.architecture) == ("textual_inversion", word, "sd1")


def test_an_embedding_of_sdxl_keeps_both(tmp_path):
    _, target = convert(tmp_path, {"clip_l": rows(2), "clip_g": torch.zeros(2, 1280)})
    assert load_file(target).keys() == {"clip_l", "clip_g"}
    assert examine_model(target, kind="adapter").architecture == "sdxl"


class Evil:
    """Runs a command when a careless reader opens it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("where", ["value", "whole", "key of a structure", "plain pickle"])
def test_a_pickle_that_wants_to_run_something_is_refused_and_does_not_run(where, tmp_path):
    mark, source = tmp_path / "was-here", tmp_path / "evil.pt"
    evil = Evil(mark)
    if where == "plain pickle":
        source.write_bytes(pickle.dumps({"string_to_param": evil}))
    else:
        made = a1111(hypernetwork())
        data = {"value": made | {"name": evil}, "whole": evil, "key of a structure": {"string_to_param": {"*": evil}}}
        torch.save(data[where], source)
    with pytest.raises(ModelError) as caught:
        convert_pickle(source, tmp_path / "out.safetensors")
    assert caught.value.code == "pickle_refused"
    assert not mark.exists()
    assert not (tmp_path / "out.safetensors").exists()
    # The file is a real danger: a careless reader does run it.
    if where == "plain pickle":
        pickle.loads(source.read_bytes())
    else:
        torch.load(source, weights_only=False)
    assert mark.exists()


def spoiled(**changes):
    made = a1111(hypernetwork())
    return {**made, **changes}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"state_dict": {"a.weight": torch.ones(2)}}, "pickle_unknown"),
        ({"a": torch.ones(2), "b": torch.ones(2)}, "pickle_unknown"),
        ({"string_to_param": {"*": torch.ones(0, 768)}}, "pickle_unknown"),
        ({}, "pickle_unknown"),
        ([torch.ones(2)], "pickle_refused"),
        (torch.ones(2), "pickle_refused"),
        ({32: ({"linear.0.weight": torch.ones(2, 2)},)}, "pickle_unknown"),
        ({32: ({"linear.0.weight": torch.ones(2, 2)}, {})}, "hypernetwork_invalid"),
        (spoiled(layer_structure=[1, 3, 1]), "hypernetwork_invalid"),
        (spoiled(activation_func="__import__('os')"), "hypernetwork_invalid"),
    ],
)
def test_what_is_something_else_is_refused(data, code, tmp_path):
    with pytest.raises(ModelError) as caught:
        convert(tmp_path, data)
    assert caught.value.code == code
    assert not (tmp_path / "out.safetensors").exists()


def test_values_that_are_no_numbers_are_refused(tmp_path):
    with pytest.raises(ModelError):
        convert(tmp_path, {"<zk>": torch.full((1, 768), float("nan"))})
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02", b"hello", b"\x80\x04\x95" + bytes(50)])
def test_a_damaged_pickle_is_refused(content, tmp_path):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ModelError) as caught:
        convert_pickle(tmp_path / "a.pt", tmp_path / "out.safetensors")
    assert caught.value.code == "pickle_refused"


def test_bytes_that_went_wrong_anywhere_never_come_out_as_another_error(tmp_path):
    choose, path = random.Random(0), tmp_path / "a.pt"
    torch.save({"string_to_param": {"*": torch.ones(2, 8)}}, path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(choose.randint(1, 5)):
            content[choose.randrange(min(len(content), 400))] = choose.randrange(256)
        path.write_bytes(content[: choose.randint(1, len(content))])
        with contextlib.suppress(ModelError), warnings.catch_warnings(action="ignore"):
            read_pickle(path)


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "there.safetensors").write_bytes(b"mine")
    torch.save({"<zk>": rows()}, tmp_path / "a.pt")
    for target in ("there.safetensors", "out.pt"):
        with pytest.raises(ModelError) as caught:
            convert_pickle(tmp_path / "a.pt", tmp_path / target)
        assert caught.value.code == "pickle_target"
    assert (tmp_path / "there.safetensors").read_bytes() == b"mine"


def test_the_command_says_what_it_made_and_why_not(tmp_path, capsys):
    torch.save({"<zk>": rows()}, tmp_path / "a.pt")
    call_command("convert_pickle", str(tmp_path / "a.pt"), str(tmp_path / "a.safetensors"))
    assert "textual_inversion, <zk>, 1 tensors" in capsys.readouterr().out
    with pytest.raises(CommandError, match="must not be there yet"):
        call_command("convert_pickle", str(tmp_path / "a.pt"), str(tmp_path / "a.safetensors"))
    (tmp_path / "b.pt").write_bytes(b"junk")
    with pytest.raises(CommandError, match="wants to run a program"):
        call_command("convert_pickle", str(tmp_path / "b.pt"), str(tmp_path / "b.safetensors"))
