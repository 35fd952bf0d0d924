"""Asynchronous URL monikers.

Downloads that are started anywhere, managed by priority, and told to the thread that started them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING

from urlmon import _setup as _setup
from urlmon.addresses import NON_PUBLIC_NETWORKS
from urlmon.apartment import Apartment, pump, run
from urlmon.bindctx import (
    AsyncBindCtx,
    BindCtx,
    BindOptions,
    create_async_bind_ctx,
    create_async_bind_ctx_ex,
    create_bind_ctx,
    register_bind_status_callback,
    revoke_bind_status_callback,
)
from urlmon.bindinfo import BindInfo
from urlmon.binding import Binding
from urlmon.cache import DownloadCache
from urlmon.cachedownload import url_download_to_cache_file
from urlmon.callback import BindStatusCallback
from urlmon.constants import (
    AUTHENTICATEF,
    BIND_FLAGS,
    BINDF,
    BINDF2,
    BINDINFO_OPTIONS,
    BINDINFOF,
    BINDSTATUS,
    BINDSTRING,
    BINDVERB,
    BSCF,
    DVASPECT,
    FMFD,
    HTTP_QUERY,
    INTERNET_ERROR,
    MKSYS,
    OIBDG,
    PARSEACTION,
    PD,
    PI,
    PSUACTION,
    QUERYOPTION,
    STGM,
    STREAM_SEEK,
    THREAD_PRIORITY_ERROR_RETURN,
    TYMED,
    URL_FLAGS,
    URL_MK,
    URL_MK_LEGACY,
    URL_MK_NO_CANONICALIZE,
    URL_MK_UNIFORM,
    URL_SCHEME,
    URLMON_OPTION,
    URLOSTRM,
    URLZONE,
    ClipboardFormat,
    Priority,
    Uri_CREATE,
    Uri_DISPLAY,
    Uri_HAS,
    Uri_HOST,
    Uri_PROPERTY,
    UriBuilder_USE_ORIGINAL_FLAGS,
)
from urlmon.convenience import (
    url_download_to_file,
    url_open_blocking_stream,
    url_open_pull_stream,
    url_open_stream,
)
from urlmon.creation import (
    create_url_moniker,
    create_url_moniker_ex,
    is_async_moniker,
    is_valid_url,
    mk_parse_display_name_ex,
)
from urlmon.exceptions import (
    AbortedError,
    AccessDeniedError,
    AddressError,
    AuthenticationRequiredError,
    BindError,
    BindMemoryError,
    BindTimeoutError,
    CertificateError,
    ConnectError,
    DataNotAvailableError,
    DiskFullError,
    DownloadError,
    HTTPAuthenticationError,
    HTTPNotFoundError,
    HTTPStatusError,
    InvalidRequestError,
    InvalidURLError,
    MissingFolderError,
    RedirectError,
    ResolveError,
    ResourceNotFoundError,
    SecurityError,
    StorageError,
    StorageExistsError,
    StoragePermissionError,
    TransferError,
    UnexpectedError,
    UnknownProtocolError,
    UnsupportedError,
    WrongThreadError,
)
from urlmon.formats import (
    FormatEnumerator,
    create_format_enumerator,
    find_media_type,
    register_format_enumerator,
    register_media_types,
    revoke_format_enumerator,
)
from urlmon.holder import CallbackHolder
from urlmon.hresult import HRESULT, failed, succeeded
from urlmon.loops import Attachment, attach
from urlmon.memorystream import MemoryStream
from urlmon.moniker import URLMoniker
from urlmon.objects import MediaTypeClass, find_media_type_class, register_media_type_class
from urlmon.process import configure
from urlmon.protocol import (
    FilterData,
    InternetProtocol,
    InternetProtocolInfo,
    ProtocolBindInfo,
    ProtocolData,
    ProtocolSink,
)
from urlmon.services import Authenticate, BindCallbackRedirect, HttpNegotiate, HttpSecurity, InternetBindInfo
from urlmon.session import (
    InternetSession,
    get_session,
    register_mime_filter,
    register_name_space,
    unregister_mime_filter,
    unregister_name_space,
)
from urlmon.storage import (
    FormatEtc,
    StgMedium,
    copy_stg_medium,
    get_clipboard_format_name,
    register_clipboard_format,
)
from urlmon.uri import Uri, create_uri, create_uri_with_fragment
from urlmon.uri_builder import UriBuilder, create_uri_builder
from urlmon.uri_combine import combine_uri, combine_url_ex
from urlmon.urlfunctions import combine_url, compare_url, parse_url, query_info
from urlmon.useragent import (
    obtain_user_agent_string,
    url_mk_get_session_option,
    url_mk_set_session_option,
)
from urlmon.version import __version__
from urlmon_core import ApartmentClosedError, LibcurlUnavailableError, Stream, libcurl_info

if _TYPE_CHECKING:
    from urlmon import aio as aio


def __getattr__(name: str) -> object:
    """`urlmon.aio` without an import of its own; asyncio is not imported for programs that do without it."""
    if name == "aio":
        import importlib

        return importlib.import_module("urlmon.aio")
    raise AttributeError(f"module 'urlmon' has no attribute {name!r}")


__all__ = [
    "AUTHENTICATEF",
    "BINDF",
    "BINDF2",
    "BINDINFOF",
    "BINDINFO_OPTIONS",
    "BINDSTATUS",
    "BINDSTRING",
    "BINDVERB",
    "BIND_FLAGS",
    "BSCF",
    "DVASPECT",
    "FMFD",
    "HRESULT",
    "HTTP_QUERY",
    "INTERNET_ERROR",
    "MKSYS",
    "NON_PUBLIC_NETWORKS",
    "OIBDG",
    "PARSEACTION",
    "PD",
    "PI",
    "PSUACTION",
    "QUERYOPTION",
    "STGM",
    "STREAM_SEEK",
    "THREAD_PRIORITY_ERROR_RETURN",
    "TYMED",
    "URLMON_OPTION",
    "URLOSTRM",
    "URLZONE",
    "URL_FLAGS",
    "URL_MK",
    "URL_MK_LEGACY",
    "URL_MK_NO_CANONICALIZE",
    "URL_MK_UNIFORM",
    "URL_SCHEME",
    "AbortedError",
    "AccessDeniedError",
    "AddressError",
    "Apartment",
    "ApartmentClosedError",
    "AsyncBindCtx",
    "Attachment",
    "Authenticate",
    "AuthenticationRequiredError",
    "BindCallbackRedirect",
    "BindCtx",
    "BindError",
    "BindInfo",
    "BindMemoryError",
    "BindOptions",
    "BindStatusCallback",
    "BindTimeoutError",
    "Binding",
    "CallbackHolder",
    "CertificateError",
    "ClipboardFormat",
    "ConnectError",
    "DataNotAvailableError",
    "DiskFullError",
    "DownloadCache",
    "DownloadError",
    "FilterData",
    "FormatEnumerator",
    "FormatEtc",
    "HTTPAuthenticationError",
    "HTTPNotFoundError",
    "HTTPStatusError",
    "HttpNegotiate",
    "HttpSecurity",
    "InternetBindInfo",
    "InternetProtocol",
    "InternetProtocolInfo",
    "InternetSession",
    "InvalidRequestError",
    "InvalidURLError",
    "LibcurlUnavailableError",
    "MediaTypeClass",
    "MemoryStream",
    "MissingFolderError",
    "Priority",
    "ProtocolBindInfo",
    "ProtocolData",
    "ProtocolSink",
    "RedirectError",
    "ResolveError",
    "ResourceNotFoundError",
    "SecurityError",
    "StgMedium",
    "StorageError",
    "StorageExistsError",
    "StoragePermissionError",
    "Stream",
    "TransferError",
    "URLMoniker",
    "UnexpectedError",
    "UnknownProtocolError",
    "UnsupportedError",
    "Uri",
    "UriBuilder",
    "UriBuilder_USE_ORIGINAL_FLAGS",
    "Uri_CREATE",
    "Uri_DISPLAY",
    "Uri_HAS",
    "Uri_HOST",
    "Uri_PROPERTY",
    "WrongThreadError",
    "__version__",
    "attach",
    "combine_uri",
    "combine_url",
    "combine_url_ex",
    "compare_url",
    "configure",
    "copy_stg_medium",
    "create_async_bind_ctx",
    "create_async_bind_ctx_ex",
    "create_bind_ctx",
    "create_format_enumerator",
    "create_uri",
    "create_uri_builder",
    "create_uri_with_fragment",
    "create_url_moniker",
    "create_url_moniker_ex",
    "failed",
    "find_media_type",
    "find_media_type_class",
    "get_clipboard_format_name",
    "get_session",
    "is_async_moniker",
    "is_valid_url",
    "libcurl_info",
    "mk_parse_display_name_ex",
    "obtain_user_agent_string",
    "parse_url",
    "pump",
    "query_info",
    "register_bind_status_callback",
    "register_clipboard_format",
    "register_format_enumerator",
    "register_media_type_class",
    "register_media_types",
    "register_mime_filter",
    "register_name_space",
    "revoke_bind_status_callback",
    "revoke_format_enumerator",
    "run",
    "succeeded",
    "unregister_mime_filter",
    "unregister_name_space",
    "url_download_to_cache_file",
    "url_download_to_file",
    "url_mk_get_session_option",
    "url_mk_set_session_option",
    "url_open_blocking_stream",
    "url_open_pull_stream",
    "url_open_stream",
]
