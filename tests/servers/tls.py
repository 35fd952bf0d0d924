"""A certificate authority for tests: one good leaf and three that a client must refuse."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Leaf:
    """A server certificate: `cert` is the chain, `key` the private key, both PEM files."""

    name: str
    cert: Path
    key: Path

    def server_context(self, alpn: Sequence[str] = ("http/1.1",)) -> ssl.SSLContext:
        """A server-side context that presents this leaf and offers `alpn`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        context.set_alpn_protocols(list(alpn))
        return context


class CertificateAuthority:
    """Writes a CA and its leaves into `folder`.

    `ca_file` is what a client trusts. `good` is for localhost, 127.0.0.1 and ::1; `expired` ran out a day
    ago; `wrong_host` is for wrong.example only; `unknown` is good in all but its issuer, whose own
    certificate is in `unknown_ca_file`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA(organization_name="urlmon tests")
        stranger = trustme.CA(organization_name="nobody the tests trust")
        self.ca_file = folder / "ca.pem"
        self.unknown_ca_file = folder / "unknown-ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        stranger.cert_pem.write_to_path(self.unknown_ca_file)
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        self.good = self._write("good", authority.issue_cert(*LOOPBACK_NAMES))
        self.expired = self._write(
            "expired", authority.issue_cert(*LOOPBACK_NAMES, not_before=now - 30 * day, not_after=now - day)
        )
        self.wrong_host = self._write("wrong_host", authority.issue_cert("wrong.example"))
        self.unknown = self._write("unknown", stranger.issue_cert(*LOOPBACK_NAMES))

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every leaf, the good one first."""
        return (self.good, self.expired, self.wrong_host, self.unknown)

    def _write(self, name: str, issued: trustme.LeafCert) -> Leaf:
        leaf = Leaf(name, self.folder / f"{name}.pem", self.folder / f"{name}.key")
        leaf.key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(leaf.key)
        for position, blob in enumerate(issued.cert_chain_pems):
            blob.write_to_path(leaf.cert, append=position > 0)
        return leaf
