"""Whatever comes from outside, our parsers give a result or a typed error; no name of a server leaves its folder.

Set-Cookie is for libcurl alone. Of what a client says of cookies, the Cookie field goes through `parse_fields` as every
field, and pycurl.COOKIE through the options of `compile_profile`; both are here.
"""

from __future__ import annotations

import base64
import io
import os
import re
import stat
from pathlib import Path
from typing import Any

import pycurl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import urlmon
from urlmon import HTTP_QUERY, BindError, create_url_moniker
from urlmon.addresses import address_rules
from urlmon.cli.names import MAX_BYTES, TargetNames, content_disposition_name, safe_name, url_name
from urlmon.cli.urllist import UrlList
from urlmon.headers import find_field, parse_head, query
from urlmon.profiles import compile_profile, parse_fields
from urlmon.protocols.data import DataProtocol
from urlmon.redaction import redact_text, redact_url
from urlmon.urls import prepare
from urlmon_core import plain_url

often = settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))

# Text with what parsers stumble over: separators, controls, lone surrogates, direction overrides, other digits.
SPICE = "/\\:@?#[]%;=\"'&.\0\r\n\t \x7f\x85\u2028\u202e\ud800\udfff０１²ſK·。／＠：中é~-_*"
text = st.one_of(
    st.text(alphabet=st.one_of(st.sampled_from(SPICE), st.characters(exclude_categories=())), max_size=60),
    st.text(max_size=200),
)
schemes = st.sampled_from(
    ["http", "https", "HTTP", "ftp", "file", "data", "javascript", "", "x-y.z+1", "ht tp"]
)
urls = st.one_of(
    text,
    st.builds(
        "{}:{}{}{}{}".format,
        schemes,
        st.sampled_from(["//", "/", "", "\\\\", "///"]),
        text,
        st.sampled_from(["/", "?", "#", ""]),
        text,
    ),
    st.builds("http://{}@{}:{}/{}".format, text, text, text, text),
)


def check_error(error: Exception) -> None:
    """It can be shown."""
    assert str(error)
    assert repr(error)


@often
@given(urls)
@example("http://[::1%25]/")
@example("http://a:b@c@d/")
@example("http://xn--/")
@example("http://\u2488com/")
def test_urls(url: str) -> None:
    try:
        wire = prepare(url, ("http", "https"))
    except BindError as error:
        check_error(error)
    else:
        assert wire.scheme in ("http", "https")
        assert wire.url.startswith(wire.scheme.encode() + b"://")
        # Nothing in it can end the request line or begin another one.
        assert all(0x21 <= byte <= 0x7E for byte in wire.url)
        assert all(0x21 <= byte <= 0x7E for byte in wire.host_key)
    quick = plain_url(url)
    assert quick is None or quick[0].isascii()


@often
@given(urls, urls, st.sampled_from([0, 1, 2]))
def test_monikers(base: str, relative: str, flags: int) -> None:
    try:
        moniker = create_url_moniker(relative, create_url_moniker(base), flags)
    except BindError as error:
        check_error(error)
        return
    assert isinstance(moniker.get_display_name(), str)
    repr(moniker)


saved = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda size, url, rest: size.to_bytes(4, "little") + url.encode("utf-16-le", "surrogatepass") + rest,
        st.one_of(st.integers(0, 200), st.integers(0, 0xFFFFFFFF)),
        urls,
        st.binary(max_size=60),
    ),
)


@often
@given(saved)
def test_saved_monikers(content: bytes) -> None:
    try:
        moniker = urlmon.URLMoniker.load(io.BytesIO(content))
    except BindError as error:
        check_error(error)
    else:
        assert isinstance(moniker.url, str)
        repr(moniker)


@often
@given(urls, urls)
def test_uris(text_: str, relative: str) -> None:
    try:
        uri = urlmon.create_uri(text_)
        repr(uri)
        uri = urlmon.create_uri(relative)
    except BindError as error:
        check_error(error)
    else:
        assert isinstance(uri.display_uri, str)


@often
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=8, max_size=20), text, urls)
def test_redaction(password: str, user: str, rest: str) -> None:
    """Never an exception; and what stands before the last "@" of an authority does not stay."""
    redact_text(rest)
    redact_url(rest)
    clean = "".join(char for char in password if char.isalnum())
    if len(clean) >= 8:
        before = "".join(char for char in user if char not in "/\\?#")  # these end an authority
        url = f"http://{before}:{clean}@host.example/path"
        host = redact_url(url).removeprefix("http://")
        assert clean not in host or clean in "host.example/path"


