"""What a picture file says of its own rights, and where that contradicts what was declared. Pure, and offline."""

from .contradictions import contradictions
from .embedded import read_claims
from .values import C2paClaims, EmbeddedClaims, Notice

__all__ = ["C2paClaims", "EmbeddedClaims", "Notice", "contradictions", "read_claims"]
