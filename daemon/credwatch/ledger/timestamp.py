"""Time stamps of an authority (RFC 3161) over checkpoints: somebody else says that the trail was there at a moment.

The authority signs the digest of the bytes of a checkpoint, and sees nothing else. Its answer is kept as it came, so
that any verifier of RFC 3161 checks it: `openssl ts -verify -in STAMP -data CHECKPOINT -CAfile ROOTS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography.x509 import Certificate, load_der_x509_certificate, load_pem_x509_certificates
from cryptography.x509.oid import NameOID
from msgspec import Struct
from rfc3161_client import (
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from credwatch.ledger.note import NotGenuine

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
"""The media types of a request and its answer (RFC 3161, section 3.4)."""


class Stamp(Struct, frozen=True):
    """What an authority has signed."""

    at: datetime
    """The moment, UTC."""
    authority: str
    """Who says so: the common name of the certificate that signed."""


def roots_in(pem: bytes, where: str) -> tuple[Certificate, ...]:
    """Read the certificates of authorities; raises NotGenuine where there is none."""
    try:
        return tuple(load_pem_x509_certificates(pem))
    except ValueError as error:
        hint = "expected certificates in PEM: -----BEGIN CERTIFICATE-----"
        raise NotGenuine("has no certificate", where=where, hint=hint) from error


def request_for(note: str) -> TimeStampRequest:
    """Ask for a stamp over a checkpoint, by its SHA-512 and with a nonce; `as_bytes` of it goes to the authority."""
    return TimestampRequestBuilder().data(note.encode()).build()


def check(reply: bytes, note: str, roots: Sequence[Certificate], request: TimeStampRequest | None = None) -> Stamp:
    """Hold an authority's answer against a checkpoint; raises NotGenuine.

    With the request, it must also be the answer to that one: its nonce comes back.
    """
    try:
        response = decode_timestamp_response(reply)
        builder = VerifierBuilder() if request is None else VerifierBuilder.from_request(request)
        for root in dict.fromkeys(roots):
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(response, note.encode())
    except (ValueError, VerificationError) as error:
        raise NotGenuine(f"is no stamp of it: {error}", where="time stamp", hint=_HINT) from error
    return Stamp(response.tst_info.gen_time.astimezone(UTC), _signer(response))


def _signer(response: TimeStampResponse) -> str:
    """Name the one who signed, of the certificates that came along."""
    signers = {(signer.issuer, signer.serial_number) for signer in response.signed_data.signer_infos}
    for certificate in map(load_der_x509_certificate, sorted(response.signed_data.certificates)):
        if (certificate.issuer, certificate.serial_number) in signers:
            names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            return str(names[0].value) if names else certificate.subject.rfc4514_string()
    return ""


_HINT = "the authority refused, its certificate is not among the roots, or the checkpoint is another"
