"""Who is at the other end of a link, and whether it is trusted.

The caller sees the answerer's certificate in TLS 1.3 itself. The answerer sees the caller's in its
introduction, with a signature over the answerer's nonce and both fingerprints: it fits this connection and no
other. (Python's TLS takes no client's certificate that nobody vouches for, so it is not done there.)
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from pocketvisor.errors import MigrationError
from pocketvisor.migration import messages
from pocketvisor.migration.identity import Identity, check_signature, client_context, fingerprint
from pocketvisor.migration.lease import Peer
from pocketvisor.migration.link import Link, LinkLost, Stream, why
from pocketvisor.migration.pairing import Exchange, PairingCode, typed_code
from pocketvisor.migration.peers import TrustedPeers, plain_name, shown_fingerprint

CONNECT_SECONDS: Final = 10.0
GREETING_SECONDS: Final = 10.0


class NotPaired(MigrationError):
    """The two machines do not trust each other yet."""


def facts(nonce: bytes, answerer: bytes, caller: bytes) -> bytes:
    """What a caller signs."""
    return b"pocketvisor link 1\0" + nonce + answerer + caller


async def call(address: str, identity: Identity, peers: TrustedPeers, *, code: str | None = None) -> Link:
    """A link to a machine that is trusted, or becomes so by the code that it shows.

    Raises NotPaired without a code, MigrationError where it refuses, LinkLost where nobody is there."""
    if code is not None:
        code = typed_code(code)
    host, port = parse_address(address)
    link, shown = await _connect(host, port, address)
    try:
        async with asyncio.timeout(GREETING_SECONDS + CONNECT_SECONDS):
            hello = await link.receive(messages.Hello)
            if hello.protocol != messages.PROTOCOL:
                raise MigrationError("The other machine's Pocketvisor is of another version")
            peer = Peer(fingerprint(shown), plain_name(hello.name), address)
            trusted = await asyncio.to_thread(peers.find, peer.fingerprint)
            if code is None and trusted is None:
                raise await asyncio.to_thread(_not_trusted, peer, peers)
            link.send(
                messages.Introduction(
                    messages.PROTOCOL,
                    identity.certificate,
                    identity.sign(facts(hello.nonce, peer.fingerprint, identity.fingerprint)),
                    identity.name,
                    pair=code is not None,
                )
            )
            if code is not None:
                await _pair(link, code, identity, peer)
                await asyncio.to_thread(peers.trust, peer.fingerprint, peer.name, address)
            elif isinstance(await link.receive(messages.Welcome, messages.Stranger), messages.Stranger):
                raise NotPaired(
                    f"{peer.name} does not trust this machine: pair again, with the code it shows"
                )
            else:
                await asyncio.to_thread(peers.found, peer.fingerprint, address)
    except TimeoutError:
        link.abort()
        raise LinkLost(f"{address} does not answer") from None
    except BaseException:
        link.abort()
        raise
    link.trust(peer)
    return link


async def greet(
    link: Link, identity: Identity, peers: TrustedPeers, code: Callable[[], PairingCode | None]
) -> bool:
    """The answerer's part, whole within its time. True where they have just been paired. Raises LinkLost or
    MigrationError for a caller that is not let in."""
    nonce = ssl.RAND_bytes(32)
    link.send(messages.Hello(messages.PROTOCOL, nonce, identity.name))
    caller = await link.receive(messages.Introduction)
    if caller.protocol != messages.PROTOCOL:
        raise MigrationError("The caller's Pocketvisor is of another version")
    peer = Peer(fingerprint(caller.certificate), plain_name(caller.name))
    check_signature(
        caller.certificate, facts(nonce, identity.fingerprint, peer.fingerprint), caller.signature
    )
    if caller.pair:
        await _answer_pairing(link, code(), identity, peer)
        await asyncio.to_thread(peers.trust, peer.fingerprint, peer.name)
    elif await asyncio.to_thread(peers.find, peer.fingerprint) is None:
        shown = code()
        link.send(messages.Stranger(pairing=shown is not None and shown.open))
        raise MigrationError(f"{peer.name} ({shown_fingerprint(peer.fingerprint)}) is not trusted")
    link.trust(peer)
    link.send(messages.Welcome())
    return caller.pair


async def _pair(link: Link, code: str, identity: Identity, peer: Peer) -> None:
    exchange = Exchange(code, identity.fingerprint, peer.fingerprint, calling=True)
    link.send(messages.PairMessage(exchange.message))
    exchange.received((await link.receive(messages.PairMessage)).message)
    link.send(messages.PairProof(exchange.proof))
    if not exchange.check((await link.receive(messages.PairProof)).proof):
        raise MigrationError(
            "The pairing failed: the machine that answers does not know the code. Somebody may sit between"
        )
    await link.receive(messages.Welcome)


async def _answer_pairing(link: Link, code: PairingCode | None, identity: Identity, peer: Peer) -> None:
    if code is None or not code.open:
        link.send(messages.Refused("No pairing code is shown there, or it is used up: have it show another"))
        raise MigrationError(f"{peer.name} wants to pair, and no code is shown")
    exchange = Exchange(code.code, peer.fingerprint, identity.fingerprint, calling=False)
    exchange.received((await link.receive(messages.PairMessage)).message)
    link.send(messages.PairMessage(exchange.message))
    proof = (await link.receive(messages.PairProof)).proof
    code.spend()  # before the verdict, which is all that a wrong guess learns
    if not exchange.check(proof):
        tries = f"{code.tries_left} more tries" if code.tries_left != 1 else "one more try"
        left = f"it takes {tries}" if code.open else "it is used up"
        link.send(messages.Refused(f"The code is not the one that is shown there; {left}"))
        raise MigrationError(f"{peer.name} tried to pair with a wrong code")
    code.succeeded()
    link.send(messages.PairProof(exchange.proof))


def _not_trusted(peer: Peer, peers: TrustedPeers) -> MigrationError:
    who = f"{peer.name} ({shown_fingerprint(peer.fingerprint)})"
    before = peers.at(peer.address)
    if before is not None:
        return NotPaired(
            f"At {peer.address} answers {who}, and it was {before.name} "
            f"({shown_fingerprint(before.fingerprint)}) before: if that is meant, pair with the code it shows"
        )
    return NotPaired(f"{who} is not trusted yet: pair with the code that it shows")


async def _connect(host: str, port: int, address: str) -> tuple[Link, bytes]:
    loop = asyncio.get_running_loop()
    reader = Stream()
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            transport, _ = await loop.create_connection(
                lambda: protocol, host, port, ssl=client_context(), server_hostname="pocketvisor"
            )
    except TimeoutError:
        raise LinkLost(f"{address} does not answer") from None
    except OSError as error:
        raise LinkLost(f"{address} cannot be reached: {why(error)}") from error
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    link = Link(reader, writer, messages.FromAnswerer)
    certificate: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    if not certificate:
        link.abort()
        raise LinkLost(f"{address} shows no certificate")
    return link, certificate


def parse_address(text: str) -> tuple[str, int]:
    """HOST:PORT, with brackets around an IPv6 address. Raises MigrationError."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not host or len(text) > 300 or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise MigrationError(f"'{text[:300]}' is no address: give HOST:PORT, as 192.168.1.5:7010")
    return host, int(port)
