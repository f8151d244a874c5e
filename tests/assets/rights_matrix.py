"""Rights cases derived from the licence table: one question per licence, action and purpose, and the details."""

from decimal import Decimal
from typing import Any

from tests.assets.rights_cast import RAIL, RAIL_PP
from tests.assets.rights_rows import (
    CIVITAI,
    COMMUNITY,
    DEV,
    MANAGED,
    NEWS,
    OLD_NC_SA,
    OWN,
    PIXTA,
    STARTER,
    STATUTE,
    STOCK,
    TURBO,
    Case,
    ask,
    base,
    lesson,
    lora,
    photo,
    put,
    question,
    studied,
    ticked,
)

# licence, how it is used, action and purpose (and outbound licence), answer
QUESTIONS: tuple[tuple[str, str, str, str], ...] = (
    ("CC0-1.0", "photo", "publish advertising", "allow"),
    ("CC0-1.0", "lesson", "weights commercial", "allow"),
    ("CC-BY-4.0", "lesson", "host commercial", "allow"),
    ("CC-BY-NC-4.0", "lesson", "host commercial", "block forbidden"),
    ("CC-BY-NC-4.0", "lesson", "host noncommercial", "allow"),
    ("CC-BY-NC-SA-4.0", "photo", "publish noncommercial CC-BY-NC-SA-4.0", "allow"),
    ("CC-BY-NC-SA-4.0", "photo", "publish commercial CC-BY-NC-SA-4.0", "block forbidden"),
    ("CC-BY-NC-SA-4.0", "lesson", "weights research CC-BY-SA-4.0", "block outbound_not_allowed"),
    ("CC-BY-ND-4.0", "lesson", "train commercial", "allow"),
    ("CC-BY-ND-4.0", "lesson", "weights commercial", "block forbidden"),
    ("CC-BY-NC-ND-4.0", "lesson", "train noncommercial", "allow"),
    ("CC-BY-NC-ND-4.0", "lesson", "weights noncommercial", "block forbidden"),
    ("CC-BY-NC-ND-4.0", "photo", "generate research", "allow"),
    ("CC-BY-NC-ND-4.0", "photo", "publish research", "block forbidden"),
    ("CC-BY-3.0", "photo", "publish commercial", "allow"),
    ("CC-BY-3.0", "lesson", "train commercial", "allow"),
    ("CC-BY-3.0", "lesson", "weights commercial", "allow"),
    ("CC-BY-SA-3.0", "photo", "generate commercial", "allow"),
    ("CC-BY-SA-3.0", "photo", "publish commercial", "block outbound_not_stated"),
    ("CC-BY-SA-3.0", "photo", "publish commercial CC-BY-SA-3.0", "allow"),
    ("CC-BY-SA-3.0", "photo", "publish commercial CC-BY-SA-4.0", "allow"),
    ("CC-BY-SA-3.0", "photo", "publish commercial CC-BY-4.0", "block outbound_not_allowed"),
    ("CC-BY-SA-3.0", "lesson", "weights commercial CC-BY-SA-4.0", "allow"),
    ("CC-BY-NC-3.0", "photo", "generate commercial", "block forbidden"),
    ("CC-BY-NC-3.0", "photo", "generate research", "allow"),
    ("CC-BY-NC-3.0", "photo", "generate internal", "review purpose_between"),
    ("CC-BY-NC-3.0", "photo", "publish noncommercial", "allow"),
    ("CC-BY-NC-3.0", "photo", "publish editorial", "review purpose_between"),
    ("CC-BY-NC-3.0", "photo", "publish advertising", "block forbidden"),
    ("CC-BY-NC-3.0", "lesson", "train commercial", "block forbidden"),
    ("CC-BY-NC-3.0", "lesson", "train noncommercial", "allow"),
    ("CC-BY-NC-3.0", "base", "publish commercial", "review needs_review"),
    ("CC-BY-NC-SA-3.0", "photo", "publish noncommercial CC-BY-NC-SA-4.0", "allow"),
    ("CC-BY-NC-SA-3.0", "photo", "publish noncommercial CC-BY-SA-4.0", "block outbound_not_allowed"),
    ("CC-BY-NC-SA-3.0", "photo", "publish commercial CC-BY-NC-SA-3.0", "block forbidden"),
    ("CC-BY-ND-3.0", "photo", "generate commercial", "block forbidden"),
    ("CC-BY-ND-3.0", "photo", "publish commercial", "block forbidden"),
    ("CC-BY-ND-3.0", "unchanged", "publish commercial", "allow"),
    ("CC-BY-ND-3.0", "lesson", "train commercial", "review needs_review"),
    ("CC-BY-ND-3.0", "base", "generate commercial", "allow"),
    ("CC-BY-ND-3.0", "base", "merge commercial", "block forbidden"),
    ("CC-BY-NC-ND-3.0", "unchanged", "publish noncommercial", "allow"),
    ("CC-BY-NC-ND-3.0", "unchanged", "publish commercial", "block forbidden"),
    ("CC-BY-NC-ND-3.0", "photo", "generate noncommercial", "block forbidden"),
    ("CC-BY-NC-ND-3.0", "lesson", "train noncommercial", "review needs_review"),
    ("LicenseRef-CC-BY-2.1-JP", "photo", "publish commercial", "allow"),
    ("LicenseRef-CC-BY-2.1-JP", "lesson", "train commercial", "allow"),
    ("CC-BY-SA-2.1-JP", "photo", "publish commercial CC-BY-SA-2.1-JP", "allow"),
    ("CC-BY-SA-2.1-JP", "photo", "publish commercial CC-BY-SA-4.0", "allow"),
    ("CC-BY-SA-2.1-JP", "photo", "publish commercial CC-BY-4.0", "block outbound_not_allowed"),
    (OLD_NC_SA, "lesson", "train commercial", "block forbidden"),
    (OLD_NC_SA, "lesson", "train research", "allow"),
    (OLD_NC_SA, "photo", "publish noncommercial CC-BY-NC-SA-3.0", "allow"),
    ("CC-PDM-1.0", "photo", "publish commercial", "review needs_review"),
    ("CC-PDM-1.0", "lesson", "train research", "review needs_review"),
    ("CC-PDDC", "photo", "publish commercial", "review needs_review"),
    ("Apache-2.0", "base", "host commercial", "allow"),
    ("Apache-2.0", "base", "weights commercial", "allow"),
    (RAIL, "base", "merge commercial", "allow"),
    (RAIL, "dataset", "train commercial", "allow"),
    (RAIL_PP, "base", "host commercial", "allow"),
    (COMMUNITY, "base", "host commercial", "allow"),
    (COMMUNITY, "dataset", "train commercial", "review needs_review"),
    (TURBO, "base", "generate commercial", "block forbidden"),
    (TURBO, "base", "generate research", "allow"),
    (TURBO, "base", "publish commercial", "block forbidden"),
    (TURBO, "base", "publish editorial", "review purpose_between"),
    (TURBO, "base", "publish research", "allow"),
    (TURBO, "base", "host research", "block forbidden"),
    (TURBO, "base", "merge noncommercial", "allow"),
    (TURBO, "base", "weights noncommercial", "allow"),
    (TURBO, "base", "weights commercial", "block forbidden"),
    (TURBO, "dataset", "train research", "review needs_review"),
    (DEV, "base", "generate internal", "review purpose_between"),
    (DEV, "base", "host commercial", "block forbidden"),
    (DEV, "base", "weights noncommercial", "allow"),
    (DEV, "base", "publish advertising", "allow"),
    (OWN, "photo", "publish advertising", "allow"),
    (OWN, "lesson", "train commercial", "allow"),
    (OWN, "base", "host commercial", "allow"),
    (STOCK, "lesson", "train commercial", "block forbidden"),
    (STOCK, "lesson", "train research", "block forbidden"),
    (STOCK, "photo", "generate commercial", "review needs_review"),
    (STOCK, "photo", "publish advertising", "review needs_review"),
    (STOCK, "unchanged", "publish commercial", "review needs_review"),
    (NEWS, "lesson", "train editorial", "block forbidden"),
    (NEWS, "photo", "generate commercial", "allow"),
    (NEWS, "photo", "publish commercial", "block purposes_outside"),
    (NEWS, "photo", "publish internal", "block purposes_outside"),
    (NEWS, "unchanged", "publish editorial", "allow"),
    (PIXTA, "lesson", "train commercial", "block forbidden"),
    (PIXTA, "lesson", "train research", "block forbidden"),
    (PIXTA, "photo", "generate commercial", "review needs_review"),
    (PIXTA, "unchanged", "publish commercial", "review needs_review"),
    (MANAGED, "photo", "publish commercial", "block not_granted"),
    (STATUTE, "photo", "generate commercial", "block not_granted"),
    ("CC-BY-NC-4.0", "base", "publish commercial", "review needs_review"),
    ("CC-BY-NC-SA-4.0", "base", "publish commercial", "review needs_review"),
    ("CC-BY-NC-SA-3.0", "base", "publish commercial", "review needs_review"),
    ("CC-BY-NC-ND-4.0", "base", "publish commercial", "review needs_review"),
    ("CC-BY-NC-ND-3.0", "base", "publish commercial", "review needs_review"),
    (OLD_NC_SA, "base", "publish commercial", "review needs_review"),
    (OLD_NC_SA, "photo", "publish noncommercial", "block outbound_not_stated"),
    ("CC-BY-ND-4.0", "base", "weights commercial", "block forbidden"),
    ("CC-BY-NC-ND-4.0", "base", "weights noncommercial", "block forbidden"),
    ("CC-BY-NC-ND-4.0", "photo", "generate commercial", "block forbidden"),
    ("CC-BY-ND-3.0", "lesson", "publish commercial", "block forbidden needs_review"),
    ("CC-BY-NC-ND-3.0", "lesson", "publish noncommercial", "block forbidden needs_review"),
    ("CC-BY-NC-ND-3.0", "base", "merge noncommercial", "block forbidden"),
    (DEV, "dataset", "train noncommercial", "review needs_review"),
)

