"""Cases that have no sense here, with the reason, and cases that come out differently. Nothing else is left out.

EXEMPT and DIFFERENT: file in tests/data -> reason -> ids of the cases, between blanks. A name of constants.json may
end in "*", which stands for its rest.
"""

from __future__ import annotations

_OUT_POINTER = "an out pointer that is NULL: results are returned here, there is nothing to point with"
_CONTEXT = "no bind context: the argument is optional here, and None stands for a plain one"
_EMPTY_OBJECT = "an object made from its class and never loaded: here there are none without a content"
_HANDLERS = "the handlers of javascript: and its: URLs, of a browser and of compiled help files of Windows"
_BUFFER = "a buffer that is too small: texts are returned here"
_CLASSES = "class monikers name COM classes"
_BROWSER = "feature controls of a Windows browser"

EXEMPT: dict[str, dict[str, str]] = {
    "bind_traces.json": {
        # Binds leave it to libcurl where BindInfo.schemes names it.
        "ftp: an obsolete protocol; what comes by it has no type here, and no protocol object": (
            "344ff98486 3b82a4718b"
        ),
        "mk: reads compiled help files of Windows": "a4a51cadc7",
        "aggregation of COM objects": "d0569416c5",
    },
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
    "misc.json": {
        _BUFFER: (
            "0702afd227 ec526a2cab caed15cdb9 c22beebdb6 bd3f7a86df 8f099dfda9 2e2d348c8a "
            "65808b67bc 0de6996fbd"
        ),
        "the user agent of a Windows browser, which names itself and its system": (
            "7b4fcd6251 fefd92932a f44ef7cb81 3f8121f1cb 125c2c6cb9 420967dc5a 6459fccda1 b73b5b7b5b"
        ),
        "emulation modes of a Windows browser": (
            "4e4880352a 70410b95a5 62e2a5a630 504dccf5ae dac859d011 03e9b0836e 8e343dd482 "
            "f53d8712ea ac83e8c801 ff6afb8e6d 27fa5204d6 af13c27f42 c53b1b6dbd 2a5851c36a "
            "d3ee0a7ab3"
        ),
        "results of other components, which use URL monikers": "292428217c 60bd0145da",
        _OUT_POINTER: (
            "0a34d23397 4ce9911d62 78daf40a8d 3088ffb5ce 21154bc458 2da62c8be6 26de3f7ff3 233579352a "
            "de2afb19a2 fc09cd8640 8dd07a55cd 4b4e00e5de 6ac48ede03 d42ccabf3d e99a6940cb 45425713bf "
            "8579b62a1f 36aad2a04b 072a342546 2b25cf298d 48e866813a 0be48757c2 5ca5ebc5f5 f3cb9326e3"
        ),
        _EMPTY_OBJECT: (
            "07f8f6e574 647c1d0eb9 6a79e1300c d6849797a8 cd89cb720f b344fd24c8 dddc8d0ab3 997493d1e7 "
            "c9ce4d1cbb 705708d48d 27a4a354ac 6602f8c9d0 22c76daece a3ac3d29da 7b7321bb00"
        ),
        "the layout of a saved IUri was not recorded; pickling keeps a Uri": "f8c372a32a 7ad552d536",
        "a structure with a size field, which may be an older, shorter one": (
            "e48c6763b1 1541474e27 f6c0828c1c dea1b002fb de8f19e3ea 69e8e4b58f"
        ),
        "security zones of Windows, and the URLs that are used to look them up": (
            "070b0d61d4 383a4429fc 16a3aa61ae 20cfdb0c9c b7cc6213a0 ee206c3fa6 a4e27799ba 130e2413a7 "
            "fea30c5bd6 744eca586e 95edb728da 32176a9b53 c81f371cdb c551e1aa71 fc73961fa5 f866971aa4 "
            "4ab3091eb6 808e67a033 cc3412a10d a8cfb165e0 b4dafb753f 27b9005546 bcd20ab355 4ed50b0973 "
            "91bdd32903 3c20594bdc da3ac97a77 214a685ee9 1f4695c7b6 d5cb1f1e34 030892e81d 4778c697c6 "
            "bbfea501ad 37534a3891 deb1486e91 be3acce97c e092da6bfb 5dda6d81f1 e83d16ced0 3506370155 "
            "63cf60873f 56de44e2d1 57bb1dfbe4 b4eae6b069 2aba52e779 4b0d247883 a5ace0dcce 694d31a4d0 "
            "ec7694db31 f533b2adff e2c91543e6 91209c7f43 ec886d5f4c 2fbd828732 58f0a6415f 4ea0bb5457 "
            "d6872654ed"
        ),
        _BROWSER: (
            "0e837a7921 5ce929c824 6dbfd2bcd0 af440f9531 2f42e01886 a40fc3741a 5e52b7551f 98d45f39fd "
            "9b8567ff1d 823b9e4367 559ba6a74e 5a9dae5a71 cd08df60d9 cec3223143 921a1f832e 48427e3069 "
            "0c9327927e cf5a3809d6 03a35eb15c fcfaaaeb15 3ddb6ffbe8 b04ae63df1 bfc2f39197"
        ),
    },
    "mime_sniff.json": {_OUT_POINTER: "0541957cf9"},
    "uri_parse.json": {_OUT_POINTER: "ff13147638"},
    "parse_url.json": {
        _HANDLERS: ("68046389c8 8db4364a87 2a2fd48c52 2f5dccedd7 1a34e052db 730e347d88 3df5063cd4"),
        _BUFFER: "4690316901 8bdc982465",
    },
    "combine_url.json": {
        _HANDLERS: (
            "1b54a3a924 9ec4c95a8a b3b04d200a c196fdf12b 3bdfaac862 a50271b70c 3bd0b3ab5c "
            "916bc05da0 17d7e75a1d 03265d86c8 43f500d3c1 bbf6f9f65e 626d770de8 199c4dada9 "
            "60a98fb4d5"
        ),
        _BUFFER: "1788487dee",
    },
    "constants.json": {
        _BROWSER: "FEATURE_* GET_FEATURE_FROM_PROCESS SET_FEATURE_ON_PROCESS",
        "document mode of a Windows browser": "UAS_EXACTLEGACY",
        "WinInet handles; libcurl has none": "INTERNET_HANDLE_TYPE_* INTERNET_OPTION_HANDLE_TYPE",
        "buffer size of WinInet; there is no such limit here": "INTERNET_MAX_URL_LENGTH",
        "plain Win32 numbers, arguments of hresult_from_win32": (
            "ERROR_FILE_NOT_FOUND ERROR_DLL_NOT_FOUND ERROR_RESOURCE_TYPE_NOT_FOUND"
        ),
    },
}

DIFFERENT: dict[str, dict[str, str]] = {
    "bind_traces.json": {},
    "uri_combine.json": {
        "an opaque URI without a path has none, also if it was combined": "560a062826",
    },
    "combine_url.json": {
        "RFC 3986: a relative path goes on in the folder, and a scheme makes a URL absolute": "3d2da4039c bbf615825f",
    },
    "uri_builder.json": {"a host with a colon in it would be read as another host and a port": "2d37f319c4"},
}
