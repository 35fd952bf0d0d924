"""From a name of the Windows headers to the value that this package gives it."""

from __future__ import annotations

import enum
from uuid import UUID

from urlmon import constants, identifiers
from urlmon.hresult import HRESULT

# Prefix of the Windows names -> name of the enum that has them.
FAMILIES = {
    "AUTHENTICATEF_": "AUTHENTICATEF",
    "BINDF2_": "BINDF2",
    "BINDF_": "BINDF",
    "BINDINFOF_": "BINDINFOF",
    "BINDINFO_OPTIONS_": "BINDINFO_OPTIONS",
    "BINDSTATUS_": "BINDSTATUS",
    "BINDSTRING_": "BINDSTRING",
    "BINDVERB_": "BINDVERB",
    "BIND_": "BIND_FLAGS",
    "BSCF_": "BSCF",
    "CF_": "ClipboardFormat",
    "DVASPECT_": "DVASPECT",
    "ERROR_INTERNET_": "INTERNET_ERROR",
    "FMFD_": "FMFD",
    "HTTP_QUERY_": "HTTP_QUERY",
    "MKSYS_": "MKSYS",
    "OIBDG_": "OIBDG",
    "PARSE_": "PARSEACTION",
    "PD_": "PD",
    "PI_": "PI",
    "PSU_": "PSUACTION",
    "QUERY_": "QUERYOPTION",
    "STGM_": "STGM",
    "STREAM_SEEK_": "STREAM_SEEK",
    "THREAD_PRIORITY_": "Priority",
    "TYMED_": "TYMED",
    "URLMON_OPTION_": "URLMON_OPTION",
    "URLOSTRM_": "URLOSTRM",
    "URLZONE_": "URLZONE",
    "URL_MK_": "URL_MK",
    "URL_SCHEME_": "URL_SCHEME",
    "URL_": "URL_FLAGS",
    "Uri_CREATE_": "Uri_CREATE",
    "Uri_DISPLAY_": "Uri_DISPLAY",
    "Uri_HAS_": "Uri_HAS",
    "Uri_HOST_": "Uri_HOST",
    "Uri_PROPERTY_": "Uri_PROPERTY",
}

# Members that cannot be called what is left of the Windows name.
RENAMED = {
    "BSCF_64BITLENGTHDOWNLOAD": "LENGTH_64BIT_DOWNLOAD",
    "BINDSTATUS_64BIT_PROGRESS": "PROGRESS_64BIT",
    "ERROR_INTERNET_HTTP_REDIRECT_NEEDS_CONFIRMATION": "HTTP_REDIRECT_NEEDS_CONFIRMATION",
}

# Windows names that are no members of an enum.
SINGLE = {
    "THREAD_PRIORITY_ERROR_RETURN": constants.THREAD_PRIORITY_ERROR_RETURN,
    "UriBuilder_USE_ORIGINAL_FLAGS": constants.UriBuilder_USE_ORIGINAL_FLAGS,
    "Uri_PUNYCODE_IDN_HOST": constants.Uri_DISPLAY.PUNYCODE_IDN_HOST,
}


def lookup(name: str) -> int | UUID:
    """The value this package gives to a Windows name; KeyError or AttributeError if it has none."""
    if name in SINGLE:
        return SINGLE[name]
    if name in HRESULT.__members__:
        return HRESULT[name]
    if name.startswith(("IID_", "CLSID_")):
        identifier: UUID = getattr(identifiers, name)
        return identifier
    prefix = max((p for p in FAMILIES if name.startswith(p)), key=len)
    family: type[enum.IntEnum] = getattr(constants, FAMILIES[prefix])
    return family[RENAMED.get(name, name[len(prefix) :])]
