"""What the access table's requests must say before a view asks who may."""

from typing import Any

from django.core.files.base import ContentFile

from tests.assets.own_licenses import contract

GET, POST, PATCH, PUT = "get", "post", "patch", "put"
MODEL_ID = "6c6e53b0-6a3d-4a8e-9b5c-0d3f0a1d2c11"
SPRING = {"project": "spring"}
LESSON = {"dataset": "cats", "base_model": MODEL_ID, "method": "lora"}
WORD = {"ja": "試験", "en": "test", "slot": "subject"}
SEEDS = {"slots": {"subject": "a red ball"}, "axes": [{"kind": "seed", "values": ["1-2"]}]}
DATA: dict[tuple[str, str], dict[str, Any]] = {
    ("api-compose", POST): {**SPRING, "slots": {"subject": "a red ball"}},
    ("api-project-list", POST): {"name": "Autumn"},
    ("api-decide", POST): {**SPRING, "action": "generate", "models": [MODEL_ID]},
    ("api-generation-list", POST): {**SPRING, "slots": {"subject": "a red ball"}},
    ("api-grid-list", POST): {**SPRING, **SEEDS},
    ("api-grid-plan", POST): {**SPRING, **SEEDS},
    ("api-member-list", POST): {"email": "stranger@example.com", "role": "viewer"},
    ("api-member-detail", PATCH): {"role": "editor"},
    ("api-campaign-list", POST): {"name": "Rainy season"},
    ("api-campaign-detail", PATCH): {"name": "Rainy season"},
    ("api-term-list", GET): SPRING,
    ("api-term-list", POST): {**SPRING, **WORD},
    ("api-template-list", POST): {**SPRING, "slug": "new", "name": "New", "body": {}},
    ("api-template-import", POST): {**SPRING, "file": ContentFile(b"name,prompt\na,b", name="styles.csv")},
    ("api-template-versions", POST): {"body": {}},
    ("api-template-alias", POST): {"version": 1},
    ("api-template-archive", POST): {"archived": True},
    ("api-model-list", POST): {**SPRING, "kind": "base", "name": "a", "url": "https://a.example/a", "declaration": {}},
    ("api-model-waiting", GET): SPRING,
    ("api-model-prediction", PATCH): {"prediction_type": "epsilon"},
    ("api-model-rights", PATCH): {"creator": "Ana"},
    ("api-picture-list", GET): SPRING,
    ("api-picture-list", POST): {**SPRING, "file": ContentFile(b"x", name="a.png"), "declaration": "{}"},
    ("api-picture-rights", PATCH): {"creator": "Ana"},
    ("api-picture-tags", POST): {"tags": ["rain"]},
    ("api-picture-tag", POST): {"accepted": True},
    ("api-import-list", POST): {**SPRING, "files": ContentFile(b"x", name="a.png")},
    ("api-curation-list", POST): SPRING,
    ("api-tagging-list", POST): SPRING,
    ("api-dataset-list", POST): {**SPRING, "name": "Cats"},
    ("api-dataset-detail", PATCH): {"name": "Parasols"},
    ("api-dataset-captions", GET): {"language": "en"},
    ("api-dataset-captions", PUT): {"language": "en", "captions": {"1": "an umbrella"}},
    ("api-dataset-groups", POST): {"group": "front", "numbers": [1]},
    ("api-dataset-rename", POST): {"language": "en", "old": "umbrella", "new": "parasol"},
    ("api-dataset-export", POST): {"format": "folder"},
    ("api-dataset-check-different", POST): {"numbers": [1, 2]},
    ("api-expiries", GET): SPRING,
    ("api-evidence-list", POST): {**SPRING, "file": ContentFile(b"x", name="a.txt")},
    ("api-review-list", GET): SPRING,
    ("api-review-refuse", POST): {"reason": "no source"},
    ("api-waiver-list", POST): {**SPRING, "action": "train", "reason": "x", "expires_at": "2090-01-01T00:00:00Z"},
    ("api-own-license-list", POST): {**SPRING, "content": {**contract(), "id": "LicenseRef-Own-Sato"}},
    ("api-withdrawal-list", GET): SPRING,
    ("api-withdrawal-withdraw", POST): {"reason": "they asked"},
    ("version_export", POST): {"layout": "kohya", "scope": "internal", "idempotency_key": "matrix"},
    ("promotion_refuse", POST): {"reason": "not sharp enough"},
    ("api-training-list", POST): {**SPRING, **LESSON},
    ("api-training-plan", POST): {**SPRING, **LESSON},
    ("api-training-duplicate", POST): {"field": "rank", "value": 4},
    ("api-training-sweep", POST): {"field": "rank", "values": [4]},
    ("api-training-notes", POST): {"notes": "good hands"},
    ("api-adapter-list", POST): {**SPRING, "name": "Cats", "method": "lora"},
    ("api-adapter-detail", PATCH): {"name": "Parasols"},
    ("api-adapter-archive", POST): {"archived": True},
    ("api-adapter-versions", POST): {"file": MODEL_ID},
    ("api-adapter-promotion", POST): {"version": 1, "approved": False, "reason": "six fingers"},
    ("api-adapter-roll-back", POST): {"version": 1},
    ("api-adapter-withdraw-version", POST): {"reason": "they asked"},
    ("api-rework-list", POST): {**SPRING, "kind": "resize", "inputs": [{"adapter": "ink", "number": 1}], "rank": 1},
    ("api-export-list", POST): {**SPRING, "adapter": "ink", "number": 1, "layout": "kohya"},
    ("api-output-rate", POST): {"rating": 3},
    ("api-output-reject", POST): {"rejected": True},
}
