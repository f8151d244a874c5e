"""The key that signs checkpoints (Ed25519): from the settings, or from a file made on first use."""

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key; it shows only its public half."""

    private: Ed25519PrivateKey

    @property
    def public_hex(self) -> str:
        """Return the public key, 64 hex digits."""
        return self.private.public_key().public_bytes_raw().hex()

    def sign(self, message: bytes) -> str:
        """Return the signature, 128 hex digits."""
        return self.private.sign(message).hex()


def signing_key() -> SigningKey:
    """Return the key of this installation. Raises ImproperlyConfigured when the seed is not 64 hex digits."""
    seed = settings.LEDGER_SIGNING_KEY or read_key_file(Path(settings.LEDGER_KEY_FILE))
    try:
        return SigningKey(private=Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)))
    except ValueError as error:
        raise ImproperlyConfigured("The ledger's signing key must be 64 hex digits.") from error


def read_key_file(path: Path) -> str:
    """Return the seed in the file, writing a new one (mode 0600) when there is none."""
    if not path.exists():
        make_key_file(path)
    return path.read_text(encoding="ascii").strip()


def make_key_file(path: Path) -> None:
    """Write a fresh seed under this name unless another process was faster; nobody sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        return
    finally:
        os.unlink(name)
