"""res: URLs: files that come with Python packages, res://<package>/<path>; for those who register the handler."""

from __future__ import annotations

from importlib import resources
from urllib.parse import unquote

from urlmon.constants import PARSEACTION
from urlmon.exceptions import BindError, InvalidRequestError, InvalidURLError, ResourceNotFoundError
from urlmon.hresult import HRESULT
from urlmon.mimesniff import find_mime_from_data
from urlmon.protocols.memory import MemoryProtocol


class ResProtocol(MemoryProtocol):
    """Handler of res:. What a module of Windows has as resources a package has as files."""

    def parse_url(self, url: str, action: int, flags: int = 0) -> str | None:
        """SECURITY_URL is that of the package's folder; the rest is left to the built-in rules.

        Raises InvalidURLError (MK_E_SYNTAX) where there is no such package.
        """
        if action != PARSEACTION.SECURITY_URL:
            return None
        package = url.partition("://")[2].partition("/")[0]
        try:
            return f"file://{resources.files(package)}"
        except (ImportError, ValueError, TypeError) as problem:
            raise InvalidURLError("no such package", url=url, hresult=HRESULT.MK_E_SYNTAX) from problem

    def find(self, url: str) -> tuple[str, bytes]:
        """Raises InvalidRequestError (E_INVALIDARG) for another scheme, BindError for a URL without a path,
        ResourceNotFoundError where there is no such package or file."""
        if url[:6].lower() != "res://":
            raise InvalidRequestError("not a res: URL", url=url, hresult=HRESULT.E_INVALIDARG)
        package, slash, path = url[6:].partition("#")[0].partition("/")
        if not slash or not path:
            raise BindError(
                "the URL names no file of the package",
                url=url,
                hresult=HRESULT.WIN32_E_RESOURCE_TYPE_NOT_FOUND,
            )
        name = unquote(path)
        try:
            found = resources.files(package)
            for part in name.split("/"):
                if part in {"", ".", ".."}:
                    raise ResourceNotFoundError("the path leads out of the package", url=url)
                found = found / part
            content = found.read_bytes()
        except (ImportError, OSError, ValueError, TypeError) as problem:
            if isinstance(problem, ResourceNotFoundError):
                raise
            raise ResourceNotFoundError("no such package or file", url=url, detail=str(problem)) from problem
        try:
            return find_mime_from_data(name), content
        except BindError:
            return find_mime_from_data(name, content[:256] or b"\n"), content
