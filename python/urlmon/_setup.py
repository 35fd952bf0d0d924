"""Gives the core the Python objects for its numbers, and the session its default handlers, once, at import."""

from __future__ import annotations

import sys

from urlmon.bindinfo import DEFAULT_BIND_INFO
from urlmon.binding import Binding
from urlmon.callback import BindStatusCallback
from urlmon.constants import BINDSTATUS, BSCF, TYMED
from urlmon.exceptions import WrongThreadError
from urlmon.hresult import HRESULT, to_hresult
from urlmon.identifiers import CLSID_NULL, CLSID_HttpProtocol, CLSID_HttpSProtocol
from urlmon.moniker import raise_refusal, tell_stop
from urlmon.outcome import error_of
from urlmon.protocol import InternetProtocol
from urlmon.protocols.data import DataProtocol
from urlmon.protocols.http import HttpProtocol
from urlmon.services import SERVICE_NAMES
from urlmon.session import get_session
from urlmon.storage import StgMedium, format_of
from urlmon_core import install, use_quick_bind, use_wrong_apartment


def _wrong_thread(message: str) -> WrongThreadError:
    return WrongThreadError(message, url="", hresult=HRESULT.RPC_E_WRONG_THREAD)


install(
    statuses={int(status): status for status in BINDSTATUS},
    flags=tuple(BSCF(value) for value in range(128)),
    hresult=to_hresult,
    error_of=error_of,
    format_of=format_of,
    medium=StgMedium,
    tymeds={int(tymed): tymed for tymed in TYMED},
    callback_base=BindStatusCallback,
    service_names=SERVICE_NAMES,
    protocol=InternetProtocol,
)
if not sys.flags.dev_mode:  # there, the apartment notes where each binding was begun
    use_quick_bind(
        binding=Binding,
        info=DEFAULT_BIND_INFO,
        storages=TYMED,
        handled=get_session().name_spaces,
        no_answer=HRESULT.E_NOTIMPL,
        refused=raise_refusal,
        failed=tell_stop,
    )
use_wrong_apartment(_wrong_thread)
get_session().set_default_handler("data", DataProtocol, CLSID_NULL)
get_session().set_default_handler("http", HttpProtocol, CLSID_HttpProtocol, native=True)
get_session().set_default_handler("https", HttpProtocol, CLSID_HttpSProtocol, native=True)
