"""The values that reading a file's own claims gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

Said = Mapping[str, tuple[str, ...]]

SENTENCES = {
    "xmp_too_large": "The file's rights data (XMP) has more than {limit} bytes and was not read.",
    "xmp_forbidden_markup": "The file's rights data (XMP) holds a document type or entities and was not read.",
    "xmp_unreadable": "The file's rights data (XMP) is damaged and was not read.",
    "data_mining_unknown": "The file says “{value}” about data mining, which is no term of the PLUS vocabulary.",
    "c2pa_unreadable": "The file carries Content Credentials (C2PA) that could not be read.",
    "provenance_not_fetched": "The file names {url} as the place of its provenance. Nothing was fetched from there.",
    "data_mining_prohibited": "The file itself forbids data mining ({found}); declared is “{declared}”.",
    "license_url_differs": "The file names the licence {found} ({url}); declared is “{declared}”.",
    "rights_reserved": "The file says “{found}”; declared is “{declared}”.",
    "rights_marked": "The file is marked as protected by rights; declared is “{declared}”.",
    "c2pa_training_forbidden": "The file's Content Credentials forbid training ({found}); declared is “{declared}”.",
    "c2pa_training_constrained": "Content Credentials set conditions for training ({found}); declared is “{declared}”.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Say one thing about a file. `code` is stable, `params` fill the translated sentence; some block."""

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    blocks: bool = False

    def __str__(self) -> str:
        return SENTENCES[self.code].format(**self.params)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"code": self.code, "params": dict(self.params), "blocks": self.blocks}


@dataclass(frozen=True, slots=True, kw_only=True)
class C2paClaims:
    """Hold what Content Credentials say; only that they are there when `is_readable` is false.

    `training` maps an entry such as cawg.ai_training to allowed, constrained or notAllowed, the strictest that the
    picture or anything it was made from says. `validation` is the library's word (Valid, Invalid, Trusted) without
    any list of trusted signers, so `signed_by` is a claim as well.
    """

    is_readable: bool
    claim_generator: str = ""
    digital_source_types: tuple[str, ...] = ()
    training: Mapping[str, str] = field(default_factory=dict, hash=False)
    signed_by: str = ""
    validation: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedClaims:
    """Hold what a picture file says of its own rights: cleaned texts, none of them verified.

    Texts stand in the order XMP, IPTC, EXIF, PNG text, each once. `license_urls` are cc:license, `web_statements`
    xmpRights:WebStatement, `licensor_urls` and `terms_urls` PLUS. `data_mining` is the strictest DMI-… value,
    `model_release` the weakest MR-… and `property_release` the weakest PR-…; all three are "" where nothing is said.
    `found_in` names the blocks that said something.
    """

    copyright_notices: tuple[str, ...] = ()
    creators: tuple[str, ...] = ()
    credit_lines: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    usage_terms: tuple[str, ...] = ()
    license_urls: tuple[str, ...] = ()
    web_statements: tuple[str, ...] = ()
    licensor_urls: tuple[str, ...] = ()
    terms_urls: tuple[str, ...] = ()
    is_rights_marked: bool | None = None
    data_mining: str = ""
    model_release: str = ""
    property_release: str = ""
    persons_shown: tuple[str, ...] = ()
    digital_source_types: tuple[str, ...] = ()
    c2pa: C2paClaims | None = None
    has_location: bool = False
    found_in: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "EmbeddedClaims":
        """Read back `as_dict`."""
        values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in data.items()}
        c2pa = values.pop("c2pa", None)
        if c2pa:
            types = tuple(c2pa["digital_source_types"])
            values["c2pa"] = C2paClaims(**{**c2pa, "digital_source_types": types})
        values["notices"] = tuple(Notice(**each) for each in values.get("notices", ()))
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, Notice | C2paClaims):
        return value.as_dict()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value
