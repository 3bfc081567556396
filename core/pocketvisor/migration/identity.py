"""Who this installation is to others: a certificate of its own, made at its first use and kept for the user
alone, and what it can sign. Nobody vouches for it; another machine trusts it by its fingerprint (peers.py).

    ~/.local/share/pocketvisor/identity/identity.pem    key and certificate, mode 0600

Left out: replacing it before it is lost; whoever wants another one removes the file, and pairs again.
"""

import datetime
import fcntl
import hashlib
import os
import socket
import ssl
import stat
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID
from platformdirs import user_data_path

from pocketvisor.errors import MigrationError

CERTIFICATE_MAX: Final = 4096
NAME_MAX: Final = 64
_FILE_MAX: Final = 16384


def identity_folder() -> Path:
    return user_data_path("pocketvisor") / "identity"


class Identity:
    """Made by load_identity()."""

    def __init__(self, path: Path, key: Ed25519PrivateKey, certificate: bytes, name: str) -> None:
        self._path = path
        self._key = key
        self.certificate = certificate
        self.fingerprint = fingerprint(certificate)
        self.name = name
        """What others see: for people, no proof of anything."""

    def sign(self, facts: bytes) -> bytes:
        return self._key.sign(facts)

    def server_context(self) -> ssl.SSLContext:
        context = _context(ssl.PROTOCOL_TLS_SERVER)
        context.num_tickets = 0  # each connection proves anew who is there
        context.load_cert_chain(self._path)
        return context


def client_context() -> ssl.SSLContext:
    """Encrypts and makes the other end prove its certificate's key; whose that is is for the caller to see.
    This end proves itself by a signature inside (link.py)."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _context(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def fingerprint(certificate: bytes) -> bytes:
    return hashlib.sha256(certificate).digest()


def check_signature(certificate: bytes, facts: bytes, signature: bytes) -> None:
    """Raises MigrationError where it was not made with the certificate's key."""
    try:
        if len(certificate) > CERTIFICATE_MAX:
            raise ValueError("it is too large")
        key = x509.load_der_x509_certificate(certificate).public_key()
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("its key is of another kind")
        key.verify(signature, facts)
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm, InvalidSignature) as error:
        raise MigrationError("The other machine could not prove its certificate") from error


def load_identity(folder: Path | None = None) -> Identity:
    """This installation's, made where there is none yet. Raises MigrationError."""
    folder = folder or identity_folder()
    path = folder / "identity.pem"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of two that begin at once the second finds the first one's
            if not path.exists():
                write_private(path, _made())
            return _read(path)
        finally:
            os.close(lock)
    except OSError as error:
        raise MigrationError(f"{path}: {error.strerror}") from error


def write_private(path: Path, data: bytes) -> None:
    """All of it or nothing, durable, for the user alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _made() -> bytes:
    key = Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pocketvisor")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC))
        .sign(key, None)
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def _read(path: Path) -> Identity:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(fd, "rb") as file:
        if stat.S_IMODE(os.fstat(fd).st_mode) & 0o077:
            raise MigrationError(f"{path}: others could read the key; remove it and pair again, or chmod 600")
        data = file.read(_FILE_MAX)
    try:
        key = serialization.load_pem_private_key(data, None)
        certificate = x509.load_pem_x509_certificate(data)
        if not isinstance(key, Ed25519PrivateKey) or key.public_key() != certificate.public_key():
            raise ValueError("key and certificate do not belong together")
    except (ValueError, TypeError) as error:
        raise MigrationError(f"{path}: holds no usable key: {error}") from error
    return Identity(
        path, key, certificate.public_bytes(serialization.Encoding.DER), socket.gethostname()[:NAME_MAX]
    )