# licence, how it is used, action and purpose, what is owed where the answer is yes
DUES: tuple[tuple[str, str, str, str], ...] = (
    *(
        (license_id, "base", "publish research", "attribution remove_credit")
        for license_id in (
            *(
                f"CC-{elements}-{version}"
                for elements in ("BY", "BY-SA", "BY-NC", "BY-NC-SA", "BY-ND", "BY-NC-ND")
                for version in ("3.0", "4.0")
            ),
            "LicenseRef-CC-BY-2.1-JP", "CC-BY-SA-2.1-JP", OLD_NC_SA,
        )
    ),
    ("Apache-2.0", "base", "weights internal", "license_copy notice changes"),
    (RAIL_PP, "base", "weights internal", "license_copy notice pass_on"),
    (RAIL_PP, "base", "generate internal", ""),
    (COMMUNITY, "base", "weights internal", "register license_copy notice badge"),
    (DEV, "base", "weights research", "license_copy notice review ai_disclosure"),
    (TURBO, "base", "weights research", "license_copy notice changes"),
    ("CC0-1.0", "photo", "publish internal", ""),
    (OWN, "photo", "publish internal", ""),
)  # fmt: skip
MATRIX: tuple[Case, ...] = (
    *(question(*line) for line in QUESTIONS),
    *(question(*line, "allow", owed=owed) for *line, owed in DUES),
)

