"""The body of a request: from what BindInfo holds to what the core sends (contract 5.1, stgmedData)."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

from urlmon.constants import BINDINFOF, BINDVERB
from urlmon.errors import error_from_errno
from urlmon.exceptions import InvalidRequestError
from urlmon.hresult import HRESULT
from urlmon_core import Body, body_of_bytes, body_of_file, body_of_stream

if TYPE_CHECKING:
    from urlmon.bindinfo import BindInfo

_KEPT_IN_FORMS = "=&+-._~*"


def has_body(info: BindInfo) -> bool:
    """Whether the request has a body; POST and PUT always have one."""
    return info.data is not None or info.verb in (BINDVERB.POST, BINDVERB.PUT)


def is_stream(info: BindInfo) -> bool:
    """Whether the body is a Python stream, which nobody but its owner can rewind."""
    return info.data is not None and not isinstance(info.data, (bytes, os.PathLike))


def body_of(info: BindInfo, url: str) -> Body | None:
    """The body of a request, None if it has none.

    A StorageError that names the file if it cannot be read; InvalidRequestError if it is no regular file.
    Whatever a stream raises when it is asked where it stands is raised.
    """
    if not has_body(info):
        return None
    data = info.data
    if data is None or isinstance(data, bytes):
        if not info.bodies:
            content = data or b""
            if info.info_flags & BINDINFOF.URLENCODESTGMEDDATA:
                content = quote_from_bytes(content, safe=_KEPT_IN_FORMS).encode("ascii")
            info.bodies.append(body_of_bytes(content))
        return info.bodies[0]
    if not isinstance(data, os.PathLike):
        return body_of_stream(data)
    path = os.path.abspath(os.fsdecode(data))
    try:
        record = os.stat(path)
    except OSError as problem:
        raise error_from_errno(problem.errno or 0, url=url, path=path) from problem
    if not stat.S_ISREG(record.st_mode):
        raise InvalidRequestError(
            f"the body is to be read from {path!r}, which is no regular file",
            url=url,
            hresult=HRESULT.E_INVALIDARG,
        )
    return body_of_file(os.fsencode(path), record.st_size)
