"""Migrations go back as they came."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("generation", "training", "assets", "ledger", "projects")


def manage(folder, *arguments):
    environment = os.environ | {"DATA_DIR": str(folder), "DATABASE_URL": "", "LOG_LEVEL": "ERROR"}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_every_migration_can_be_taken_back_and_made_again(tmp_path):
    manage(tmp_path, "migrate", "-v0")
    for app in APPS:
        if (ROOT / app / "migrations").is_dir():
            manage(tmp_path, "migrate", app, "zero", "-v0")
    assert "[X]" not in manage(tmp_path, "showmigrations", "generation", "assets", "ledger", "projects")
    manage(tmp_path, "migrate", "-v0")
    assert "[ ]" not in manage(tmp_path, "showmigrations")
