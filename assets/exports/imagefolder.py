"""The README.md that Hugging Face shows as a dataset's card."""

import json
from collections.abc import Sequence

from assets.manifests import ManifestItem

from .credits import license_of, one_line
from .descriptions import ExportDescription
from .metadata import languages_of

# The licence names that the Hub knows, of those that Daicho has a profile for; it calls any other "other".
HUB_LICENSES = frozenset(
    (
        "apache-2.0",
        "cc-by-3.0",
        "cc-by-4.0",
        "cc-by-nc-3.0",
        "cc-by-nc-4.0",
        "cc-by-nc-nd-3.0",
        "cc-by-nc-nd-4.0",
        "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0",
        "cc-by-nd-4.0",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "cc0-1.0",
    )
)
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
LARGEST = "100K<n<1M"


def readme(description: ExportDescription, items: Sequence[ManifestItem], root: str) -> str:
    """Return the card: front matter that the Hub reads, then what a person needs to know."""
    return "\n".join(
        (
            "---",
            *_front_matter(description, items),
            "---",
            "",
            f"# {_plain(description.name)}",
            "",
            _plain(description.description),
            "",
            f"- Version: {description.version} ({description.published_on.isoformat()})",
            f"- Pictures: {len(items)}",
            f"- Made by: {_plain(', '.join(description.creators))}",
            f"- Manifest root (RFC 6962, sha256): `{root}`",
            "",
            "Each picture is under its own licence. `train/metadata.jsonl`, `LICENSES.csv` and `CREDITS.txt` tell",
            "which, and whom to credit.",
            "",
        )
    )


def size_category(count: int) -> str:
    """Return the Hub's name for a dataset of this many pictures."""
    return next((name for limit, name in SIZES if count < limit), LARGEST)


def _front_matter(description: ExportDescription, items: Sequence[ManifestItem]) -> list[str]:
    lines = [f"pretty_name: {_quoted(description.name)}", *_license_lines(description, items)]
    languages = sorted({language.partition("-")[0] for language in languages_of(items)})
    lines += ["language:", *(f"- {_quoted(language)}" for language in languages)] if languages else []
    lines += ["size_categories:", f"- {size_category(len(items))}"]
    return [*lines, "configs:", "- config_name: default", "  data_files:", "  - split: train", '    path: "train/**"']


def _license_lines(description: ExportDescription, items: Sequence[ManifestItem]) -> list[str]:
    titles = {held.id: held.title for held in (license_of(item, description.own) for item in items)}
    held = sorted(titles)
    known = [name.lower() for name in held]
    if set(known) <= HUB_LICENSES:
        return [f"license: {known[0]}"] if len(known) == 1 else ["license:", *(f"- {name}" for name in known)]
    name = titles[held[0]] if len(held) == 1 else "each-picture-has-its-own"
    return ["license: other", f"license_name: {_quoted(name)}", "license_link: LICENSES.csv"]


def _quoted(text: str) -> str:
    """Return text as a YAML string: JSON's are YAML's too."""
    return json.dumps(one_line(text), ensure_ascii=False)


def _plain(text: str) -> str:
    """Return text that Markdown and HTML show as it stands."""
    return "".join(f"\\{mark}" if mark in "\\`*_[]<>#|!&" else mark for mark in one_line(text))
