"""A scheme of one's own: zip:<archive>!<member> is a file in an archive, for every moniker of this process.

Usage: python zip_protocol.py ARCHIVE MEMBER
"""

from __future__ import annotations

import sys
import zipfile
from typing import IO

import urlmon
from urlmon import BINDSTATUS, BSCF, HRESULT


class ZipProtocol(urlmon.InternetProtocol):
    """Made anew for each bind. It could report from threads of its own as well: `sink` takes calls from any."""

    source: IO[bytes]

    def start(
        self,
        url: str,
        sink: urlmon.ProtocolSink,
        bind_info: urlmon.ProtocolBindInfo,
        flags: int = 0,
        reserved: urlmon.FilterData | None = None,
    ) -> HRESULT:
        archive, _, member = url.removeprefix("zip:").partition("!")
        try:
            with zipfile.ZipFile(archive) as opened:
                size = opened.getinfo(member).file_size
                self.source = opened.open(member)
        except (OSError, KeyError, zipfile.BadZipFile) as problem:
            sink.report_result(HRESULT.INET_E_RESOURCE_NOT_FOUND, 0, str(problem))
            return HRESULT.INET_E_RESOURCE_NOT_FOUND
        sink.report_progress(BINDSTATUS.MIMETYPEAVAILABLE, "application/octet-stream")
        sink.report_data(BSCF.FIRSTDATANOTIFICATION | BSCF.LASTDATANOTIFICATION, size, size)
        sink.report_result(HRESULT.S_OK)
        return HRESULT.S_OK

    def read(self, size: int) -> bytes:
        return self.source.read(size)

    def unlock_request(self) -> None:
        self.source.close()  # the client has dropped the stream


urlmon.register_name_space("zip", ZipProtocol)
moniker = urlmon.create_url_moniker(f"zip:{sys.argv[1]}!{sys.argv[2]}")
try:
    with moniker.bind_to_storage() as stream:
        print(stream.read().decode(), end="")
except urlmon.BindError as error:
    print(error)
