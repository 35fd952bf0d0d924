"""File names: from a URL, from Content-Disposition, made safe, and unique within a run.

The rules of one run, and how they are kept without remembering the names of ten million finished files:

- A name comes from the last part of the URL's path, or (`-J`) from Content-Disposition. It never leads out of
  the folder.
- A file that was there before the run is replaced, and only by a complete download, if the *URL* names it (as
  `curl -O` does). It is never replaced under a name that the server chose (`-J`) or that was made up here
  (`name.1.ext`).
- Two URLs of one run never share a file: the second gets `name.1.ext`.

Names in flight are held in memory; there are at most as many as running downloads. A finished name is on the
disk, and the disk also tells whether it is of this run: its change time (ctime, which no program can set) is
not before that of a file made in the same folder when the run started, so both are by the same clock and in
the same resolution. What somebody else changed since then counts as taken, which errs on the side that loses
nothing. (The one thing this relies on is that the file system's clock is not set back during the run.)
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import stat
import tempfile
import time
import unicodedata
from collections import OrderedDict
from urllib.parse import unquote_to_bytes

__all__ = ["TargetNames", "content_disposition_name", "numbered", "safe_name", "url_name"]

FALLBACK = "index.html"
"""Where neither URL nor header gives a name; what wget uses."""

PARTIAL = ".part"
"""What the core appends to the name while the file is not complete."""

MAX_BYTES = 255 - len(PARTIAL)
"""Longest name in UTF-8: common file systems take 255 bytes, and the unfinished file needs room for its
suffix.
"""

MAX_EXTENSION_BYTES = 32
NUMBERS_REMEMBERED = 4096

_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³]|CONIN\$|CONOUT\$)\s*(\..*)?\Z", re.I | re.S)
_CHARSET_VALUE = re.compile(r"([\w!#$%&+\-^.`{}~]*)'[\w-]*'(.*)\Z", re.S)  # RFC 8187 3.2
_PART = re.compile(r"""(?:[^;"]|"(?:[^"\\]|\\.)*(?:"|\\?\Z))+""", re.S)  # up to a semicolon outside quotes
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def url_name(url: str) -> str:
    """The safe file name for `url`: the last part of its path, percent-decoded; "index.html" if that is
    empty.
    """
    rest = url.split("#", 1)[0].split("?", 1)[0]
    _, authority, tail = rest.partition("://")
    path = tail.partition("/")[2] if authority else rest
    return safe_name(_percent_decoded(path.rsplit("/", 1)[-1]))


def _percent_decoded(text: str) -> str:
    """Percent escapes as UTF-8; escapes that are not UTF-8 stay as they were written."""
    raw = unquote_to_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pieces: list[str] = []
        for char in raw.decode("utf-8", "surrogateescape"):
            code = ord(char)
            pieces.append(f"%{code - 0xDC00:02X}" if 0xDC80 <= code <= 0xDCFF else char)
        return "".join(pieces)


def content_disposition_name(value: str) -> str | None:
    """The safe file name in a Content-Disposition header (RFC 6266), None if it has none that can be used.

    `filename*` (RFC 8187) goes before `filename`. Raw UTF-8 in `filename`, which the standard forbids and
    servers send, is understood. Folders in the name are dropped, and a leading dot is replaced: no server
    makes hidden files here.
    """
    parameters: dict[str, str] = {}
    # The first part is the disposition type, but some servers leave it out and start with a parameter.
    for part in _PART.findall(value):
        name, equals, text = part.partition("=")
        text = text.strip()
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:].removesuffix('"'), flags=re.S)
        if equals:
            parameters.setdefault(name.strip().lower(), text)
    name = _decode_extended(parameters.get("filename*", "")) or _repair_utf8(parameters.get("filename", ""))
    name = re.split(r"[/\\]", name)[-1].strip()
    if not name.strip("."):
        return None
    safe = safe_name(name)
    return "_" + safe[1:] if safe.startswith(".") else safe


def _decode_extended(value: str) -> str:
    """RFC 8187: charset'language'percent-encoded; "" for anything that is not that."""
    match = _CHARSET_VALUE.match(value)
    if match is None or not match.group(2).isascii() or _LONE_PERCENT.search(match.group(2)):
        return ""
    charset = match.group(1).lower()
    if charset not in ("utf-8", "iso-8859-1"):
        return ""
    try:
        return unquote_to_bytes(match.group(2)).decode(charset)
    except UnicodeDecodeError:
        return ""


def _repair_utf8(value: str) -> str:
    """Header text decoded as Latin-1 (or with surrogate escapes) whose bytes are UTF-8, as UTF-8."""
    for codec, errors in (("latin-1", "strict"), ("utf-8", "surrogateescape")):
        try:
            return value.encode(codec, errors).decode("utf-8")
        except UnicodeError:
            continue
    return value


def safe_name(name: str, fallback: str = FALLBACK) -> str:
    """`name` as a file name that stays in its folder on every file system.

    Separators, control and formatting characters (NUL, line breaks, direction overrides) become "_"; blanks
    at both ends and dots at the end go; names of Windows devices get a "_" in front; what is longer than
    `MAX_BYTES` is cut before its extension. What leaves nothing gives `fallback`. A leading "-" stays: paths
    are made from folder and name.
    """
    name = "".join("_" if _unsafe(char) else char for char in name)
    name = _shortened(name.strip().rstrip(". "), "", MAX_BYTES - 1).rstrip(". ")
    if not name:
        return fallback
    return "_" + name if _DEVICE.match(name) else name


def _unsafe(char: str) -> bool:
    if char.isascii():
        return char in "/\\\x7f" or char < " "
    # Controls, formatting (direction overrides, zero width), lone surrogates, line and paragraph ends.
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def numbered(name: str, number: int) -> str:
    """`name` with a number before its extension: a.txt, 1 → a.1.txt; a.tar.gz → a.1.tar.gz; README →
    README.1.
    """
    return name if number == 0 else _shortened(name, f".{number}", MAX_BYTES)


def _extension(name: str) -> str:
    """With its dot; "" if there is none worth keeping. The two parts of .tar.gz stay together."""
    stem, extension = os.path.splitext(name)
    if stem.lower().endswith(".tar") and len(stem) > 4:
        extension = stem[-4:] + extension
    return extension if len(os.fsencode(extension)) <= MAX_EXTENSION_BYTES else ""


def _shortened(name: str, infix: str, limit: int) -> str:
    """`name` with `infix` before its extension, its stem cut (at a character) so that all of it fits in
    `limit` bytes.
    """
    extension = _extension(name)
    stem = name[: len(name) - len(extension)].encode("utf-8")
    room = limit - len(infix) - len(extension.encode("utf-8"))
    return stem[:room].decode("utf-8", "ignore") + infix + extension


class TargetNames:
    """The names of one run in one folder: which are free, which are in flight, and under which a file ends
    up.

    Not for several threads. The folder must exist; where nothing can be written in it, the downloads will say
    so.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._in_flight: set[str] = set()
        self._next_number: OrderedDict[str, int] = OrderedDict()
        self._serial = itertools.count(1)
        self._token = secrets.token_hex(4)
        self._folds_case = False
        self._started_ns = time.time_ns()
        # ENOENT, EACCES, EROFS, ENOSPC: every download will fail with that cause and be reported by its name.
        with (
            contextlib.suppress(OSError),
            tempfile.NamedTemporaryFile(prefix=".urlmon-", dir=directory) as marker,
        ):
            self._started_ns = os.fstat(marker.fileno()).st_ctime_ns
            self._folds_case = os.path.exists(os.path.join(directory, os.path.basename(marker.name).upper()))

    def path(self, name: str) -> str:
        """Folder and name together, such that no program takes the result for an option."""
        if self.directory in ("", "."):
            return f"./{name}" if name.startswith("-") else name
        return os.path.join(self.directory, name)

    def reserve(self, wanted: str) -> str:
        """Take the name `wanted`, or the first free one made from it, until `release`."""
        name = self._free(wanted, may_replace=True)
        self._in_flight.update(self._keys(name))
        return name

    def reserve_provisional(self) -> str:
        """Take a name for a download whose own name is not known before its response headers."""
        name = f".urlmon-{self._token}-{next(self._serial)}"
        self._in_flight.update(self._keys(name))
        return name

    def release(self, name: str) -> None:
        """The download under `name` has ended. If it succeeded, the file on the disk holds the name from now
        on.
        """
        self._in_flight.difference_update(self._keys(name))

    def publish(self, provisional: str, wanted: str, *, may_replace: bool) -> str:
        """Give the complete file `provisional` the name `wanted` or one made from it, and return that.

        `may_replace`: `wanted` itself may take the place of a file from before the run. Any other name is
        taken only if the file system confirms, in the same step, that nothing had it. Raises OSError; the
        file then has its old name.
        """
        source = self.path(provisional)
        while True:
            name = self._free(wanted, may_replace)
            target = self.path(name)
            if may_replace and name == wanted:
                os.replace(source, target)
                break
            if self._rename_if_free(source, target):
                break
            # Somebody else made that file since it was looked at. It now counts as taken.
            may_replace = False
        return name

    def _rename_if_free(self, source: str, target: str) -> bool:
        try:
            os.link(source, target)
        except FileExistsError:
            return False
        except OSError:
            # No hard links here (FAT, some network file systems): creating the target exclusively claims the
            # name as well.
            try:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            except FileExistsError:
                return False
            os.replace(source, target)
        else:
            os.unlink(source)
        return True

    def _free(self, wanted: str, may_replace: bool) -> str:
        if self._is_free(wanted, may_replace):
            return wanted
        key = self._key(wanted)
        number = self._next_number.pop(key, 0) or self._first_free_number(wanted)
        while not self._is_free(numbered(wanted, number), may_replace=False):
            number += 1
        self._next_number[key] = number + 1
        if len(self._next_number) > NUMBERS_REMEMBERED:
            self._next_number.popitem(last=False)
        return numbered(wanted, number)

    def _first_free_number(self, wanted: str) -> int:
        """A number near the first free one in O(log n) looks: double until free, then halve the gap."""
        high = 1
        while not self._is_free(numbered(wanted, high), may_replace=False):
            high *= 2
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            if self._is_free(numbered(wanted, middle), may_replace=False):
                high = middle
            else:
                low = middle
        return high

    def _is_free(self, name: str, may_replace: bool) -> bool:
        if not self._in_flight.isdisjoint(self._keys(name)):
            return False
        # The unfinished file of `name` must not be a file that this run has just finished under that name.
        return self._replaceable(name, may_replace) and self._replaceable(name + PARTIAL, True)

    def _replaceable(self, name: str, may_replace: bool) -> bool:
        try:
            found = os.lstat(self.path(name))
        except FileNotFoundError:
            return True
        except OSError:
            return True  # cannot be looked at: let the download itself meet the error and name it
        if stat.S_ISDIR(found.st_mode):
            return False
        return may_replace and found.st_ctime_ns < self._started_ns

    def _key(self, name: str) -> str:
        return unicodedata.normalize("NFC", name).casefold() if self._folds_case else name

    def _keys(self, name: str) -> tuple[str, str]:
        return self._key(name), self._key(name + PARTIAL)
