"""Read style presets of other tools: A1111 styles.csv, InvokeAI's JSON and CSV, Fooocus' JSON. Pure, nothing is run.

What is read is text for a template's slots; a row that cannot be read is reported and the others are kept.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generation.syntax import PromptError, check_brackets, clean_text
from generation.templates import SLOT_NAMES, TemplateBody

MAX_FILE_BYTES = 2_000_000
MAX_PRESETS = 5_000
MAX_NAME_CHARS = 200
MAX_PROMPT_CHARS = 2_000
PLACEHOLDER = "{prompt}"
HEADERS = {
    "name": "name",
    "prompt": "prompt",
    "positive_prompt": "prompt",
    "positive prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "negative prompt": "negative_prompt",
}


class PresetError(ValueError):
    """Refuse a whole file: `code` names the rule, `params` what broke it."""

    def __init__(self, code: str, params: Mapping[str, object] | None = None) -> None:
        self.code = code
        self.params = dict(params or {})
        super().__init__(f"Presets: {code.replace('_', ' ')} {self.params}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Hold one style of another tool; `prompt` may say {prompt} where the subject goes."""

    name: str
    prompt: str
    negative_prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """Say which row (from 1, headers included; in JSON the entry) could not be read, and why."""

    row: int
    code: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presets:
    """Hold what a file gave: its presets in order, and the rows that gave none."""

    source: str
    presets: tuple[Preset, ...]
    errors: tuple[RowError, ...]


Row = tuple[int, Mapping[str, Any]]


def read_presets(data: bytes) -> Presets:
    """Return the presets of a file, told apart by content: JSON (InvokeAI, Fooocus) or CSV (A1111, InvokeAI).

    Text may be UTF-8 with or without BOM, UTF-16 with BOM, or cp932. Raises PresetError for a file over 2 MB,
    with over 5,000 rows, of no known encoding, without the needed columns, or that is neither JSON nor CSV.
    """
    if len(data) > MAX_FILE_BYTES:
        raise PresetError("file_too_large", {"limit": MAX_FILE_BYTES})
    text = decode(data)
    source, rows = read_json(text) if text.lstrip()[:1] in ("[", "{") else read_csv(text)
    presets: list[Preset] = []
    errors: list[RowError] = []
    for row, fields in rows:
        try:
            preset = read_row(fields)
        except PromptError as error:
            errors.append(RowError(row=row, code=error.code, params=error.params))
        else:
            presets += [preset] if preset else []
    return Presets(source=source, presets=tuple(presets), errors=tuple(errors))


def decode(data: bytes) -> str:
    """Return the text of a file in one of the encodings that spreadsheets write."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp932")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text.replace("\x00", "")
    raise PresetError("encoding_unknown")


def read_csv(text: str) -> tuple[str, list[Row]]:
    """Return the rows of a CSV file with a header line. Raises PresetError for headers missing or said twice."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=False)
    try:
        lines = [line for line, _ in zip(reader, range(MAX_PRESETS + 2), strict=False)]
    except csv.Error as error:
        raise PresetError("csv_unreadable", {"reason": str(error)[:200]}) from error
    if not lines:
        raise PresetError("file_empty")
    if len(lines) > MAX_PRESETS + 1:
        raise PresetError("too_many_rows", {"limit": MAX_PRESETS})
    headers = [HEADERS.get(cell.strip().lower(), "") for cell in lines[0]]
    for name in ("name", "prompt"):
        if headers.count(name) != 1 or headers.count("negative_prompt") > 1:
            code = "column_missing" if name not in headers else "column_twice"
            raise PresetError(code, {"columns": ", ".join(cell[:40] for cell in lines[0][:10])})
    rows = [(number, row_fields(headers, line)) for number, line in enumerate(lines[1:], start=2) if any(line)]
    return "a1111" if "positive" not in text[:200].lower() else "invokeai", rows


def row_fields(headers: list[str], line: list[str]) -> Mapping[str, Any]:
    """Return a row's known fields; cells past the headers make the row ragged, missing ones are empty."""
    if any(cell.strip() for cell in line[len(headers) :]):
        return {"ragged": len(line)}
    padded = [*line, *[""] * (len(headers) - len(line))]
    return {header: cell for header, cell in zip(headers, padded, strict=False) if header}


