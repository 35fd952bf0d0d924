"""The compiled core of urlmon: an I/O thread around libcurl's multi interface, and the apartments it serves.

    apartment thread (owner; the only one with Python)      I/O thread (native, never touches Python)
    --------------------------------------------------      -----------------------------------------
    ApartmentBase.prepare, BindingBase.submit
        transaction ------- reactor.commands ------------->  admission: run queue, hosts, slots
                                                             transfer: easy handle, multi handle
                                                             sockets: epoll/kqueue, socket_action
    ApartmentBase.pump  <--- apartment.mail, wake-up ------  mailbox and byte stream filled, pushed once
        BindingBase.step -> client callback
    Stream.read below low water -- command ------------->    the transfer goes on

Three rules: the I/O thread never attaches to the interpreter; only the owner calls client code and only the
I/O thread calls libcurl; memory that crosses threads is plain C with one owner at a time, or an atomic count.

This package is sealed: the names below are all that `urlmon` uses. docs/architecture.md tells how it works.
"""

from __future__ import annotations

import io

from urlmon_core import _lifecycle
from urlmon_core.apartment import NOT_A_CALL, ApartmentBase, current_apartment
from urlmon_core.binding import BindingBase
from urlmon_core.body import Body, body_of_bytes, body_of_file, body_of_stream
from urlmon_core.castore import CAStore, find_ca_store
from urlmon_core.counters import live_counts
from urlmon_core.exceptions import (
    ApartmentClosedError,
    LibcurlUnavailableError,
    WrongApartmentError,
    use_wrong_apartment,
)
from urlmon_core.handlerbinding import (
    EVENT_DATA,
    EVENT_MIME,
    EVENT_PROGRESS,
    EVENT_RESULT,
    EVENT_STATUS,
    HandlerBindingBase,
)
from urlmon_core.libcurl import error_text, library
from urlmon_core.plainurl import plain_url
from urlmon_core.quickbind import (
    ContextBase,
    MonikerBase,
    QuickProfiles,
    bind_quickly,
    forget_quick_profiles,
    use_quick_bind,
)
from urlmon_core.reactor import reactor_count, reactor_statistics, set_reactor_count, stop_reactor
from urlmon_core.request import Profile
from urlmon_core.stream import Memory, Stream
from urlmon_core.vocabulary import GIVES_BIND_INFO, GIVES_PRIORITY, OFFERS_SERVICES, install, methods_of

__all__ = [
    "EVENT_DATA",
    "EVENT_MIME",
    "EVENT_PROGRESS",
    "EVENT_RESULT",
    "EVENT_STATUS",
    "GIVES_BIND_INFO",
    "GIVES_PRIORITY",
    "NOT_A_CALL",
    "OFFERS_SERVICES",
    "ApartmentBase",
    "ApartmentClosedError",
    "BindingBase",
    "Body",
    "CAStore",
    "ContextBase",
    "HandlerBindingBase",
    "LibcurlUnavailableError",
    "Memory",
    "MonikerBase",
    "Profile",
    "QuickProfiles",
    "Stream",
    "WrongApartmentError",
    "bind_quickly",
    "body_of_bytes",
    "body_of_file",
    "body_of_stream",
    "current_apartment",
    "error_text",
    "find_ca_store",
    "forget_quick_profiles",
    "install",
    "libcurl_info",
    "library",
    "live_counts",
    "methods_of",
    "plain_url",
    "reactor_count",
    "reactor_statistics",
    "set_reactor_count",
    "stop_reactor",
    "use_quick_bind",
    "use_wrong_apartment",
]


def libcurl_info() -> dict[str, object]:
    """Which libcurl is in use and which certificates it trusts; any thread.

    Keys: path, source (`URLMON_LIBCURL`, `pycurl` or `system`), version, version_num (0xXXYYZZ), ssl_version,
    features, protocols, keeps_memory (the I/O thread handles libcurl's small memory; False if somebody used libcurl
    before urlmon was imported, as `pycurl.Curl()` does, and small transfers cost more), ca_file, ca_path, ca_source.
    """
    store = find_ca_store()
    return {**library(), "ca_file": store.file, "ca_path": store.folder, "ca_source": store.source}


# The stream's C base is what io.RawIOBase is made of; this makes isinstance(stream, io.RawIOBase) true too.
io.RawIOBase.register(Stream)

_lifecycle.install()