SD15 = base("Stable Diffusion 1.5", RAIL)
FREE = {"allow_derivatives": True, "allow_different_license": True}
MERGED = {"outbound_license": CIVITAI}
SIGNED = {"training_allowed": True, "adaptation_allowed": True}
ADDRESS = "http://ns.useplus.org/ldf/vocab/"
IMAGE = {"allow_commercial_use": ["Image"]}
RESEARCH, EDITORIAL = {"purpose": "research"}, {"purpose": "editorial"}


def mined(expression: str, found: str) -> list[Any]:
    return [STARTER, lesson("marked", expression, data_mining=found)]


def agreed(how: str, expression: str = MANAGED, **facts: Any) -> list[Any]:
    return put(expression, how, **{"territory": ["JP"], **facts})


CIVITAI_CASES = (
    ask("nothing ticked, business in house", "generate", [ticked()], "block forbidden"),
    ask("nothing ticked, research", "generate", [ticked()], "allow", **RESEARCH),
    ask("nothing recorded, research", "generate", [lora("LoRA", CIVITAI)], "block not_granted", **RESEARCH),
    ask("nothing recorded, business", "publish", [lora("LoRA", CIVITAI)], "block not_granted forbidden"),
    ask("nothing recorded comes in to wait", "ingest", [lora("LoRA", CIVITAI)], "review not_granted"),
    ask("Image does not come with Sell", "publish", [ticked("Sell")], "block forbidden"),
    ask("Image does not come with Rent", "publish", [ticked("Rent")], "block forbidden"),
    ask("Sell brings Rent", "host", [ticked("Sell")], "allow"),
    ask("Rent hosts", "host", [ticked("Rent")], "allow"),
    ask("RentCivit is for Civitai", "host", [ticked("RentCivit")], "review needs_review"),
    ask("Rent sells nothing", "weights", [ticked("Rent", **FREE)], "block forbidden"),
    ask("Image sells no weights", "weights", [ticked("Image", **FREE)], "block forbidden"),
    ask("Sell passes on", "weights", [ticked("Sell", **FREE)], "allow", owed="attribution"),
    ask("Image in house", "generate", [ticked("Image")], "allow", owed="attribution"),
    ask("no credit wanted", "publish", [ticked("Image", allow_no_credit=True)], "allow", owed=""),
    ask("credit wanted", "publish", [ticked("Image", allow_no_credit=False)], "allow", owed="attribution"),
    ask(
        "one flag without a list", "publish", [lora("LoRA", CIVITAI, parameters={"allow_commercial_use": "Image"})],
        "allow",
    ),
    ask("a flag nobody knows", "publish", [ticked("image")], "block forbidden"),
    ask("derivatives", "merge", [SD15, ticked("Image", allow_derivatives=True)], "allow"),
    ask("no derivatives", "merge", [SD15, ticked("Image", allow_derivatives=False)], "block forbidden"),
    ask("derivatives unsaid", "merge", [SD15, ticked("Image")], "block not_granted"),
    ask(
        "a merge under another licence", "weights", [SD15, ticked("Sell", allow_derivatives=True)],
        "block outbound_not_allowed", outbound_license="CC-BY-4.0",
    ),
    ask(
        "a merge with the same flags", "weights", [SD15, ticked("Sell", allow_derivatives=True)], "allow",
        owed="attribution same_flags license_copy notice pass_on", **MERGED,
    ),
    ask(
        "a merge with share-alike lessons", "weights",
        [ticked("Sell", allow_derivatives=True), lesson("shared", "CC-BY-SA-4.0")], "block outbound_conflict", **MERGED,
    ),
    ask(
        "its pictures as lessons", "train",
        [STARTER, base("model", CIVITAI, edge="output_to_dataset", parameters=IMAGE)], "review needs_review",
    ),
    ask("with its base licence", "publish", [lora("LoRA", f"{RAIL} AND {CIVITAI}", parameters=IMAGE)], "allow"),
)  # fmt: skip

