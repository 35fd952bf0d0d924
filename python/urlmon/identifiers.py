"""Identifiers of the interfaces (IID_...) and classes (CLSID_...) of the URL moniker system.

Nothing is looked up in a registry by them: they are what clients, protocol handlers and ``get_bind_result``
name interfaces and handlers by. Source: contract 0.4 and, for the classes, observed Windows behaviour.
"""

from __future__ import annotations

from uuid import UUID


def _urlmon(low_byte: int, block: str = "baf9") -> UUID:
    """One of the identifiers 79eac9XX-baf9-11ce-8c82-00aa004ba90b, most of which belong to urlmon."""
    return UUID(f"79eac9{low_byte:02x}-{block}-11ce-8c82-00aa004ba90b")


def _ole(number: int) -> UUID:
    """One of the identifiers of COM itself, 0000XXXX-0000-0000-c000-000000000046."""
    return UUID(f"{number:08x}-0000-0000-c000-000000000046")


IID_NULL = UUID(int=0)
CLSID_NULL = IID_NULL

# COM
IID_IUnknown = _ole(0x000)
IID_IStream = _ole(0x00C)
IID_IBindCtx = _ole(0x00E)
IID_IMoniker = _ole(0x00F)
IID_IEnumFORMATETC = _ole(0x103)
IID_IPersistStream = _ole(0x109)
IID_IPersist = _ole(0x10C)

# binding and callback
IID_IBinding = _urlmon(0xC0)
IID_IBindStatusCallback = _urlmon(0xC1)
IID_IBindStatusCallbackEx = UUID("aaa74ef9-8ee7-4659-88d9-f8c504da73cc")
IID_IPersistMoniker = _urlmon(0xC9)
IID_IBindProtocol = _urlmon(0xCD)
IID_IMonikerProp = UUID("a5ca5f7f-1847-4d87-9c5b-918509f7511d")
IID_IAsyncMoniker = _urlmon(0xD3)
IID_IAsyncBindCtx = _urlmon(0xD4)

# services of the client and of the binding
IID_IAuthenticate = _urlmon(0xD0)
IID_IAuthenticateEx = UUID("2ad1edaf-d83d-48b5-9adf-03dbe19f53bd")
IID_ICodeInstall = _urlmon(0xD1)
IID_IHttpNegotiate = _urlmon(0xD2)
IID_IHttpNegotiate2 = UUID("4f9f9fcb-e0f4-48eb-b7ab-fa2ea9365cb4")
IID_IHttpNegotiate3 = UUID("57b6c80a-34c2-4602-bc26-66a02fc57153")
IID_IWindowForBindingUI = _urlmon(0xD5, "bafa")
IID_IWinInetInfo = _urlmon(0xD6, "bafa")
IID_IHttpSecurity = _urlmon(0xD7, "bafa")
IID_IWinInetHttpInfo = _urlmon(0xD8, "bafa")
IID_IWinInetHttpTimeouts = UUID("f286fa56-c1fd-4270-8e67-b3eb790a81e8")
IID_IWinInetCacheHints = UUID("dd1ec3b3-8391-4fdb-a9e6-347c3caaa7dd")
IID_IWinInetCacheHints2 = UUID("7857aeac-d31f-49bf-884e-dd46df36780a")
IID_IBindHost = UUID("fc4801a1-2ba9-11cf-a229-00aa003d7352")
IID_IBindCallbackRedirect = UUID("11c81bc2-121e-4ed5-b9c4-b430bd54f2c0")

# protocol handlers
IID_IInternet = _urlmon(0xE0)
IID_IInternetBindInfo = _urlmon(0xE1)
IID_IInternetBindInfoEx = UUID("a3e015b7-a82c-4dcd-a150-569aeeed36ab")
IID_IInternetProtocolRoot = _urlmon(0xE3)
IID_IInternetProtocol = _urlmon(0xE4)
IID_IInternetProtocolEx = UUID("c7a98e66-1010-492c-a1c8-c809e1f75905")
IID_IInternetProtocolSink = _urlmon(0xE5)
IID_IInternetSession = _urlmon(0xE7)
IID_IInternetThreadSwitch = _urlmon(0xE8)
IID_IInternetPriority = _urlmon(0xEB)
IID_IInternetProtocolInfo = _urlmon(0xEC)
IID_IInternetProtocolSinkStackable = _urlmon(0xF0)

# URIs
IID_IUri = UUID("a39ee748-6a27-4817-a6f2-13914bef5890")
IID_IUriContainer = UUID("a158a630-ed6f-45fb-b987-f68676f57752")
IID_IUriBuilder = UUID("4221b2e1-8955-46c0-bd5b-de9897565de7")
IID_IUriBuilderFactory = UUID("e982ce48-0b96-440c-bc37-0c869b27a29e")

# classes; some share their number with an interface
CLSID_StdURLMoniker = _urlmon(0xE0)
CLSID_HttpProtocol = _urlmon(0xE2)
CLSID_FtpProtocol = _urlmon(0xE3)
CLSID_HttpSProtocol = _urlmon(0xE5)
CLSID_MkProtocol = _urlmon(0xE6)
CLSID_FileProtocol = _urlmon(0xE7)
CLSID_AboutProtocol = UUID("3050f406-98b5-11cf-bb82-00aa00bdce0b")
CLSID_ResProtocol = UUID("3050f3bc-98b5-11cf-bb82-00aa00bdce0b")
CLSID_CUri = UUID("df2fce13-25ec-45bb-9d4c-cecd47c2430c")
CLSID_CompositeMoniker = _ole(0x309)
CLSID_HTMLDocument = UUID("25336920-03f9-11cf-8fd0-00aa00686f13")
