"""The settings and the file that documents them say the same."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READS = re.compile(r"""(?:env\.\w+|setting)\(\s*"([A-Z_0-9]+)\"""")
DUMP = """
import json
import django
django.setup()
from config import settings
print(json.dumps({name: repr(value) for name, value in vars(settings).items() if name.isupper()}))
"""


def documented() -> dict[str, str]:
    """Read `.env.example`."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def load_settings(data_dir: Path, values: dict[str, str]) -> dict[str, str]:
    """Import the settings in a fresh process and return them as text."""
    env = {"PATH": "/usr/bin:/bin", "DJANGO_SETTINGS_MODULE": "config.settings", **values, "DATA_DIR": str(data_dir)}
    code = [sys.executable, "-c", DUMP]
    text = subprocess.run(code, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout
    return json.loads(re.sub(r"test-\d+", "test", text))


def test_every_setting_is_documented_and_every_documented_setting_is_read():
    read = set(READS.findall((ROOT / "config/settings.py").read_text()))
    assert documented().keys() == read


def test_the_example_holds_the_defaults(tmp_path):
    assert load_settings(tmp_path, documented()) == load_settings(tmp_path, {})


def test_a_database_url_chooses_postgresql(tmp_path):
    settings = load_settings(tmp_path, {"DATABASE_URL": "postgres://someone@db.example:5432/daicho"})
    assert "django.db.backends.postgresql" in settings["DATABASES"]


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path):
    first, second = load_settings(tmp_path, {}), load_settings(tmp_path, {})
    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0
