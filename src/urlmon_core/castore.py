"""Where the certificates of trusted authorities are.

A libcurl that came in a wheel has the path of another distribution compiled in, and libcurl itself reads none
of the usual variables. So the core names the store for every handle, in this order: the caller's argument,
SSL_CERT_FILE and SSL_CERT_DIR, CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE, what Python's ssl module was built with,
well-known places, certifi if it is installed. certifi comes last on purpose: behind an inspecting proxy the
system's store is the right one.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NamedTuple

WELL_KNOWN_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL 7 and later
    "/etc/pki/tls/certs/ca-bundle.crt",  # older RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS, the BSDs
)
WELL_KNOWN_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")


class CAStore(NamedTuple):
    """A store: a PEM file, a folder of hashed certificates, or both; `source` says where it was found."""

    file: str | None
    folder: str | None
    source: str

    @property
    def native(self) -> bool:
        """Nothing named: libcurl asks the operating system (macOS)."""
        return self.file is None and self.folder is None


def find_ca_store() -> CAStore:
    """The store to use where the caller names none. The environment is read at each call."""
    file = os.environ.get("SSL_CERT_FILE") or None
    folder = os.environ.get("SSL_CERT_DIR") or None
    if file or folder:
        return CAStore(file, folder, "SSL_CERT_FILE" if file else "SSL_CERT_DIR")
    for name in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        named = os.environ.get(name)
        if named:
            return CAStore(None, named, name) if os.path.isdir(named) else CAStore(named, None, name)
    if sys.platform == "darwin":
        return CAStore(None, None, "system keychain")
    return _compiled_in() or _well_known() or _certifi() or CAStore(None, None, "none found")


def _compiled_in() -> CAStore | None:
    import ssl

    paths = ssl.get_default_verify_paths()  # names only what exists
    if paths.cafile:
        return CAStore(paths.cafile, None, "ssl.get_default_verify_paths()")
    if paths.capath and any(name.endswith(".0") for name in os.listdir(paths.capath)):
        return CAStore(None, paths.capath, "ssl.get_default_verify_paths()")
    return None


def _well_known() -> CAStore | None:
    for file in WELL_KNOWN_FILES:
        if os.path.isfile(file):
            return CAStore(file, None, "well-known file")
    for folder in WELL_KNOWN_FOLDERS:
        if os.path.isdir(folder):
            return CAStore(None, folder, "well-known folder")
    return None


def _certifi() -> CAStore | None:
    try:
        certifi = import_module("certifi")  # not a dependency, so type checkers need not know it either
    except ImportError:
        return None
    return CAStore(str(certifi.where()), None, "certifi")
