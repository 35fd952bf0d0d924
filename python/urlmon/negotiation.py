"""What is asked of the client while its transfer waits, and the request that follows from the answers (section 8).

The core knows of nothing here but `ask`, `responded` and `redirected`. All of it runs on the owner's thread.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from urlmon import profiles, urls
from urlmon.authschemes import BASIC, BASIC_AND_DIGEST, WITH_PASSWORD, known_schemes, offered_schemes
from urlmon.body import has_body, is_stream
from urlmon.constants import AUTHENTICATEF, BINDF, BINDF2, BINDINFO_OPTIONS, BINDSTRING, INTERNET_ERROR
from urlmon.exceptions import BindError, CertificateError, InvalidRequestError, RedirectError, SecurityError
from urlmon.headers import find_field, parse_head
from urlmon.hresult import HRESULT, to_hresult
from urlmon.security import problem_of
from urlmon.services import Authenticate, Services

if TYPE_CHECKING:
    from urlmon.bindinfo import BindInfo
    from urlmon.constants import TYMED
    from urlmon_core import Body, Profile

# Kinds of questions (urlmon_core/mailbox.pxd) and what the core is to ask about (request.pxd, ask_bit).
_RESPONSE, _REDIRECT, _CERTIFICATE, _TUNNEL = range(1001, 1005)
_ASK_STATUS, _ASK_CREDENTIALS, _ASK_REDIRECT, _ASK_CERTIFICATE = 1, 2, 4, 8

MOST_TRIES = 3  # of `authenticate` for one operation
MOST_AGAIN = 10  # requests that on_response may have sent again

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_GO_ON = frozenset({HRESULT.S_OK, HRESULT.RPC_E_RETRY})
_NO_ANSWER = frozenset({HRESULT.S_OK, HRESULT.S_FALSE, HRESULT.E_NOTIMPL})

# The next request: its profile, URL, host key and body, and the URL that the client is told to be redirected to.
Request = tuple["Profile", bytes, bytes, "Body | None", "str | None"]


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower()


class Negotiation:
    """The state of one operation between its requests."""

    __slots__ = (
        "_additional",
        "_again",
        "_amendment",
        "_bind_strings_used",
        "_body",
        "_hops",
        "_info",
        "_services",
        "_storage",
        "_tries",
        "_url",
        "asks",
        "hears",
    )

    def __init__(  # noqa: PLR0917 - what a request is made of
        self,
        services: Services | None,
        info: BindInfo,
        storage: TYMED,
        additional: tuple[tuple[str, str], ...],
        url: str,
        amendment: profiles.Amendment,
        body: Body | None,
    ) -> None:
        self._services = services or Services()
        self._info = info
        self._storage = storage
        self._additional = additional
        self._url = url
        self._amendment = amendment
        self._body = body
        self._hops = self._tries = self._again = 0
        self._bind_strings_used = False
        #: whether the final response is told
        self.hears = self._services.response is not None
        #: what the core is to ask about, ask_bit
        self.asks = (
            (_ASK_STATUS if self.hears else 0)
            | (_ASK_CREDENTIALS if self._credentials_may_be_had() else 0)
            | (_ASK_REDIRECT if amendment.manual else 0)
            | (_ASK_CERTIFICATE if self._services.security is not None else 0)
        )

    def _credentials_may_be_had(self) -> bool:
        asked_strings = self._info.options & BINDINFO_OPTIONS.USEBINDSTRINGCREDS
        return self._services.authenticate is not None or bool(
            asked_strings and self._services.bind_info is not None
        )

    # -- what the core calls -----------------------------------------------------------------------------------

    def redirected(self, status: int, url: str) -> None:
        """libcurl has followed a redirect."""
        self._move(status, url)

    def responded(self, status: int, head: str) -> HRESULT | int:
        """on_response of a response that nobody waits about. Fields as its answer have no meaning here."""
        answer = self._services.response.on_response(status, head, None)
        return to_hresult(answer) if answer is None or isinstance(answer, int) else HRESULT.S_OK

    def ask(self, kind: int, number: int, text: str) -> Request | HRESULT | int | BindError | None:
        """The answer to a question: the next request, what the operation ends with, or None: go on."""
        try:
            if kind == _RESPONSE:
                return self._about_response(number, text)
            if kind == _REDIRECT:
                return self._about_redirect(number, text)
            if kind == _CERTIFICATE:
                return self._about_certificate(number)
            return self._about_credentials(BASIC_AND_DIGEST, proxy=True)
        except InvalidRequestError as error:  # fields that cannot be sent, a URL that cannot be requested
            return error

    # -- responses -----------------------------------------------------------------------------------------------

    def _about_response(self, status: int, head: str) -> Request | HRESULT | int | BindError | None:
        if status in (401, 407):
            proxy = status == 407
            schemes = offered_schemes(head.encode("iso-8859-1"), status)
            answer = self._about_credentials(schemes, proxy=proxy)
            if answer is not None:
                return answer
        if not self.hears:
            return None
        said = self._services.response.on_response(
            status, head, profiles.request_fields(self._info, self._additional, self._url)
        )
        if said is None or isinstance(said, int):
            hresult = to_hresult(said)
            return None if hresult == HRESULT.S_OK else hresult
        fields = profiles.parse_fields(said, self._url)
        if not fields or self._again >= MOST_AGAIN:
            return None
        self._again += 1
        names = {name.lower() for name, _ in fields}
        self._additional = (
            *((name, value) for name, value in self._additional if name.lower() not in names),
            *fields,
        )
        return self._request()

    # -- credentials (contract 8.2) --------------------------------------------------------------------------------

    def _about_credentials(self, offered: int, *, proxy: bool) -> Request | HRESULT | int | BindError | None:
        usable = offered & known_schemes()
        usable = usable & WITH_PASSWORD or usable
        if (
            not proxy
            and self._info.flags2 & BINDF2.DISABLEBASICOVERHTTP
            and urlsplit(self._url).scheme.lower() == "http"
        ):
            usable &= ~BASIC
        if not usable:
            return None
        said: tuple[str, str] | int | None = self._bind_strings(proxy=proxy)
        if said is None:
            if self._services.authenticate is None or self._tries >= MOST_TRIES:
                return None
            self._tries += 1
            said = self._ask_client(usable, proxy=proxy)
        if said is None or isinstance(said, int):
            hresult = to_hresult(said)
            return None if hresult in _NO_ANSWER else hresult
        user, password = said
        login = (str(user), str(password), usable)
        self._amendment = (
            self._amendment._replace(proxy_login=login) if proxy else self._amendment._replace(login=login)
        )
        return self._request()

    def _ask_client(self, usable: int, *, proxy: bool) -> tuple[str, str] | int | None:
        service: Authenticate = self._services.authenticate
        if not hasattr(service, "authenticate_ex"):
            return service.authenticate()
        flags = AUTHENTICATEF.HTTP
        if proxy:
            flags |= AUTHENTICATEF.PROXY
        if usable & BASIC:
            flags |= AUTHENTICATEF.BASIC
        return service.authenticate_ex(flags)

    def _bind_strings(self, *, proxy: bool) -> tuple[str, str] | None:
        """What GetBindString gives, once."""
        service = self._services.bind_info
        if (
            service is None
            or self._bind_strings_used
            or not self._info.options & BINDINFO_OPTIONS.USEBINDSTRINGCREDS
        ):
            return None
        self._bind_strings_used = True
        user = service.get_bind_string(BINDSTRING.PROXY_USERNAME if proxy else BINDSTRING.USERNAME)
        if user is None:
            return None
        return user, service.get_bind_string(
            BINDSTRING.PROXY_PASSWORD if proxy else BINDSTRING.PASSWORD
        ) or ""

    # -- redirects (contract 3.5 I, 8.4, 8.7) -----------------------------------------------------------------------

    def _about_redirect(self, status: int, head: str) -> Request | HRESULT | int | BindError | None:
        info = self._info
        location = find_field(parse_head(head.encode("iso-8859-1")), "location") or ""
        try:
            target = location if _SCHEME.match(location) else urljoin(self._url, location)
            wire = urls.prepare(target, tuple(profiles.FOLLOWED_SCHEMES & set(info.schemes)))
        except (BindError, ValueError) as problem:
            return RedirectError(
                f"the redirect cannot be followed: {problem}", url=self._url, http_status=status
            )
        self._hops += 1
        if 0 <= info.max_redirects < self._hops:
            return RedirectError(
                f"more than {info.max_redirects} redirects", url=self._url, http_status=status
            )
        refusal = self._refuses(target, wire.scheme, status)
        if refusal is not None:
            return refusal
        self._move(status, target)
        return self._request(target)

    def _refuses(self, target: str, scheme: str, status: int) -> HRESULT | BindError | None:
        info, services = self._info, self._services
        refused = RedirectError("the client refuses the redirect", url=self._url, http_status=status)
        foreign = _origin(target) != _origin(self._url)
        if foreign and info.flags2 & BINDF2.DISABLE_HTTP_REDIRECT_XSECURITYID:
            return RedirectError(
                "a redirect to another site is not wanted",
                url=self._url,
                http_status=status,
                hresult=HRESULT.INET_E_BLOCKED_REDIRECT_XSECURITYID,
            )
        old = urlsplit(self._url).scheme.lower()
        if old != scheme and services.security is not None and not ignores_crossings(info):
            problem = (
                INTERNET_ERROR.HTTP_TO_HTTPS_ON_REDIR
                if scheme == "https"
                else INTERNET_ERROR.HTTPS_TO_HTTP_ON_REDIR
            )
            answer = _permission(services.security.on_security_problem(problem))
            if answer not in _GO_ON:
                return HRESULT.E_ABORT if answer == HRESULT.E_ABORT else refused
        asked = info.options & BINDINFO_OPTIONS.DISABLEAUTOREDIRECTS and services.redirect is not None
        if asked and services.redirect.redirect(target):
            return refused
        return None

    def _move(self, status: int, url: str) -> None:
        """The operation goes on at `url`, after a redirect with `status` (RFC 9110 15.4)."""
        amendment = self._amendment
        if _origin(url) != _origin(self._url):
            # What was meant for one site is not for another: credentials, and what the client permitted there.
            amendment = amendment._replace(
                login=None, foreign=True, tolerated=profiles.tolerated_from_the_start(self._info)
            )
        if status == 303 or (status in (301, 302) and self._info.method == "POST"):
            amendment = amendment._replace(without_body=True)
        self._amendment = amendment
        self._url = url

    # -- certificates (contract 8.4) --------------------------------------------------------------------------------

    def _about_certificate(self, result: int) -> Request | HRESULT | int | BindError | None:
        problem = problem_of(result)
        if problem in self._amendment.tolerated:
            return None
        answer = _permission(self._services.security.on_security_problem(problem))
        if answer in _GO_ON:
            self._amendment = self._amendment._replace(tolerated=self._amendment.tolerated | {problem})
            return self._request()
        if answer == HRESULT.E_ABORT:
            return HRESULT.E_ABORT
        if problem == INTERNET_ERROR.SEC_CERT_ERRORS:
            return SecurityError("the certificate of the server has several problems", url=self._url)
        return CertificateError(f"the client refuses the certificate: {problem.name}", url=self._url)

    # -- the next request ------------------------------------------------------------------------------------------

    def _request(self, redirect: str | None = None) -> Request | BindError | None:
        body = None if self._amendment.without_body else self._body
        if body is not None and not body.rewind():
            if redirect is None:
                return None  # the response is what it is
            return RedirectError("the body cannot be sent a second time", url=redirect)
        try:
            wire = urls.prepare(self._url, self._info.schemes)
            profile = profiles.compile_profile(
                self._info, self._storage, self._additional, self._url, self._amendment
            )
        except BindError as error:
            return error
        return profile, wire.url, profiles.host_key(wire.host_key, self._info), body, redirect


def _permission(answer: int | None) -> HRESULT | int:
    """What `on_security_problem` said; saying nothing is no permission."""
    return HRESULT.S_FALSE if answer is None else to_hresult(answer)


def ignores_crossings(info: BindInfo) -> bool:
    """Whether redirects between http and https are followed without asking (contract 5.2, 5.4)."""
    return bool(
        info.flags & BINDF.IGNORESECURITYPROBLEM or info.options & BINDINFO_OPTIONS.IGNOREHTTPHTTPSREDIRECTS
    )


# As plain numbers: the operators of enumerations are slow, and every bind asks.
_NO_REDIRECTS = int(BINDINFO_OPTIONS.DISABLEAUTOREDIRECTS)
_NO_CROSS_SECURITY = int(BINDF2.DISABLE_HTTP_REDIRECT_XSECURITYID)


def follows_itself(
    services: Services | None, info: BindInfo, additional: tuple[tuple[str, str], ...] = ()
) -> bool:
    """Whether redirects are followed here, one by one, and not by libcurl."""
    return info.max_redirects != 0 and bool(
        int(info.options) & _NO_REDIRECTS
        or int(info.flags2) & _NO_CROSS_SECURITY
        or (services is not None and services.security is not None)
        or is_stream(info)
        # libcurl would make an empty request of that method, or a GET, of what RFC 9110 15.4 has repeated as it was
        # and fields that describe the body would go along with the GET that it makes of a POST.
        or (
            has_body(info)
            and (
                info.method != "POST"
                or any(profiles.describes_body(pair[0]) for pair in (*info.headers, *additional))
            )
        )
    )


def begin(  # noqa: PLR0917 - what a request is made of
    services: Services | None,
    info: BindInfo,
    storage: TYMED,
    additional: tuple[tuple[str, str], ...],
    url: str,
    body: Body | None,
) -> tuple[profiles.Amendment, Negotiation | None]:
    """How the first request differs from what BindInfo says, and who is asked later; None where nobody is."""
    manual = follows_itself(services, info, additional)
    tolerated = profiles.tolerated_from_the_start(info)
    amendment = (
        profiles.Amendment(manual=manual, tolerated=tolerated)
        if manual or tolerated
        else profiles.NO_AMENDMENT
    )
    if services is None and not manual:
        return amendment, None
    return amendment, Negotiation(services, info, storage, additional, url, amendment, body)