header_blocks = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda lines, end: b"\r\n".join([b"HTTP/1.1 200 OK", *lines]) + end,
        st.lists(
            st.one_of(
                st.binary(max_size=40),
                st.builds(
                    lambda name, value: name + b":" + value, st.binary(max_size=10), st.binary(max_size=60)
                ),
                st.sampled_from(
                    [
                        b"Content-Length: 99999999999999999999",
                        b"Content-Length: -1",
                        b"Date: Mon, 99 Foo 0000 99:99:99 GMT",
                        b"Last-Modified: \xff",
                        b"Content-Type: ;;;=",
                        b"Expires: 0",
                        b" folded",
                        b"Age: \xd9\xa1",
                    ]
                ),
            ),
            max_size=8,
        ),
        st.sampled_from([b"\r\n\r\n", b"\n\n", b"", b"\r\n"]),
    ),
)


@often
@given(header_blocks, st.sampled_from(list(HTTP_QUERY)), text, st.integers(-3, 3))
def test_headers(block: bytes, what: HTTP_QUERY, name: str, index: int) -> None:
    fields = parse_head(block)
    assert all(isinstance(part, str) for pair in fields for part in pair)
    find_field(fields, name)
    for flag in (HTTP_QUERY(0), HTTP_QUERY.FLAG_NUMBER, HTTP_QUERY.FLAG_SYSTEMTIME):
        try:
            query(what | flag, block, name, index)
        except BindError as error:
            check_error(error)


@often
@given(
    st.one_of(
        text, st.builds("{}: {}\r\n{}".format, text, text, text), st.lists(st.tuples(text, text), max_size=4)
    )
)
def test_request_fields(fields: Any) -> None:
    try:
        pairs = parse_fields(fields, "http://x/")
    except BindError:
        return
    for name, value in pairs:
        assert not set("\r\n\0") & set(name + value)


@often
@given(text)
@example("a=b; c=d")
@example("a=b\r\nX-Other: 1")
def test_cookies_of_the_client(cookies: str) -> None:
    try:
        pairs = parse_fields({"Cookie": cookies}, "http://x/")
    except BindError as error:
        check_error(error)
    else:
        assert not set("\r\n\0") & set("".join(name + value for name, value in pairs))
    try:
        compile_profile(
            urlmon.BindInfo(curl_options={pycurl.COOKIE: cookies}), urlmon.TYMED.ISTREAM, (), "http://x/"
        )
    except BindError as error:
        check_error(error)
    else:
        assert not set("\r\n\0") & set(cookies)


data_urls = st.one_of(
    urls,
    st.builds(
        "{}:{}{}{}{}".format,
        st.sampled_from(["data", "DATA", "data:data"]),
        text,
        st.sampled_from(
            ["", ";base64", "; base64 ", ";BASE64;charset=x", "%3Bbase64", ";charset=utf-8;base64"]
        ),
        st.sampled_from([",", "", "%2C", ",,", "#,"]),
        st.one_of(text, st.text(alphabet="ABCZabz019+/=-_%32 \n#", max_size=60)),
    ),
)


@often
@given(data_urls)
@example("data:;base64,A")
@example("data:;base64,====")
@example("data:,%")
@example("data:text/html;charset=\ud800,\ud800")
def test_data_urls(url: str) -> None:
    try:
        media_type, content = DataProtocol().find(url)
    except BindError as error:
        check_error(error)
    else:
        assert re.fullmatch(r"[!-.0-~]+/[!-.0-~]+", media_type)
        assert isinstance(content, bytes)


@often
@given(st.binary(max_size=300), st.booleans())
def test_data_urls_give_what_they_were_made_of(content: bytes, padded: bool) -> None:
    digits = base64.b64encode(content).decode()
    url = f"data:a/b;base64,{digits if padded else digits.rstrip('=')}"
    assert DataProtocol().find(url) == ("a/b", content)
    escaped = "".join(f"%{byte:02X}" for byte in content)
    assert DataProtocol().find(f"data:A/B;charset=x,{escaped}") == ("a/b", content)


