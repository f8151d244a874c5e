"""Signs pictures with Content Credentials of a studio that nobody knows."""

import io
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MIME_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def sign(data: bytes, kind: str, *, training: dict[str, str], source_type: str = "trainedAlgorithmicMedia") -> bytes:
    """Return the picture with a manifest that says where it comes from and what may be trained on it."""
    action = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPES + source_type}
    entries = {name: {"use": use} for name, use in training.items()}
    manifest: dict[str, Any] = {
        "claim_generator_info": [{"name": "Test Studio", "version": "1"}],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [action]}},
            {"label": "cawg.training-mining", "data": {"entries": entries}},
        ],
    }
    offline = {"verify": {"verify_after_sign": False}, "builder": {"thumbnail": {"enabled": False}}}
    signed = io.BytesIO()
    with c2pa.Context.from_dict(offline) as context, c2pa.Builder(manifest, context=context) as builder:
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, *_identity(), None))
        builder.sign(signer, MIME_TYPES[kind], io.BytesIO(data), signed)
    return signed.getvalue()


@cache
def _identity() -> tuple[bytes, bytes]:
    """Return a certificate chain and the private key of its leaf, both PEM."""
    root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("Root", root_key, root_key, is_authority=True)
    leaf = _certificate("Leaf", leaf_key, root_key, is_authority=False)
    pem = serialization.Encoding.PEM
    chain = leaf.public_bytes(pem) + root.public_bytes(pem)
    return chain, leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *, is_authority: bool
) -> x509.Certificate:
    def title(common: str) -> x509.Name:
        parts = {NameOID.ORGANIZATION_NAME: "Unknown Studio", NameOID.COMMON_NAME: common}
        return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts.items()])

    start = datetime.now(UTC) - timedelta(days=1)
    uses = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    uses |= {"digital_signature": not is_authority, "key_cert_sign": is_authority, "crl_sign": is_authority}
    certificate = (
        x509.CertificateBuilder()
        .subject_name(title(name))
        .issuer_name(title("Root"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=30))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(x509.KeyUsage(**uses, encipher_only=False, decipher_only=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not is_authority:
        signing = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        certificate = certificate.add_extension(signing, critical=False)
    return certificate.sign(signer, hashes.SHA256())
