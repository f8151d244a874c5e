"""The verifier as its receiver runs it: a file on its own, in a Python of its own."""

import json
import shutil
import subprocess
import sys
import uuid
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from ledger import verify_offline
from ledger.services import checkpoint, export_jsonl
from ledger.signing import signing_key

from .conftest import write_entries

pytestmark = pytest.mark.django_db


class Receiver:
    """Somebody with an export, the verifier and no Daicho."""

    def __init__(self, folder: Path) -> None:
        self.export = folder / "export.jsonl"
        self.script = folder / "verify_offline.py"
        shutil.copy(verify_offline.__file__, self.script)

    def verify(self, *options: object, python: tuple[str, ...] = ("-I",)) -> subprocess.CompletedProcess:
        """Run the verifier, without this project on Python's path."""
        command = [sys.executable, *python, str(self.script), str(self.export), *map(str, options)]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.script.parent, env={}, check=False)

    def rewrite(self, change) -> None:
        """Change the export's lines in place."""
        lines = self.export.read_text().splitlines(keepends=True)
        self.export.write_text("".join(change(lines)))


@pytest.fixture
def receiver(chain, tmp_path) -> Receiver:
    receiver = Receiver(tmp_path)
    checkpoint(chain)
    write_entries(chain, 3)
    receiver.export.write_text("".join(export_jsonl(chain)))
    return receiver


def test_a_good_export_is_good(receiver):
    run = receiver.verify()
    assert (run.returncode, run.stderr) == (0, "")
    assert "Good: 10 entries" in run.stdout
    assert signing_key().public_hex in run.stdout


def test_a_good_export_is_signed_with_the_key_that_the_receiver_knows(receiver):
    assert "signed with the given key" in receiver.verify("--public-key", signing_key().public_hex).stdout
    run = receiver.verify("--public-key", "00" * 32)
    assert run.returncode == 1
    assert "another key" in run.stderr


def test_a_python_with_nothing_installed_checks_all_but_the_signatures(receiver):
    run = receiver.verify(python=("-I", "-S"))
    assert run.returncode == 0
    assert "Signatures were not checked" in run.stdout
    receiver.rewrite(lambda lines: [*lines[:4], *lines[5:]])
    assert receiver.verify(python=("-I", "-S")).returncode == 1


def test_an_export_of_an_empty_chain_is_good(receiver):
    receiver.export.write_text("".join(export_jsonl(uuid.uuid4())))
    run = receiver.verify()
    assert run.returncode == 0
    assert "No checkpoint" in run.stdout


def check(data: bytes, public_key: str) -> None:
    """Verify an export without starting a process."""
    export = verify_offline.Export()
    export.check(data.decode().splitlines(keepends=True))
    verify_offline.check_signatures(export.marks, public_key)


def test_one_changed_byte_on_any_line_is_found(receiver):
    whole = receiver.export.read_bytes()
    place = 0
    for line in whole.splitlines(keepends=True):
        for offset in (len(line) // 3, 2 * len(line) // 3):
            changed = bytearray(whole)
            changed[place + offset] ^= 1
            with pytest.raises((verify_offline.Broken, UnicodeDecodeError)):
                check(bytes(changed), signing_key().public_hex)
        place += len(line)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [*lines[:4], lines[4].replace('"actor":"a', '"actor":"b'), *lines[5:]], "Entry 4 was changed"),
        (lambda lines: [*lines[:4], lines[4].replace("3,", "4,", 1), *lines[5:]], "BROKEN"),
        (lambda lines: [*lines[:4], *lines[5:]], "Entry 4 is missing"),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], "Entry 4 is missing"),
        (lambda lines: [*lines[:4], lines[2], *lines[4:]], "Entry 2 is there twice"),
        (lambda lines: [*lines[:9], lines[-1]], "Entry 9 is missing"),
        (lambda lines: lines[:-1], "no footer"),
        (lambda lines: [*lines, lines[-1]], "after the footer"),
        (lambda lines: lines[1:], "no header"),
        (lambda lines: [], "no header"),
        (lambda lines: ["[" * 100_000], "not JSON"),
        (lambda lines: [*lines[:4], lines[4].replace("{", '{"seq": 4, ', 1), *lines[5:]], "as Daicho writes it"),
    ],
    ids=[
        "a changed actor", "a changed byte", "a deleted line", "swapped lines", "an inserted line", "a cut tail",
        "no footer", "two footers", "no header", "an empty file", "a bomb", "a key twice",
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(receiver, change, said):
    receiver.rewrite(change)
    run = receiver.verify()
    assert run.returncode == 1
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def cut_cleanly(lines: list[str]) -> list[str]:
    """Cut the tail, and write header and footer as if there had never been one."""
    tree, kept = verify_offline.Tree(), lines[1:5]
    for line in kept:
        tree.add(json.loads(line)["entry_hash"])
    header = {**json.loads(lines[0]), "count": 4, "checkpoint": None}
    ends = [verify_offline.canonical(row).decode() + "\n" for row in (header, {"count": 4, "root": tree.root()})]
    return [ends[0], *kept, ends[1]]


def test_a_cleanly_cut_tail_is_found_with_a_checkpoint_from_elsewhere(receiver, chain, tmp_path):
    with (tmp_path / "marks").open("w") as file:
        call_command("checkpoint_ledger", stdout=file)
    receiver.rewrite(cut_cleanly)
    assert receiver.verify().returncode == 0
    run = receiver.verify("--checkpoint", tmp_path / "marks")
    assert run.returncode == 1
    assert "Entry 5 is missing: the checkpoint covers 10 entries" in run.stderr


def test_a_forged_checkpoint_is_found(receiver, chain, tmp_path):
    mark = {**checkpoint(chain).as_row(), "at": "2020-01-01T00:00:00.000000Z"}
    (tmp_path / "marks").write_text(json.dumps(mark))
    assert "signature" in receiver.verify("--checkpoint", tmp_path / "marks").stderr


def test_a_checkpoint_of_another_chain_is_no_proof(receiver, chain, tmp_path):
    mark = {**checkpoint(chain).as_row(), "chain": "0" * 8 + "-0000-0000-0000-" + "0" * 12}
    (tmp_path / "marks").write_text(json.dumps(mark))
    assert "another chain" in receiver.verify("--checkpoint", tmp_path / "marks").stderr


def test_a_file_that_is_not_there_is_said(receiver):
    receiver.export.unlink()
    assert receiver.verify().returncode == 2


def test_the_command_writes_what_the_service_yields(receiver, chain):
    out = StringIO()
    call_command("export_ledger", str(chain), stdout=out)
    assert out.getvalue() == receiver.export.read_text()
