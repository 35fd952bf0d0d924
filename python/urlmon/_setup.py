"""Gives the core the Python objects for its numbers, and the session its default handlers, once, at import."""

from __future__ import annotations

from urlmon.callback import BindStatusCallback
from urlmon.constants import BINDSTATUS, BSCF
from urlmon.exceptions import WrongThreadError
from urlmon.hresult import HRESULT, to_hresult
from urlmon.identifiers import CLSID_NULL, CLSID_HttpProtocol, CLSID_HttpSProtocol
from urlmon.outcome import error_of
from urlmon.protocols.data import DataProtocol
from urlmon.protocols.http import HttpProtocol
from urlmon.session import get_session
from urlmon.storage import format_of, medium_of
from urlmon_core import install, use_wrong_apartment


def _wrong_thread(message: str) -> WrongThreadError:
    return WrongThreadError(message, url="", hresult=HRESULT.RPC_E_WRONG_THREAD)


install(
    statuses={int(status): status for status in BINDSTATUS},
    flags=tuple(BSCF(value) for value in range(128)),
    hresult=to_hresult,
    error_of=error_of,
    format_of=format_of,
    medium_of=medium_of,
    callback_base=BindStatusCallback,
)
use_wrong_apartment(_wrong_thread)
get_session().set_default_handler("data", DataProtocol, CLSID_NULL)
get_session().set_default_handler("http", HttpProtocol, CLSID_HttpProtocol, native=True)
get_session().set_default_handler("https", HttpProtocol, CLSID_HttpSProtocol, native=True)