def read_json(text: str) -> tuple[str, list[Row]]:
    """Return the entries of a JSON file: a list, or one entry by itself."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PresetError("json_unreadable", {"reason": str(error)[:200]}) from error
    entries = data if isinstance(data, list) else [data]
    if len(entries) > MAX_PRESETS:
        raise PresetError("too_many_rows", {"limit": MAX_PRESETS})
    rows = [(number, entry_fields(entry)) for number, entry in enumerate(entries, start=1)]
    is_invoke = any(isinstance(entry, dict) and ("preset_data" in entry or "type" in entry) for entry in entries)
    return "invokeai" if is_invoke else "fooocus", rows


def entry_fields(entry: object) -> Mapping[str, Any]:
    """Return the fields of one JSON entry, in either tool's shape."""
    if not isinstance(entry, dict):
        return {"shape": type(entry).__name__}
    inner = entry.get("preset_data")
    fields = {**entry, **inner} if isinstance(inner, dict) else entry
    return {HEADERS[key]: value for key, value in fields.items() if key in HEADERS}


def read_row(fields: Mapping[str, Any]) -> Preset | None:
    """Return the preset of a row, or None for a heading without prompts. Raises PromptError with the reason."""
    if "ragged" in fields or "shape" in fields:
        raise PromptError("bad_template", {"field": "row"})
    name = read_cell(fields, "name", MAX_NAME_CHARS)
    if not name:
        raise PromptError("bad_template", {"field": "name"})
    prompt = read_cell(fields, "prompt", MAX_PROMPT_CHARS)
    negative = read_cell(fields, "negative_prompt", MAX_PROMPT_CHARS)
    if not prompt and not negative:
        return None
    preset = Preset(name=name, prompt=prompt, negative_prompt=negative)
    preset_to_body(preset)
    return preset


def read_cell(fields: Mapping[str, Any], key: str, limit: int) -> str:
    """Return one cell as clean text. Raises PromptError `bad_template` or `text_too_long`."""
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise PromptError("bad_template", {"field": key})
    if len(value) > limit:
        raise PromptError("text_too_long", {"slot": key, "length": len(value), "limit": limit})
    return clean_text(value)


def preset_to_body(preset: Preset) -> TemplateBody:
    """Return a template that says what the preset says.

    The text before {prompt} is locked in front of the subject, the text behind it is the style's locked end, so a
    filled prompt reads as the other tool would write it. Without {prompt} the whole text is the style, as A1111
    appends it; where a bracket embraces {prompt}, all of it stays around the subject. Braces are text there, so they
    are escaped here. Raises PromptError for brackets that never close.
    """
    before, placeholder, after = preset.prompt.partition(PLACEHOLDER)
    if not placeholder:
        before, after = "", preset.prompt
    after = after.replace(PLACEHOLDER, "")
    for field, text in (("prompt", before + after), ("negative_prompt", preset.negative_prompt)):
        check_brackets(text, field)
    slots = {name: {"name": name} for name in SLOT_NAMES}
    slots["subject"]["prefix"] = escape(before)
    if is_balanced(before):
        style = escape(after.strip(" ,"))
        slots["style"]["suffix"] = f", {style}" if style else ""
    else:
        slots["subject"]["suffix"] = escape(after)
    negative = escape(preset.negative_prompt.replace(PLACEHOLDER, "").strip(" ,"))
    return TemplateBody.from_dict({"slots": list(slots.values()), "negative_locked": negative})


def is_balanced(text: str) -> bool:
    """Tell whether every bracket of a text closes in it."""
    try:
        check_brackets(text, "prompt")
    except PromptError:
        return False
    return True


def escape(text: str) -> str:
    """Return foreign text so that no brace, bar or double underscore in it is read as a template's."""
    return "".join(escaped(text))


def escaped(text: str) -> Iterator[str]:
    """Yield the text's characters, those of templates behind a backslash."""
    for index, sign in enumerate(text):
        doubled = sign == "_" and (text[index - 1 : index] == "_" or text[index + 1 : index + 2] == "_")
        yield f"\\{sign}" if (sign in "{}" and text[index - 1 : index] != "\\") or doubled else sign
