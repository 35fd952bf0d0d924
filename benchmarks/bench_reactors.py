"""One I/O thread against two, over TLS: many new connections, and bulk. README.md says how to read it."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks import nginx
from benchmarks.conftest import Figure, Figures, paired_ratio
from benchmarks.measuring import measure

Replay = Callable[..., None]

THREADS = 2
HANDSHAKES = 300  # files of each thread, each over a connection of its own
HANDSHAKES_AT_ONCE = 8
BULK = 4  # files of each thread
BULK_SIZE = 96 << 20

# The server signs once for each connection, the client verifies three signatures: it is the client that is busy.
SERVERS = """
    ssl_certificate {chain};
    ssl_certificate_key {key};
    server {{
        listen 127.0.0.1:{closing} ssl backlog=4096;
        ssl_session_tickets off;
        ssl_session_cache off;
        keepalive_timeout 0;
    }}
    server {{
        listen 127.0.0.1:{keeping} ssl;
    }}
"""


@dataclass(frozen=True)
class Secure:
    """Two TLS servers of one nginx: one closes each connection after its response, and resumes no session."""

    closing: str
    keeping: str
    ca_file: Path


def _write_chain(folder: Path) -> tuple[Path, Path, Path]:
    """Root, chain and key: three certificates on P-521, whose signatures are twice as dear to verify as to make."""

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def certificate(subject: str, key: Any, issuer: str, signer: Any, authority: bool) -> x509.Certificate:
        now = datetime.now(timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
        )
        if not authority:
            names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(signer, hashes.SHA512())

    root_key, middle_key, leaf_key = (ec.generate_private_key(ec.SECP521R1()) for _ in range(3))
    root = certificate("root", root_key, "root", root_key, True)
    middle = certificate("middle", middle_key, "root", root_key, True)
    leaf = certificate("localhost", leaf_key, "middle", middle_key, False)
    pem = serialization.Encoding.PEM
    files = folder / "root.pem", folder / "chain.pem", folder / "key.pem"
    files[0].write_bytes(root.public_bytes(pem))
    files[1].write_bytes(leaf.public_bytes(pem) + middle.public_bytes(pem))
    files[2].write_bytes(
        leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    if problem := nginx.unavailable():
        pytest.skip(problem)
    root, chain, key = _write_chain(tmp_path_factory.mktemp("certificates"))
    closing, keeping = nginx.free_port(), nginx.free_port()
    servers = SERVERS.format(chain=chain, key=key, closing=closing, keeping=keeping)
    with nginx.running_nginx(servers=servers) as server:
        server.random("small", 1024)
        server.random("bulk", BULK_SIZE)
        yield Secure(f"https://localhost:{closing}/small", f"https://localhost:{keeping}/bulk", root)


@pytest.mark.parametrize("workload", ["handshakes", "bulk"])
def test_two_reactors(
    workload: str, secure: Secure, replay: Replay, figures: Figures, request: pytest.FixtureRequest
) -> None:
    """The rounds: seconds with two reactors; with one in turn."""
    if workload == "handshakes":
        what = f"{THREADS} threads, {HANDSHAKES} TLS connections each"
        arguments = (secure.closing, secure.ca_file), (THREADS, HANDSHAKES, HANDSHAKES_AT_ONCE)
    else:
        what = f"{THREADS} threads, {BULK} x {BULK_SIZE >> 20} MiB over TLS each"
        arguments = (secure.keeping, secure.ca_file), (THREADS, BULK, BULK)
    runs: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    for _ in range(request.config.getoption("--rounds")):
        for reactors, done in runs.items():
            done.append(measure("reactors_client", *arguments[0], reactors, *arguments[1]))
            assert done[-1]["reactors"] == reactors
    one, two = ([run["seconds"] for run in runs[reactors]] for reactors in (1, 2))
    cpu_one, cpu_two = ([run["cpu"] for run in runs[reactors]] for reactors in (1, 2))
    replay(two, one=one, cpu_one=cpu_one, cpu_two=cpu_two, cores=os.cpu_count())
    figures.add(
        Figure(f"{what}: one reactor", statistics.median(one), "s"),
        Figure("the same, rate of two / of one", paired_ratio(one, two)),
        Figure("the same, processor time of two / of one", paired_ratio(cpu_two, cpu_one)),
    )
