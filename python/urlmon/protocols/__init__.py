"""Protocol handlers that come with the library.

`data:` is served by default. The others are for those who ask for them:

    urlmon.register_name_space("file", FileProtocol)
"""

from __future__ import annotations

from urlmon.protocols.about import AboutProtocol
from urlmon.protocols.data import DataProtocol
from urlmon.protocols.file import FileProtocol
from urlmon.protocols.http import HttpProtocol
from urlmon.protocols.res import ResProtocol

__all__ = ["AboutProtocol", "DataProtocol", "FileProtocol", "HttpProtocol", "ResProtocol"]
