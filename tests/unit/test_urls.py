"""URLs on their way to the network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urlmon.exceptions import BindError, InvalidURLError, UnknownProtocolError
from urlmon.hresult import HRESULT
from urlmon.urls import prepare
from urlmon_core.plainurl import plain_url

WEB = ("http", "https")


def wire(url: str, schemes: tuple[str, ...] = WEB) -> str:
    return prepare(url, schemes).url.decode("ascii")


def key(url: str, schemes: tuple[str, ...] = WEB) -> str:
    return prepare(url, schemes).host_key.decode("ascii")


def refusal(url: str, schemes: tuple[str, ...] = WEB) -> InvalidURLError:
    with pytest.raises(InvalidURLError) as caught:
        prepare(url, schemes)
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        "http://h/",
        "http://h",
        "http://h?q",
        "https://h.example:8443/a/b;c=d/e?f=g&h=%20+i#",
        "http://h/%7Euser/~user/%zz/100%",  # nothing is decoded, also what is no escape
        "http://h/a//b/../c/./d",  # nothing is simplified
        "http://h/!$&'()*+,;=:@[]",
        "http://h/?X-Amz-Signature=0a1b%2F&x=a/b?c",
        "http://user:pa%20ss@h/",
        "http://host_with_underscore/",
        "http://h./",
        "http://127.0.0.1:1/",
        "http://[::1]/",
        "http://[2001:db8::1]:8080/",
        "http://[::ffff:1.2.3.4]/",
        "http://[fe80::1%25eth0]/",
    ],
)
def test_what_can_be_sent_stays_as_it_is(url: str) -> None:
    assert wire(url) == url.removesuffix("#")


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("HTTP://H/", "http://H/"),  # the scheme in lower case, the host as it is written
        ("http://h/a b", "http://h/a%20b"),
        ("http://h/a b?c d", "http://h/a%20b?c%20d"),
        ("http://h/ü?ü=ß", "http://h/%C3%BC?%C3%BC=%C3%9F"),
        ("http://h/日本", "http://h/%E6%97%A5%E6%9C%AC"),
        ("http://h/\U0001f600", "http://h/%F0%9F%98%80"),
        ("http://h/\u00a0\u200b", "http://h/%C2%A0%E2%80%8B"),
        ("http://h/\udc80", "http://h/%ED%B2%80"),  # half of a surrogate pair is still sent as something
        ('http://h/"<>^`{|}', "http://h/%22%3C%3E%5E%60%7B%7C%7D"),
        ("http://h/a\\b", "http://h/a%5Cb"),
        ("http://h?a\\b", "http://h?a%5Cb"),
    ],
)
def test_what_cannot_be_sent_is_percent_encoded(url: str, sent: str) -> None:
    assert wire(url) == sent


@pytest.mark.parametrize("fragment", ["#", "#a", "#a#b", "#ü /?@:"])
def test_fragments_are_dropped(fragment: str) -> None:
    assert wire("http://h/a" + fragment) == "http://h/a"
    assert wire("http://h" + fragment) == "http://h"
    assert wire("http://h?q" + fragment) == "http://h?q"


@pytest.mark.parametrize(
    ("host", "encoded"),
    [
        ("müller.example", "xn--mller-kva.example"),
        ("MÜLLER.Example", "xn--mller-kva.example"),  # uts46: mapped to lower case
        ("mu\u0308ller.example", "xn--mller-kva.example"),  # composed
        ("faß.example", "xn--fa-hia.example"),  # IDNA 2008, not "fass"
        ("ｅｘａｍｐｌｅ.example", "example.example"),  # full width
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),  # an ideographic full stop is a dot
        ("ü\u00ad.example", "xn--tda.example"),  # a soft hyphen is nothing
        ("ü.example.", "xn--tda.example."),
        ("１２７.0.0.1", "127.0.0.1"),
    ],
)
def test_host_names_in_other_alphabets(host: str, encoded: str) -> None:
    assert prepare(f"http://{host}:81/ü", WEB) == (
        f"http://{encoded}:81/%C3%BC".encode(),
        f"http://{encoded}:81".encode(),
        "http",
    )


@pytest.mark.parametrize(
    "host",
    [
        "a..ü.example",
        "ü" * 64 + ".example",  # a label has 63 octets at most
        "-ü.example",
        "ü\u2100b.example",  # would become "a/c"
        "ü b.example",
        "ü%00.example",
        "\u200dü.example",  # a joiner where nothing is to be joined
        "\udc80.example",
        "xn--ü.example",
    ],
)
def test_host_names_that_cannot_be_encoded(host: str) -> None:
    error = refusal(f"http://{host}/")
    assert error.hresult == HRESULT.INET_E_INVALID_URL
    assert "host name" in error.reason


@pytest.mark.parametrize("host", ["a b", "a<b", "a>b", 'a"b', "a^b", "a|b", "a`b", "a{b}", "a]b"])
def test_characters_that_no_host_name_holds(host: str) -> None:
    assert "host name" in refusal(f"http://{host}/").reason


@pytest.mark.parametrize(
    "place",
    [
        "[::1",
        "[::1/",
        "[]",
        "[",
        "[ü]",
        "[::1 ]",
        "[v1.a]",
        "[g::1]",
        "[::1%]",
        "[::1%a b]",
        "[::1]x",
        "[::1]80",
        "a[::1]",
    ],
)
def test_malformed_addresses(place: str) -> None:
    refusal(f"http://{place}/")


@pytest.mark.parametrize(
    ("port", "sent"),
    [
        (":", ""),
        (":0", ":0"),
        (":80", ":80"),
        (":65535", ":65535"),
        (":0080", ":80"),
        (":" + "0" * 9999, ":0"),
    ],
)
def test_ports(port: str, sent: str) -> None:
    for host in ("h", "[::1]"):
        assert wire(f"http://{host}{port}/") == f"http://{host}{sent}/"


@pytest.mark.parametrize(
    "port", ["65536", "99999", "1" * 9999, "-1", "+1", "1_0", "0x50", "8 0", "a", "80:80", "٨٠", "²"]
)
def test_no_ports(port: str) -> None:
    for host in ("h", "[::1]"):
        error = refusal(f"http://{host}:{port}/")
        assert error.hresult == HRESULT.INET_E_INVALID_URL
        assert error.reason == "its port is no number from 0 to 65535"


@pytest.mark.parametrize(
    ("given_", "sent"),
    [
        ("user@", "user@"),
        ("user:@", "user:@"),
        (":word@", ":word@"),
        ("@", "@"),
        ("user:pass word@", "user:pass%20word@"),
        ("us er:wörd@", "us%20er:w%C3%B6rd@"),
        ("a@b:c@d@", "a%40b:c%40d@"),  # the last one ends it
        ("user:a:b@", "user:a:b@"),
        ("user:a%40b@", "user:a%40b@"),
        ("user:<>[]@", "user:%3C%3E[]@"),
    ],
)
def test_user_information(given_: str, sent: str) -> None:
    for host in ("h", "[::1]:80"):
        assert wire(f"http://{given_}{host}/") == f"http://{sent}{host}/"
        assert "@" not in key(f"http://{given_}{host}/")


@pytest.mark.parametrize("character", [*map(chr, range(0x20)), "\x7f"])
def test_control_characters_are_refused_everywhere(character: str) -> None:
    for url in (
        "{}http://h/",
        "http{}://h/",
        "http://u{}@h/",
        "http://h{}/",
        "http://h:8{}0/",
        "http://h/{}",
        "http://h/?{}",
        "http://h/#{}",
    ):
        error = refusal(url.format(character))
        assert error.hresult == HRESULT.INET_E_INVALID_URL
        assert character not in str(error)


def test_line_breaks_end_in_no_request() -> None:
    refusal("http://h/ HTTP/1.1\r\nX-Injected: 1")
    assert wire("http://h/%0d%0aX-Injected: 1") == "http://h/%0d%0aX-Injected:%201"


@pytest.mark.parametrize(
    "url", ["http://", "http:///path", "http://:80/", "http://?q", "http://user@/", "https://#f"]
)
def test_no_host(url: str) -> None:
    assert refusal(url).reason == "it names no host"


@pytest.mark.parametrize("url", ["http:", "http:/h/", "http:h", "http:\\\\h\\", "https:?q"])
def test_no_authority(url: str) -> None:
    assert refusal(url).reason == "the scheme is not followed by //"


@pytest.mark.parametrize(
    "url", ["http://h\\", "http://h\\@evil.example/", "http://h:80\\path", "http://u@h\\x"]
)
def test_backslashes_after_the_host(url: str) -> None:
    # Browsers read them as slashes, libcurl does not: what would be asked for is not clear.
    assert "backslash" in refusal(url).reason


def test_empty() -> None:
    assert refusal("").hresult == HRESULT.MK_E_SYNTAX


@pytest.mark.parametrize(
    "url",
    ["ftp://h/", "file:///etc/hosts", "javascript:alert(1)", "localhost:80/x", "gopher://h", "httpx://h"],
)
def test_other_schemes(url: str) -> None:
    with pytest.raises(UnknownProtocolError) as caught:
        prepare(url, WEB)
    assert caught.value.hresult == HRESULT.INET_E_UNKNOWN_PROTOCOL


@pytest.mark.parametrize(
    "url", ["h", "//h/", "/x", "?q", "#f", " http://h/", "1http://h/", "://h/", "hätte://h/", ":"]
)
def test_no_scheme(url: str) -> None:
    with pytest.raises(UnknownProtocolError, match="no scheme"):
        prepare(url, WEB)


def test_schemes_that_are_allowed() -> None:
    assert wire("FTP://h/x", ("ftp",)) == "ftp://h/x"
    assert key("ftp://h/x", ("ftp",)) == "ftp://h:21"
    assert wire("file:///a b", ("file",)) == "file:///a%20b"
    assert prepare("HTTPS://h", WEB).scheme == "https"
    with pytest.raises(UnknownProtocolError):
        prepare("http://h/", ("https",))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h", "http://h:80"),
        ("https://h", "https://h:443"),
        ("http://h:443/", "http://h:443"),
        ("http://[::1]/", "http://[::1]:80"),
    ],
)
def test_host_key(url: str, expected: str) -> None:
    assert key(url) == expected


def test_host_keys_are_the_same_for_the_same_place() -> None:
    urls = [
        "http://h.example",
        "http://H.Example/path?q",
        "HTTP://h.example:80/",
        "http://h.example:/",
        "http://h.example:080/",
        "http://user:word@h.example/#f",
        "http://ｈ.example/",
    ]
    assert {key(url) for url in urls} == {"http://h.example:80"}
    others = ["https://h.example", "http://h.example:81", "http://h2.example", "http://h.example."]
    assert len({key(url) for url in [*urls, *others]}) == 5


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@h x/",
        "http://user:secret@h:port/",
        "http://user:sec/ret@h/",
        "http://user:secret/@h/",
        "http://user:sec#ret@h/",
        "http://user:secret@[::1/",
        "http://user:secret@h\\/",
        "http:user:secret@h/",
        "http://user:secret@/",
        "http://user:sec\nret@h/",
        "user:secret@h/",
        "other://user:secret@h/",
        "http://user:secret@ü\u2100.example/",
    ],
)
def test_no_error_quotes_user_or_password(url: str) -> None:
    with pytest.raises(BindError) as caught:
        prepare(url, WEB)
    for text in (str(caught.value), repr(caught.value)):
        assert "sec" not in text
        assert "user" not in text


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "https://h",
        "http://h?q",
        "http://h:0/",
        "https://h.x-y.example:65535/a?b=c%20d&e='(f)[g]",
        "http://127.0.0.1:8080/x",
        "http://h/user@:/x",
    ],
)
def test_the_quick_way_comes_to_the_same(url: str) -> None:
    assert plain_url(url) == tuple(prepare(url, WEB))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h",
        "http://",
        "http://:80/",
        "http:///x",
        "ftp://h/",
        "HTTP://h/",
        "http://H/",
        "http://ü/",
        "http://u@h/",
        "http://u:p@h/",
        "http://[::1]/",
        "http://h:/",
        "http://h:65536/",
        "http://h:8 0/",
        "http://h/#f",
        "http://h/a b",
        "http://h/ü",
        "http://h/\r\n",
        "http://h\\x",
        "http://h/\\x",
        "http://" + "h" * 271 + "/",
    ],
)
def test_the_quick_way_leaves_everything_else_alone(url: str) -> None:
    assert plain_url(url) is None


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ["http", "https", ":", "//", "/", "@", "[", "]", "?", "#", "\\", "%", ".", "80", "ü", "::1"]
        ),
        st.text(max_size=3),
    ),
    max_size=12,
).map("".join)


@given(st.one_of(PIECES, PIECES.map("http://{}".format), st.text(max_size=30).map("https://h/{}".format)))
def test_any_text_is_either_sendable_or_refused(url: str) -> None:
    try:
        prepared = prepare(url, WEB)
    except BindError:
        return
    assert all(0x21 <= byte <= 0x7E for byte in prepared.url)
    assert not set(prepared.url) & set(b'"<>\\^`{|}#')
    assert b"@" not in prepared.host_key
    # Prepared once more, it is the same.
    assert prepare(prepared.url.decode("ascii"), WEB) == prepared
