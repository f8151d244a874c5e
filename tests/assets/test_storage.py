"""The content-addressed store keeps a file once, whole, and notices when it changes."""

import hashlib
import os
import resource
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.storage import (
    INCOMING,
    NAME_BYTES,
    StorageError,
    download_name,
    open_stored,
    store_bytes,
    sweep_incoming,
    verify_stored,
)

REPOSITORY = Path(__file__).resolve().parents[2]


def files_under(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_file_is_kept_under_its_own_hash(tmp_path):
    stored = store_bytes(tmp_path, "outputs", b"picture", ".png")
    digest = hashlib.sha256(b"picture").hexdigest()
    assert stored.sha256 == digest
    assert stored.path == f"outputs/{digest[:2]}/{digest[2:4]}/{digest}.png"
    assert stored.size == 7
    assert (tmp_path / stored.path).read_bytes() == b"picture"


def test_keeping_the_same_bytes_twice_keeps_one_file(tmp_path):
    first = store_bytes(tmp_path, "outputs", b"same", ".png")
    before = (tmp_path / first.path).stat()
    assert store_bytes(tmp_path, "outputs", b"same", ".png") == first
    assert (tmp_path / first.path).stat().st_ino == before.st_ino
    assert files_under(tmp_path) == [first.path]


def test_a_damaged_copy_is_found_and_mended_by_keeping_the_bytes_again(tmp_path):
    stored = store_bytes(tmp_path, "outputs", b"right", ".png")
    (tmp_path / stored.path).write_bytes(b"wrong")
    with pytest.raises(StorageError) as caught:
        verify_stored(tmp_path, stored.path)
    assert caught.value.code == "file_changed"
    store_bytes(tmp_path, "outputs", b"right", ".png")
    assert verify_stored(tmp_path, stored.path) == stored


def test_a_missing_file_is_named(tmp_path):
    stored = store_bytes(tmp_path, "outputs", b"gone", ".png")
    (tmp_path / stored.path).unlink()
    with pytest.raises(StorageError) as caught:
        open_stored(tmp_path, stored.path)
    assert caught.value.code == "file_missing"
    assert caught.value.params == {"path": stored.path}


def test_open_stored_reads_the_bytes_back(tmp_path):
    stored = store_bytes(tmp_path, "outputs", b"bytes", ".webp")
    with open_stored(tmp_path, stored.path) as file:
        assert file.read() == b"bytes"


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "outputs/ab/cd/../../../x.png",
        "outputs\\ab\\cd\\x.png",
        "",
        "outputs/00/00/" + "a" * 64 + ".png",
        "outputs/aa/aa/" + "a" * 64 + ".png\n",
        "outputs/aa/aa/" + "a" * 64 + ".p\0g",
    ],
)
def test_only_stored_paths_are_opened(tmp_path, path):
    with pytest.raises(StorageError) as caught:
        open_stored(tmp_path, path)
    assert caught.value.code == "path_invalid"


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path):
    stored = store_bytes(tmp_path, "outputs", b"real", ".png")
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (tmp_path / stored.path).unlink()
    (tmp_path / stored.path).symlink_to(secret)
    with pytest.raises(StorageError):
        open_stored(tmp_path, stored.path)


@pytest.mark.parametrize(
    ("folder", "suffix"), [("../up", ".png"), ("a/b", ".png"), ("outputs", "png"), ("outputs", "./x")]
)
def test_folder_and_suffix_cannot_leave_the_store(tmp_path, folder, suffix):
    with pytest.raises(StorageError) as caught:
        store_bytes(tmp_path, folder, b"x", suffix)
    assert caught.value.code == "path_invalid"
    assert files_under(tmp_path) == []


def test_a_disk_without_room_leaves_nothing_behind(tmp_path):
    limit = 64 * 1024
    script = (
        "import sys; from pathlib import Path; from assets.storage import StorageError, store_bytes\n"
        "try: store_bytes(Path(sys.argv[1]), 'outputs', b'x' * 200_000, '.png')\n"
        "except StorageError as error: print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "disk_full"
    assert files_under(tmp_path) == []


def test_a_root_that_is_a_file_is_a_write_error(tmp_path):
    root = tmp_path / "root"
    root.write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        store_bytes(root, "outputs", b"x", ".png")
    assert caught.value.code == "write_failed"


def test_the_sweep_takes_only_stale_half_written_files(tmp_path):
    stored = store_bytes(tmp_path, "outputs", b"kept", ".png")
    stale, fresh = tmp_path / INCOMING / "stale.part", tmp_path / INCOMING / "fresh.part"
    stale.write_bytes(b"half")
    fresh.write_bytes(b"half")
    hour_ago = time.time() - 3600
    os.utime(stale, (hour_ago, hour_ago))
    assert sweep_incoming(tmp_path, older_than_seconds=600) == 1
    assert files_under(tmp_path) == sorted([f"{INCOMING}/fresh.part", stored.path])


def test_the_sweep_of_an_empty_store_finds_nothing(tmp_path):
    assert sweep_incoming(tmp_path / "nowhere", older_than_seconds=0) == 0


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../x.png", "_.._x.png.png"),
        ("C:\\x", "C__x.png"),
        ("a\0b", "ab.png"),
        ("か\u3099", "が.png"),
        ("a\r\nContent-Type: text/html", "a Content-Type_ text_html.png"),
        ("gpj\u202egnp.exe", "gpjgnp.exe.png"),
        ("con", "_con.png"),
        ("LPT¹.txt", "_LPT¹.txt.png"),
        ("aux .x", "_aux .x.png"),
        ("", "daicho.png"),
        ("...", "daicho.png"),
        ("\ud800", "daicho.png"),
        ("春の キャンペーン", "春の キャンペーン.png"),
        ("a\u2028b", "a b.png"),
    ],
)
def test_download_names_are_safe_everywhere(title, name):
    assert download_name(title, ".png") == name


@given(st.text(max_size=400))
def test_any_title_makes_a_short_clean_name(title):
    name = download_name(title, ".png")
    assert len(name.encode()) <= NAME_BYTES
    assert name.endswith(".png")
    assert len(name) > 4
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name)
    assert not set(name) & set('/\\:*?"<>|\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069')
    assert unicodedata.is_normalized("NFC", name)
