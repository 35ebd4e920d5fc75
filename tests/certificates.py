"""An authority of the tests' own, and certificates for both ends of TLS on loopback."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_BEGIN = datetime.now(UTC) - timedelta(days=1)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    """Signs certificates, and writes them as PEM files into a folder."""

    def __init__(self, folder: Path, name: str = "Authority of the tests") -> None:
        self._folder = folder
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._files = name.replace(" ", "-")
        itself = self._begun(self._name, self._key).add_extension(x509.BasicConstraints(True, None), critical=True)
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        identity = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        itself = itself.add_extension(usage, critical=True).add_extension(identity, critical=False)
        self.file = folder / f"{self._files}.pem"
        self.file.write_bytes(itself.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issued(self, name: str, days: float | None = None) -> tuple[Path, Path]:
        """Give a certificate for a name, good for both ends on loopback, and its key; `days` from now on it ends."""
        key = ec.generate_private_key(ec.SECP256R1())
        places = [x509.DNSName(name), x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = (
            self._begun(_name(name), key, days)
            .add_extension(x509.SubjectAlternativeName(places), critical=False)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        certificate, key_file = (self._folder / f"{self._files}-{name}{end}" for end in (".pem", ".key"))
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
        key_file.chmod(0o600)
        return certificate, key_file

    def _begun(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: float | None = None
    ) -> x509.CertificateBuilder:
        end = _BEGIN + timedelta(days=30) if days is None else datetime.now(UTC) + timedelta(days=days)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_BEGIN)
            .not_valid_after(end)
        )
