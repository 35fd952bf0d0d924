"""File names: from URLs and headers, safe, unique within a run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from urlmon.cli.names import MAX_BYTES, TargetNames, content_disposition_name, numbered, safe_name, url_name


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://h/a/b.tar.gz", "b.tar.gz"),
        ("http://h/a/b.bin?x=1/2#f/g", "b.bin"),
        ("http://h/a%20b%2Bc.txt", "a b+c.txt"),
        ("http://h/%E2%82%AC.txt", "€.txt"),
        ("http://h/%FF%41.txt", "%FFA.txt"),
        ("http://h/100%.txt", "100%.txt"),
        ("http://h", "index.html"),
        ("http://h/", "index.html"),
        ("http://h?x=/a.txt", "index.html"),
        ("http://h#/a.txt", "index.html"),
        ("http://h/a/..", "index.html"),
        ("http://h/.", "index.html"),
        ("http://h/%2e%2e", "index.html"),
        ("http://h/%2e%2e%2fpasswd", ".._passwd"),
        ("http://h/%2Fetc%2Fpasswd", "_etc_passwd"),
        ("http://h/..%5c..%5cx", ".._.._x"),
        ("http://h/a%00b", "a_b"),
        ("http://h/a%0d%0ab", "a__b"),
        ("http://h/-rf", "-rf"),
        ("http://user:secret@h/x", "x"),
        ("no url at all", "no url at all"),
    ],
)
def test_url_name(url: str, name: str) -> None:
    assert url_name(url) == name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ('attachment; filename="foo.html"', "foo.html"),
        ("attachment; filename=foo.html", "foo.html"),
        ("ATTACHMENT; FILENAME = foo.html ; x=y", "foo.html"),
        ("attachment; filename=foo bar.html", "foo bar.html"),
        ('attachment; filename="a;b=c.html"', "a;b=c.html"),
        (r'attachment; filename="\"quoted\".html"', '"quoted".html'),
        ('attachment; foo=";filename=evil"; filename="good.html"', "good.html"),
        ('filename="no-type.html"', "no-type.html"),
        ('attachment; filename="open', "open"),
        ('attachment; filename="first"; filename="second"', "first"),
        ("attachment; filename*=UTF-8''foo-%c3%a4-%e2%82%ac.html", "foo-ä-€.html"),
        ("attachment; filename=\"plain\"; filename*=utf-8'en'better%20one.txt", "better one.txt"),
        ("attachment; filename*=UTF-8''x; filename=plain", "x"),
        ("attachment; filename*=iso-8859-1''foo-%E4.html", "foo-ä.html"),
        ("attachment; filename*=UTF-8''%FF; filename=plain", "plain"),
        ("attachment; filename*=UTF-8''50%; filename=plain", "plain"),
        ("attachment; filename*=utf-16''x; filename=plain", "plain"),
        ("attachment; filename*=nonsense; filename=plain", "plain"),
        ("attachment; filename=fo\u00c3\u00b6.txt", "foö.txt"),  # UTF-8 bytes read as Latin-1
        ("attachment; filename=fo\xf6.txt", "foö.txt"),
        ('attachment; filename="fo\udcc3\udcb6.txt"', "foö.txt"),
        ('attachment; filename="/etc/passwd"', "passwd"),
        ('attachment; filename="../../x"', "x"),
        (r'attachment; filename="C:\\Users\\x.txt"', "x.txt"),
        ("attachment; filename*=UTF-8''..%2F..%2Fx", "x"),
        ('attachment; filename=".bashrc"', "_bashrc"),
        ('attachment; filename="a\x1b[31m.txt"', "a_[31m.txt"),
        ('attachment; filename=""', None),
        ('attachment; filename=".."', None),
        ('attachment; filename="dir/"', None),
        ("attachment", None),
        ("inline; name=x", None),
        ("", None),
        (";;;==;", None),
    ],
)
def test_content_disposition(value: str, name: str | None) -> None:
    assert content_disposition_name(value) == name


def test_content_disposition_of_any_length_is_quick() -> None:
    began = time.monotonic()
    for value in ('"' * 100_000, "\\" * 100_000, "a" * 100_000, "=;" * 50_000, '"\\' * 50_000, " " * 100_000):
        content_disposition_name("attachment; filename=" + value)
        content_disposition_name(value)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plain.txt", "plain.txt"),
        ("  a b  ", "a b"),
        ("trailing. . .", "trailing"),
        ("", "index.html"),
        (" . ", "index.html"),
        ("...", "index.html"),
        ("a/b\\c", "a_b_c"),
        ("a\tb\x7fc\x85d", "a_b_c_d"),
        ("gpj.\u202eexe", "gpj._exe"),
        ("a\u2028b", "a_b"),
        ("lone\udc80", "lone_"),
        ("NUL", "_NUL"),
        ("con.txt", "_con.txt"),
        ("COM1.tar.gz", "_COM1.tar.gz"),
        ("com10", "com10"),
        ("console", "console"),
        ("LPT¹", "_LPT¹"),
        (".hidden", ".hidden"),
    ],
)
def test_safe_name(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    "name",
    [
        "x" * 300 + ".tar.gz",
        "ä" * 300 + ".txt",
        "x." + "y" * 300,
        "." * 300 + "x",
        "€" * 90,
        "NUL." + "z" * 300,
    ],
)
def test_long_names_keep_their_extension_and_fit(name: str, tmp_path: Path) -> None:
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= MAX_BYTES
    if name.endswith((".tar.gz", ".txt")):
        assert safe.endswith(name[-4:])
    for candidate in (safe, numbered(safe, 123456)):
        assert len(candidate.encode()) <= MAX_BYTES
        (tmp_path / (candidate + ".part")).touch()


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("a.txt", "a.1.txt"),
        ("a.tar.gz", "a.1.tar.gz"),
        ("README", "README.1"),
        (".hidden", ".hidden.1"),
        ("a.b.c", "a.b.1.c"),
    ],
)
def test_numbered(name: str, first: str) -> None:
    assert numbered(name, 0) == name
    assert numbered(name, 1) == first


def older(path: Path) -> Path:
    """A file from before the run: change times are as coarse as the clock of the kernel."""
    path.write_bytes(b"old")
    time.sleep(0.03)
    return path


def finish(names: TargetNames, name: str) -> None:
    """What a successful download leaves."""
    Path(names.path(name)).write_bytes(b"new")
    names.release(name)


def test_same_name_in_flight_and_after(tmp_path: Path) -> None:
    names = TargetNames(str(tmp_path))
    assert names.reserve("a.txt") == "a.txt"
    assert names.reserve("a.txt") == "a.1.txt"
    finish(names, "a.txt")
    finish(names, "a.1.txt")
    assert names.reserve("a.txt") == "a.2.txt"
    assert names.reserve("b.txt") == "b.txt"


def test_failed_download_gives_its_name_back(tmp_path: Path) -> None:
    names = TargetNames(str(tmp_path))
    names.release(names.reserve("a.txt"))
    assert names.reserve("a.txt") == "a.txt"


def test_older_file_is_replaced_only_under_the_name_of_the_url(tmp_path: Path) -> None:
    older(tmp_path / "a.txt")
    older(tmp_path / "a.1.txt")
    names = TargetNames(str(tmp_path))
    assert names.reserve("a.txt") == "a.txt"
    assert names.reserve("a.txt") == "a.2.txt"


def test_finished_file_of_the_run_is_never_replaced(tmp_path: Path) -> None:
    older(tmp_path / "a.txt")
    names = TargetNames(str(tmp_path))
    finish(names, names.reserve("a.txt"))
    assert names.reserve("a.txt") == "a.1.txt"


def test_modification_time_does_not_matter(tmp_path: Path) -> None:
    names = TargetNames(str(tmp_path))
    finish(names, names.reserve("a.txt"))
    os.utime(tmp_path / "a.txt", (1, 1))
    assert names.reserve("a.txt") == "a.1.txt"


def test_folder_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    time.sleep(0.03)
    assert TargetNames(str(tmp_path)).reserve("a") == "a.1"


def test_unfinished_files_do_not_meet_finished_ones(tmp_path: Path) -> None:
    names = TargetNames(str(tmp_path))
    assert names.reserve("a") == "a"
    assert names.reserve("a.part") == "a.1.part"
    names.release("a")
    names.release("a.1.part")
    finish(names, names.reserve("a.part"))
    assert names.reserve("a") == "a.1"


def test_many_of_one_name_take_few_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = TargetNames(str(tmp_path))
    for _ in range(200):
        finish(names, names.reserve("a"))
    assert len(list(tmp_path.iterdir())) == 200
    names._next_number.clear()  # as after many other names
    looks = 0
    really = os.lstat

    def counted(path: str) -> os.stat_result:
        nonlocal looks
        looks += 1
        return really(path)

    monkeypatch.setattr(os, "lstat", counted)
    assert names.reserve("a") == "a.200"
    assert looks < 60


def test_memory_is_bounded(tmp_path: Path) -> None:
    names = TargetNames(str(tmp_path))
    for number in range(6000):
        names.reserve(f"{number}")
        names.release(names.reserve(f"{number}"))
        names.release(f"{number}")
    assert not names._in_flight
    assert len(names._next_number) <= 4096


def test_publish_server_name_never_replaces(tmp_path: Path) -> None:
    older(tmp_path / "report.pdf")
    names = TargetNames(str(tmp_path))
    for expected in ("report.1.pdf", "report.2.pdf"):
        provisional = names.reserve_provisional()
        (tmp_path / provisional).write_bytes(b"new")
        assert names.publish(provisional, "report.pdf", may_replace=False) == expected
        names.release(provisional)
        assert (tmp_path / expected).read_bytes() == b"new"
    assert (tmp_path / "report.pdf").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["report.1.pdf", "report.2.pdf", "report.pdf"]


def test_publish_url_name_replaces_older_only(tmp_path: Path) -> None:
    older(tmp_path / "x")
    names = TargetNames(str(tmp_path))
    for expected in ("x", "x.1"):
        provisional = names.reserve_provisional()
        (tmp_path / provisional).write_bytes(b"new")
        assert names.publish(provisional, "x", may_replace=True) == expected
    assert (tmp_path / "x").read_bytes() == b"new"


@pytest.mark.parametrize("links", [True, False])
def test_publish_steps_aside_for_a_file_that_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    names = TargetNames(str(tmp_path))
    provisional = names.reserve_provisional()
    (tmp_path / provisional).write_bytes(b"new")
    really = names._free
    seen: list[str] = []

    def free(wanted: str, may_replace: bool) -> str:
        name = really(wanted, may_replace)
        if not seen:
            (tmp_path / name).write_bytes(b"somebody else's")
        seen.append(name)
        return name

    monkeypatch.setattr(names, "_free", free)
    if not links:

        def refuse(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "link", refuse)
    assert names.publish(provisional, "x", may_replace=False) == "x.1"
    assert (tmp_path / "x").read_bytes() == b"somebody else's"
    assert (tmp_path / "x.1").read_bytes() == b"new"
    assert len(os.listdir(tmp_path)) == 2


def test_paths_are_no_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = TargetNames(".")
    assert names.path("-rf") == "./-rf"
    assert names.path("a") == "a"
    assert TargetNames("sub").path("a") == os.path.join("sub", "a")


def test_missing_folder_is_left_to_the_download(tmp_path: Path) -> None:
    assert TargetNames(str(tmp_path / "none")).reserve("a") == "a"


def test_case_insensitive_file_system(tmp_path: Path) -> None:
    names = TargetNames(str(tmp_path))
    names._folds_case = True
    assert names.reserve("A.txt") == "A.txt"
    assert names.reserve("a.txt") == "a.1.txt"


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    TargetNames(str(tmp_path))
    assert os.listdir(tmp_path) == []
