"""Cases that have no sense here, with the reason, and cases that come out differently. Nothing else is left out.

EXEMPT and DIFFERENT: file in tests/data -> reason -> ids of the cases, between blanks. A name of constants.json may
end in "*", which stands for its rest.
"""

from __future__ import annotations

_OUT_POINTER = "an out pointer that is NULL: results are returned here, there is nothing to point with"
_CONTEXT = "no bind context: the argument is optional here, and None stands for a plain one"
_EMPTY_OBJECT = "an object made from its class and never loaded: here there are none without a content"
_CLASSES = "class monikers name COM classes"
_BROWSER = "feature controls of a Windows browser"

EXEMPT: dict[str, dict[str, str]] = {
    "moniker.json": {
        _OUT_POINTER: "d76a91fa56 fda70535d1 5bb1382801",
        _CONTEXT: "cc6ec7f08f b3dd48df2e",
        _EMPTY_OBJECT: "de765ec9d7 41d5b9ef35",
        _CLASSES: "b2ec107880",
    },
    "invalid_uris.json": {_OUT_POINTER: "ab1aa51708"},
    "uri_combine.json": {_OUT_POINTER: "653d03a6a1 adde829fc4"},
    "create_uri.json": {},
    "uri_equality.json": {},
    "uri_with_fragment.json": {},
    "uri_builder.json": {},
    "constants.json": {
        _BROWSER: "FEATURE_* GET_FEATURE_FROM_PROCESS SET_FEATURE_ON_PROCESS",
        "document mode of a Windows browser": "UAS_EXACTLEGACY",
        "WinInet handles; libcurl has none": "INTERNET_HANDLE_TYPE_* INTERNET_OPTION_HANDLE_TYPE",
        "buffer size of WinInet; there is no such limit here": "INTERNET_MAX_URL_LENGTH",
        "plain Win32 number, argument of hresult_from_win32": "ERROR_FILE_NOT_FOUND",
        "only the res: protocol reports it": "ERROR_DLL_NOT_FOUND ERROR_RESOURCE_TYPE_NOT_FOUND",
    },
}

DIFFERENT: dict[str, dict[str, str]] = {
    "uri_combine.json": {
        "an opaque URI without a path has none, also if it was combined": "560a062826",
    },
    "uri_builder.json": {"a host with a colon in it would be read as another host and a port": "2d37f319c4"},
}