CONTRACT_CASES = (
    ask("stock that may train", "train", put(STOCK, "lesson", parameters={"training_allowed": True}), "allow"),
    ask("stock that may not", "train", put(STOCK, "lesson", parameters={"training_allowed": False}), "block forbidden"),
    ask(
        "stock, only said so", "train", put(STOCK, "lesson", parameters={"training_allowed": "yes"}),
        "block forbidden",
    ),
    ask(
        "editorial stock in an ad", "publish", put(STOCK, "photo", parameters={"editorial_only": True}),
        "block purposes_outside needs_review",
    ),
    ask(
        "editorial stock in the news", "publish", put(STOCK, "photo", parameters={"editorial_only": True}),
        "review needs_review", owed="attribution", **EDITORIAL,
    ),
    ask("stock owes no credit", "publish", put(STOCK, "photo"), "review needs_review", owed=""),
    ask("news for training", "train", put(NEWS, "lesson", parameters=SIGNED), "allow", **EDITORIAL),
    ask("news for other training", "train", put(NEWS, "lesson", parameters=SIGNED), "block purposes_outside"),
    ask("a contract without a scope", "publish", put(MANAGED, "unchanged"), "block not_granted"),
    ask("a contract as it is", "publish", agreed("unchanged"), "allow", owed="attribution"),
    ask("a contract elsewhere", "publish", agreed("unchanged"), "block territory_outside", territory="US"),
    ask("a contract that trains", "train", agreed("lesson", parameters=SIGNED), "allow"),
    ask("a contract that does not say", "train", agreed("lesson"), "block not_granted"),
    ask(
        "a contract against training", "train", agreed("lesson", parameters={"training_allowed": False}),
        "block forbidden",
    ),
    ask("a contract for changes", "publish", agreed("photo", parameters=SIGNED), "allow", owed="attribution"),
    ask(
        "a contract against changes", "generate", agreed("photo", parameters={"adaptation_allowed": False}),
        "block forbidden",
    ),
    ask("print only", "publish", agreed("unchanged", media=["print"]), "block media_outside", media="web"),
    ask(
        "too many copies", "publish", agreed("unchanged", caps={"copies": 500}), "block cap_above",
        quantities={"copies": 501},
    ),
    ask("enough copies", "publish", agreed("unchanged", caps={"copies": 500}), "allow", quantities={"copies": 500}),
    ask(
        "a contract under an exception", "publish", agreed("lesson"), "block not_granted", policy="exception",
        exception="ledger:42",
    ),
    ask(
        "public domain, and why", "publish",
        put("CC-PDM-1.0", "photo", parameters={"public_domain_basis": "term_expired"}), "allow", owed="",
    ),
    ask(
        "public domain, said so", "publish",
        put("CC-PDM-1.0", "photo", parameters={"public_domain_basis": "it is old"}), "review needs_review",
    ),
    ask("dedicated", "train", put("CC-PDDC", "lesson", parameters={"public_domain_basis": "dedicated"}), "allow"),
    ask("a contract silent on changes", "publish", agreed("photo"), "block not_granted"),
    ask(
        "nobody asked whether it is sold", "train", [STARTER, studied(sold_as_analysis_database=None)],
        "review needs_review",
    ),
    ask("one artist's works", "train", [STARTER, studied(targets_creator_or_work=True)], "review needs_review"),
    ask("a purpose nobody asked for", "train", put(STATUTE, "lesson"), "block not_granted"),
)  # fmt: skip

