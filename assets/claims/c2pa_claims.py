"""Reads Content Credentials without ever going to the network.

Source: C2PA 2.2, CAWG training and data mining assertion 1.1. Signatures are checked for being whole; who signed is
not compared with any list, so everything here is a claim.
"""

import io
import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from assets.claims.cleaning import clean_text, clean_texts
from assets.claims.values import C2paClaims
from assets.containers.parts import Format

# The library by default fetches what an XMP packet names, and asks certificate issuers.
OFFLINE: Mapping[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "core": {"allowed_network_hosts": [], "decode_identity_assertions": False},
}
MIME_TYPES: Mapping[Format, str] = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
# The loosest first.
USES = ("allowed", "constrained", "notAllowed")
UNREADABLE = C2paClaims(is_readable=False)


def read_c2pa(data: bytes, picture_format: Format) -> C2paClaims:
    """Return what the credentials in a file say. Never raises: what the library refuses is there but unreadable."""
    # A native library of several megabytes: loaded when a file has credentials, and by nobody else.
    c2pa = import_module("c2pa")
    try:
        with (
            c2pa.Context.from_dict(dict(OFFLINE)) as context,
            c2pa.Reader(MIME_TYPES[picture_format], io.BytesIO(data), context=context) as reader,
        ):
            store = json.loads(reader.json())
        return _claims(store, store["manifests"][store["active_manifest"]])
    except (c2pa.C2paError, ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError):
        return UNREADABLE


def _claims(store: Mapping[str, Any], active: Mapping[str, Any]) -> C2paClaims:
    signature = active.get("signature_info") or {}
    return C2paClaims(
        is_readable=True,
        claim_generator=clean_text(_generator(active), 200),
        digital_source_types=clean_texts(_source_types(active)),
        training=_training(store),
        signed_by=clean_text(str(signature.get("issuer") or ""), 200),
        validation=clean_text(str(store.get("validation_state") or ""), 20),
    )


def _generator(manifest: Mapping[str, Any]) -> str:
    named = manifest.get("claim_generator_info") or []
    texts = (f"{each.get('name') or ''} {each.get('version') or ''}" for each in named)
    return ", ".join(" ".join(text.split()) for text in texts) or str(manifest.get("claim_generator") or "")


def _assertions(manifest: Mapping[str, Any], *names: str) -> Iterator[Mapping[str, Any]]:
    for assertion in manifest.get("assertions") or ():
        # A label may end with a version (.v2) and a number (__1).
        if str(assertion.get("label")).partition("__")[0].partition(".v")[0] in names:
            yield assertion.get("data") or {}


def _source_types(manifest: Mapping[str, Any]) -> Iterator[str]:
    for data in _assertions(manifest, "c2pa.actions"):
        for action in data.get("actions") or ():
            yield str(action.get("digitalSourceType") or "").rpartition("/")[2]


def _training(store: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for manifest in store["manifests"].values():
        for data in _assertions(manifest, "c2pa.training-mining", "cawg.training-mining"):
            for entry, said in (data.get("entries") or {}).items():
                name, use = clean_text(str(entry), 100), said.get("use")
                if name and use in USES:
                    found[name] = max(use, found.get(name, use), key=USES.index)
    return dict(sorted(found.items()))