@settings(often, max_examples=100)
@given(data_urls)
def test_binds_of_data_urls(url: str) -> None:
    """The whole way: canonical URL, handler, stream. What is no data: URL is refused before anything is sent."""
    if url[:5].lower() != "data:":
        url = f"data:{url}"
    try:
        stream = create_url_moniker(url).bind_to_storage()
    except BindError as error:
        check_error(error)
    else:
        assert stream is not None
        assert isinstance(stream.read(), bytes)


names = st.one_of(
    text,
    st.sampled_from(
        [
            "..",
            ".",
            "",
            "/etc/passwd",
            "..\\..\\x",
            "C:\\x",
            "a/../../b",
            "~",
            "-rf",
            "CON",
            "nul.txt",
            "\\\\server\\share",
            "x" * 5000,
            "中" * 200,
            ".bashrc",
            "a\0b",
            "\u202egpj.exe",
            "a\r\nb",
            "%2e%2e%2f",
            "a" * 250 + ".tar.gz",
            "%00",
            "....",
            ". .",
            "...x/",
        ]
    ),
)
dispositions = st.one_of(
    text,
    st.builds("attachment; filename={}".format, names),
    st.builds('attachment; filename="{}"'.format, names),
    st.builds("attachment; filename*=UTF-8''{}".format, names),
    st.builds("inline; filename*={}'{}'{}; filename={}".format, text, text, names, names),
)


def stays(name: str) -> bool:
    """Whether it is the name of one file in the folder that it is put into."""
    encoded = name.encode()
    return (
        0 < len(encoded) <= MAX_BYTES
        and name not in (".", "..")
        and not any(char in "/\\\0" or char < " " for char in name)
        and os.path.normpath(os.path.join("/folder", name)) == f"/folder/{name}"
    )


@often
@given(names, urls, dispositions)
def test_names_stay_in_their_folder(name: str, url: str, disposition: str) -> None:
    assert stays(safe_name(name))
    assert stays(url_name(url))
    chosen = content_disposition_name(disposition)
    assert chosen is None or (stays(chosen) and not chosen.startswith("."))


@pytest.mark.parametrize(
    "planted", ["link to a file", "link to a folder", "link to nothing", "folder", "fifo"]
)
@pytest.mark.parametrize("suffix", ["", ".part"])
def test_what_was_planted_in_the_folder_is_not_followed(tmp_path: Path, planted: str, suffix: str) -> None:
    """A name that a server chose never leads through what somebody else has put there."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    folder = tmp_path / "folder"
    folder.mkdir()
    place = folder / f"name.txt{suffix}"
    if planted == "folder":
        place.mkdir()
    elif planted == "fifo":
        os.mkfifo(place)
    else:
        where = {"link to a file": "precious", "link to a folder": ".", "link to nothing": "new"}[planted]
        place.symlink_to(outside / where)
    before = os.lstat(place)
    targets = TargetNames(str(folder))
    provisional = targets.reserve_provisional()
    (folder / provisional).write_text("body")
    name = targets.publish(provisional, "name.txt", may_replace=False)
    assert stat.S_ISREG(os.lstat(folder / name).st_mode)
    assert (folder / name).read_text() == "body"
    assert os.lstat(place).st_ino == before.st_ino, "what was there is as it was"
    assert sorted(path.name for path in outside.iterdir()) == ["precious"]
    assert (outside / "precious").read_text() == "precious"


@often
@given(st.binary(max_size=600))
@example(b"\xef\xbb\xbfhttp://x/\r\n#c\r\n\r\n")
@example(b"x" * 70_000)
def test_lists(content: bytes) -> None:
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        os.write(writer, content[:60_000])
    finally:
        os.close(writer)
    listed = UrlList((), "-", stdin_fd=reader)
    try:
        for _ in range(len(content) + 2):
            item = listed.take()
            if item is None:
                break
            assert isinstance(item.url, str)
            if item.problem is None:
                try:
                    prepare(item.url, ("http", "https"))
                except BindError as error:
                    check_error(error)
    finally:
        listed.close()
        os.close(reader)


@often
@given(st.lists(text, max_size=3), st.lists(text, max_size=3))
def test_networks(allowed: list[str], denied: list[str]) -> None:
    try:
        rules = address_rules(allowed, denied)
    except ValueError as error:
        check_error(error)
    else:
        assert all(len(network) == 16 and 0 <= bits <= 128 for network, bits, _ in rules)
    assert urlmon.NON_PUBLIC_NETWORKS
