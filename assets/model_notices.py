"""What stands in the way of drawing with a model that is in the library, in sentences."""

from django.conf import settings

from engine.tokenizer_places import lacks_tokenizer

from .models import ModelFile
from .sentences import sentence


def notices_of(model: ModelFile) -> list[str]:
    """Return what is missing on this machine before a base model can draw; nothing when all is there."""
    is_base = model.kind == ModelFile.Kind.BASE
    if is_base and lacks_tokenizer(model.architecture, model.layout, settings.TOKENIZERS_ROOT):
        return [sentence("tokenizer_missing")]
    return []
