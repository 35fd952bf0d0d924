"""What requests call themselves, and the other options of the session (contract 10.5). Any thread."""

from __future__ import annotations

from functools import lru_cache

from urlmon.constants import URLMON_OPTION
from urlmon.exceptions import InvalidRequestError
from urlmon.hresult import HRESULT
from urlmon.version import __version__
from urlmon_core import forget_quick_profiles, library

_URL_IS_UTF8 = 0x10000000
_MODE = 0xFF
_FIRST_FIXED_MODE = 7  # from here on, a mode asks for the agent of a version, not for that of the session
_EXACT_LEGACY = 0x1000

_agents: dict[str, str] = {}  # "session" -> the agent that was set
_SESSION = "session"


@lru_cache(maxsize=1)
def library_user_agent() -> str:
    """The name of this library and of libcurl."""
    return f"urlmon/{__version__} libcurl/{library()['version']}"


def session_user_agent() -> str:
    """What is sent unless a BindInfo says otherwise: what was set for the session, else the library's name."""
    return _agents.get(_SESSION) or library_user_agent()


def obtain_user_agent_string(option: int = 0) -> str:
    """ObtainUserAgentString (contract 10.5): the session's user agent.

    option: from mode 7 on, the library's own, whatever was set; with 0x1000 in it the session's in any case.
    """
    if option & _MODE >= _FIRST_FIXED_MODE and not option & _EXACT_LEGACY:
        return library_user_agent()
    return session_user_agent()


def url_mk_set_session_option(option: URLMON_OPTION | int, value: str | bytes | None = None) -> None:
    """UrlMkSetSessionOption (contract 10.5).

    USERAGENT: requests of the whole process are sent with `value`, up to its first NUL, from now on. USERAGENT_REFRESH:
    they are sent with the library's name again. InvalidRequestError (E_INVALIDARG) for other options, for no value, and
    for one that would break a line.
    """
    if option == URLMON_OPTION.USERAGENT_REFRESH:
        _agents.pop(_SESSION, None)
        forget_quick_profiles()
        return
    if option != URLMON_OPTION.USERAGENT or not isinstance(value, (str, bytes)):
        _refuse("USERAGENT takes a text, other options cannot be set")
    text = value.decode("iso-8859-1") if isinstance(value, bytes) else str(value)
    text = text.partition("\0")[0]
    if not text or not text.isprintable():
        _refuse("a user agent is one line of text")
    _agents[_SESSION] = text
    forget_quick_profiles()


def url_mk_get_session_option(option: URLMON_OPTION | int) -> str | int:
    """UrlMkGetSessionOption (contract 10.5).

    USERAGENT: the text that is sent. URL_ENCODING: 0x10000000, URLs are UTF-8. USE_BINDSTRINGCREDS and
    USE_BROWSERAPPSDOCUMENTS: 1. InvalidRequestError (E_INVALIDARG) for others.
    """
    if option == URLMON_OPTION.USERAGENT:
        return session_user_agent()
    if option == URLMON_OPTION.URL_ENCODING:
        return _URL_IS_UTF8
    if option not in {URLMON_OPTION.USE_BINDSTRINGCREDS, URLMON_OPTION.USE_BROWSERAPPSDOCUMENTS}:
        _refuse("there is no such option")
    return 1


def _refuse(reason: str) -> None:
    raise InvalidRequestError(reason, url="", hresult=HRESULT.E_INVALIDARG)
