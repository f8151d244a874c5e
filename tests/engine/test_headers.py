"""Headers are read strictly: every lie in a model file has its own refusal."""

import contextlib
import json
import struct
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from engine.errors import ModelError
from engine.headers import MAX_METADATA_BYTES, hash_model, read_header
from engine.starter import WEIGHTS

FOUR = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


def pack(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


BAD_FILES = {
    "empty": (b"", "file_too_short"),
    "one byte": (b"\x01", "file_too_short"),
    "zip renamed": (b"PK\x03\x04" + bytes(100), "pickle_content"),
    "pickle renamed": (b"\x80\x04\x95" + bytes(100), "pickle_content"),
    "length 2^63": (pack({}, length=2**63), "header_over_file"),
    "negative length": (struct.pack("<q", -5) + b"{}", "header_over_file"),
    "length over the file": (pack({}, length=100), "header_over_file"),
    "not JSON": (pack(b"{nope"), "header_not_json"),
    "a list": (pack([1, 2]), "header_not_json"),
    "not UTF-8": (pack(b'{"\xff": 1}'), "header_not_json"),
    "deep nesting": (pack(b'{"a":' + b"[" * 100_000), "header_not_json"),
    "NaN as number": (pack(b'{"a": NaN}'), "header_not_json"),
    "same name twice": (pack(b'{"a": {}, "a": {}}'), "header_duplicate_key"),
    "100,000 tensors": (pack({str(i): {**FOUR, "data_offsets": [4 * i, 4 * i + 4]} for i in range(100_000)}), None),
    "a tensor as text": (pack({"a": "hello"}), "tensor_invalid"),
    "a missing field": (pack({"a": {"dtype": "F32", "shape": [1]}}), "tensor_invalid"),
    "a field too many": (pack({"a": {**FOUR, "eval": "1"}}, bytes(4)), "tensor_invalid"),
    "unknown dtype": (pack({"a": {**FOUR, "dtype": "F31"}}, bytes(4)), "tensor_dtype_unknown"),
    "dtype as list": (pack({"a": {**FOUR, "dtype": []}}, bytes(4)), "tensor_dtype_unknown"),
    "negative side": (pack({"a": {**FOUR, "shape": [-1]}}, bytes(4)), "tensor_shape_invalid"),
    "side as fraction": (pack({"a": {**FOUR, "shape": [1.0]}}, bytes(4)), "tensor_shape_invalid"),
    "side as truth": (pack({"a": {**FOUR, "shape": [True]}}, bytes(4)), "tensor_shape_invalid"),
    "too many sides": (pack({"a": {**FOUR, "shape": [1] * 9}}, bytes(4)), "tensor_shape_invalid"),
    "shape overflow": (pack({"a": {**FOUR, "shape": [2**62, 2**62]}}, bytes(4)), "tensor_size_mismatch"),
    "size mismatch": (pack({"a": {**FOUR, "shape": [2]}}, bytes(4)), "tensor_size_mismatch"),
    "offsets backwards": (pack({"a": {**FOUR, "data_offsets": [4, 0]}}, bytes(4)), "tensor_offsets_invalid"),
    "offsets of three": (pack({"a": {**FOUR, "data_offsets": [0, 2, 4]}}, bytes(4)), "tensor_offsets_invalid"),
    "overlap": (pack({"a": FOUR, "b": {**FOUR, "data_offsets": [2, 6]}}, bytes(6)), "tensors_overlap"),
    "hole between": (pack({"a": FOUR, "b": {**FOUR, "data_offsets": [6, 10]}}, bytes(10)), "tensors_hole"),
    "hole at the start": (pack({"a": {**FOUR, "data_offsets": [4, 8]}}, bytes(8)), "tensors_hole"),
    "bytes after the end": (pack({"a": FOUR}, bytes(9)), "tensors_hole"),
    "cut off": (pack({"a": FOUR}, bytes(3)), "file_truncated"),
    "metadata of numbers": (pack({"__metadata__": {"a": 1}}), "metadata_invalid"),
    "metadata as list": (pack({"__metadata__": []}), "metadata_invalid"),
    "too much metadata": (pack({"__metadata__": {"a": "x" * MAX_METADATA_BYTES}}), "metadata_too_large"),
}


@pytest.mark.parametrize(("content", "code"), BAD_FILES.values(), ids=BAD_FILES)
def test_it_refuses_each_bad_file_with_its_reason(content, code, tmp_path):
    with pytest.raises(ModelError) as caught:
        read_header(write(tmp_path / "m.safetensors", content))
    assert caught.value.code == (code or "too_many_tensors")


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".PTH", ".bin", ".pkl"])
def test_it_refuses_files_that_can_run_programs_by_their_kind(suffix, tmp_path):
    with pytest.raises(ModelError, match=r"Daicho reads \.safetensors only") as caught:
        read_header(write(tmp_path / f"model{suffix}", pack({})))
    assert caught.value.code == "unsafe_format"