RECORD_CASES = (
    *(
        ask(f"{found} on CC0", "train", mined("CC0-1.0", found), answer)
        for found, answer in {
            "DMI-PROHIBITED": "block data_mining",
            "DMI-PROHIBITED-AIMLTRAINING": "block data_mining",
            "DMI-PROHIBITED-GENAIMLTRAINING": "block data_mining",
            "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING": "block data_mining",
            "DMI-PROHIBITED-SEECONSTRAINT": "block data_mining",
            "DMI-ALLOWED": "allow",
            "DMI-UNSPECIFIED": "allow",
            f"{ADDRESS}DMI-PROHIBITED-AIMLTRAINING": "block data_mining",
            f"{ADDRESS}DMI-ALLOWED": "allow",
            "dmi-prohibited": "block data_mining",
            "no training, please": "review data_mining_unclear",
        }.items()
    ),
    ask("marked, and the terms agree", "train", mined(PIXTA, "DMI-PROHIBITED"), "block forbidden data_mining_agrees"),
    ask("a mark opens nothing", "train", mined(PIXTA, "DMI-ALLOWED"), "block forbidden"),
    ask(
        "marked, as an input", "generate", [STARTER, photo("marked", "CC0-1.0", data_mining="DMI-PROHIBITED")],
        "allow",
    ),
    ask("marked, and published after all", "publish", mined("CC-BY-4.0", "DMI-PROHIBITED"), "block data_mining"),
    ask(
        "one of two has signed", "publish",
        [photo("couple", "CC0-1.0", releases={"Hanako": "unlimited", "Ken": "none"})], "block release_none",
    ),
    ask(
        "the weakest release of two pictures holds", "publish",
        [photo(name, "CC0-1.0", releases={"Ken": word}) for name, word in (("one", "unlimited"), ("two", "limited"))],
        "review release_limited",
    ),
    ask(
        "a limited release, research", "train", [STARTER, lesson("face", "CC0-1.0", releases={"Ken": "limited"})],
        "review release_limited", **RESEARCH,
    ),
    ask(
        "nobody signed, research", "publish", [photo("face", "CC0-1.0", releases={"Ken": "none"})],
        "review release_none", **RESEARCH,
    ),
    ask(
        "for research, in business", "publish", [photo("lab", "CC0-1.0", purposes=["research"])],
        "block purposes_outside",
    ),
    ask("for research, in research", "publish", [photo("lab", "CC0-1.0", purposes=["research"])], "allow", **RESEARCH),
    ask("the ceiling, hosted", "host", [base("SD 3.5", COMMUNITY)], "allow", revenue=Decimal(1_000_000)),
    ask(
        "over the ceiling, hosted", "host", [base("SD 3.5", COMMUNITY)], "block revenue_above",
        revenue=Decimal(1_000_001),
    ),
    ask(
        "over the ceiling, research", "host", [base("SD 3.5", COMMUNITY)], "allow", revenue=Decimal(2_000_000),
        **RESEARCH,
    ),
    ask(
        "2.1 JP meets 3.0 in 4.0", "publish", [photo("a", "CC-BY-SA-2.1-JP"), photo("b", "CC-BY-SA-3.0")], "allow",
        outbound_license="CC-BY-SA-4.0",
    ),
    ask(
        "3.0 meets 4.0, but not in 3.0", "publish", [photo("a", "CC-BY-SA-3.0"), photo("b", "CC-BY-SA-4.0")],
        "block outbound_not_allowed", outbound_license="CC-BY-SA-3.0",
    ),
    ask(
        "BY-SA 3.0 with RAIL weights", "weights", [SD15, lesson("a", "CC-BY-SA-3.0")], "block terms_conflict",
        outbound_license="CC-BY-SA-4.0",
    ),
    *(
        ask(
            f"RAIL weights with {license_id}", "weights", [SD15, lesson("a", license_id)], "block terms_conflict",
            purpose="noncommercial", outbound_license=outbound,
        )
        for license_id, outbound in (
            ("CC-BY-SA-2.1-JP", "CC-BY-SA-4.0"), (OLD_NC_SA, "CC-BY-NC-SA-4.0"),
            ("CC-BY-NC-SA-3.0", "CC-BY-NC-SA-3.0"), ("CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0"),
        )
    ),
    ask(
        "own work beside a stranger's", "publish", [STARTER, photo("ours", OWN), photo("theirs", "CC")],
        "block no_basis",
    ),
)  # fmt: skip

DETAILS: tuple[Case, ...] = (*CIVITAI_CASES, *CONTRACT_CASES, *RECORD_CASES)