def test_it_refuses_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ModelError) as caught:
        read_header(tmp_path / "none.safetensors")
    assert caught.value.code == "file_unreadable"


def test_it_reads_what_safetensors_writes(tmp_path):
    file = tmp_path / "good.safetensors"
    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(5, dtype=torch.float16)}, file, {"note": "<b>hi</b>"})
    header = read_header(file)
    assert header.shape("a") == (2, 3)
    assert header.shape("nobody") == ()
    assert header.tensors["b"].dtype == "F16"
    assert header.metadata == {"note": "<b>hi</b>"}
    assert header.parameter_count() == 11


@pytest.mark.parametrize("length", [0x80, 0x280, 0x4B50])
def test_a_length_that_looks_like_a_pickle_is_only_a_length(length, tmp_path):
    raw = json.dumps({"a": FOUR}).encode().ljust(length)
    assert read_header(write(tmp_path / "m.safetensors", pack(raw, bytes(4)))).shape("a") == (1,)


def test_it_accepts_empty_and_scalar_tensors(tmp_path):
    header = {"a": {"dtype": "F32", "shape": [0, 4], "data_offsets": [0, 0]}, "b": {**FOUR, "shape": []}}
    assert set(read_header(write(tmp_path / "m.safetensors", pack(header, bytes(4)))).tensors) == {"a", "b"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 400), value=st.integers(0, 255), cut=st.integers(0, 40))
def test_a_damaged_file_is_read_or_refused_but_never_breaks_the_reader(position, value, cut, tmp_path):
    content = bytearray(pack({"a": FOUR, "b": {**FOUR, "data_offsets": [4, 8]}, "__metadata__": {"k": "v"}}, bytes(8)))
    content[position % len(content)] = value
    try:
        header = read_header(write(tmp_path / "m.safetensors", bytes(content[: len(content) - cut])))
    except ModelError:
        return
    assert sum(info.end - info.begin for info in header.tensors.values()) == header.file_bytes - header.data_start


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["dtype", "shape", "data_offsets", "__metadata__", "w"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_at_all_breaks_the_reader(header, tmp_path):
    file = write(tmp_path / "m.safetensors", pack(header, bytes(4)))
    with contextlib.suppress(ModelError):
        assert read_header(file).file_bytes == file.stat().st_size


def test_a_file_is_known_by_its_sha256(tmp_path):
    file = write(tmp_path / "a", b"abc")
    assert hash_model(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_folder_is_known_by_its_files_but_not_by_its_papers(tmp_path):
    for name, content in {"unet/w.safetensors": b"1", "vae/config.json": b"{}"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, content)
    first = hash_model(tmp_path)
    for name in ("README.md", "daicho.json", ".hidden", "judge.safetensors"):
        write(tmp_path / name, b"changes")
    assert hash_model(tmp_path) == first
    write(tmp_path / "unet/w.safetensors", b"2")
    assert hash_model(tmp_path) != first


def test_moving_bytes_between_files_changes_a_folders_hash(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, names in ((one, ("a", "b")), (two, ("b", "a"))):
        folder.mkdir()
        for name, content in zip(names, (b"1", b"2"), strict=True):
            write(folder / name, content)
    assert hash_model(one) != hash_model(two)


def test_the_starter_model_reads_cleanly():
    for file in WEIGHTS.rglob("*.safetensors"):
        assert read_header(file).tensors
