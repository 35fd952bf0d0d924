"""Targets that cannot be written or mean nothing, their names, and several downloads of one."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.lifecycle import check_script
from tests.recording import Recorder, bind, download, finish, name_of, names, pump_until
from tests.servers import ScriptedServer, payload
from urlmon import HRESULT, TYMED


def bad_targets(folder: Path) -> dict[str, tuple[Path, type, int]]:
    (folder / "file").write_bytes(b"old")
    (folder / "folder").mkdir()
    (folder / "folder" / "inside").write_bytes(b"old")
    return {
        "is a folder": (folder / "folder", urlmon.StorageError, errno.EISDIR),
        "folder missing": (folder / "missing" / "target", urlmon.MissingFolderError, errno.ENOENT),
        "below a file": (folder / "file" / "target", urlmon.MissingFolderError, errno.ENOTDIR),
        "name too long": (folder / ("x" * 300), urlmon.StorageError, errno.ENAMETOOLONG),
        "loop of links": (folder / "loop" / "target", urlmon.StorageError, errno.ELOOP),
    }


@pytest.mark.parametrize(
    "which", ["is a folder", "folder missing", "below a file", "name too long", "loop of links"]
)
@pytest.mark.parametrize("synchronous", [False, True])
def test_a_target_that_cannot_be_written(
    scripted: ScriptedServer, tmp_path: Path, which: str, synchronous: bool
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    target, kind, number = bad_targets(tmp_path)[which]
    url = scripted.url("/payload/1000")
    if synchronous:
        with pytest.raises(urlmon.StorageError) as caught:
            urlmon.create_url_moniker(url).bind_to_storage(None, TYMED.FILE, target)
        error: Any = caught.value
    else:
        recorder = download(url, target)
        error = recorder.error
        assert recorder.hresult == error.hresult
        assert recorder.of("on_data_available") == []
    assert type(error) is kind
    assert error.errno == number
    assert error.filename == str(target)
    assert error.url == url
    assert str(target) in str(error)
    assert names(tmp_path) == ["file", "folder", "loop"]
    assert names(tmp_path / "folder") == ["inside"]
    assert download(url, tmp_path / "good").hresult == HRESULT.S_OK


@pytest.mark.parametrize("path", [None, "", "a\0b"])
def test_a_path_that_is_none(scripted: ScriptedServer, path: str | None) -> None:
    recorder = Recorder()
    with pytest.raises(urlmon.InvalidRequestError) as caught:
        bind(scripted.url(), recorder, TYMED.FILE, path)
    assert caught.value.hresult == HRESULT.E_INVALIDARG
    assert caught.value.url == scripted.url()
    assert recorder.calls == []


@pytest.mark.parametrize("storage", [TYMED.ISTORAGE, TYMED.NULL, TYMED.GDI], ids=name_of)
def test_media_that_urls_are_not_bound_to(scripted: ScriptedServer, storage: TYMED) -> None:
    recorder = Recorder()
    with pytest.raises(urlmon.BindError) as caught:
        bind(scripted.url(), recorder, storage)
    assert (caught.value.hresult, caught.value.url) == (HRESULT.E_NOTIMPL, scripted.url())
    assert recorder.calls == []


@pytest.mark.parametrize("name", ["naïve ☃.bin", "a b'\"$(x)", "-", "..target", "undecodable \udcff"])
def test_names_of_files(scripted: ScriptedServer, tmp_path: Path, name: str) -> None:
    try:
        (tmp_path / name).touch()
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    recorder = download(scripted.url("/payload/1000"), str(tmp_path / name))
    assert recorder.medium.path == str(tmp_path / name)
    assert (tmp_path / name).read_bytes() == payload(1000)
    assert names(tmp_path) == [name]


def test_a_relative_path_is_relative_to_where_the_bind_was(
    scripted: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    recorder = bind(scripted.url("/hold-body/rest", size=1000), Recorder(), TYMED.FILE, "target")
    pump_until(lambda: recorder.binding.bytes_received == 500)
    monkeypatch.chdir(tmp_path / "there")
    scripted.release("rest")
    finish(recorder)
    assert recorder.hresult == HRESULT.S_OK
    assert names(tmp_path / "here") == ["target"]
    assert names(tmp_path / "there") == []


def test_two_downloads_of_one_target(scripted: ScriptedServer, tmp_path: Path) -> None:
    target = tmp_path / "target"
    first = bind(scripted.url("/hold-body/rest", size=300_000), Recorder(), TYMED.FILE, target)
    pump_until(lambda: first.binding.bytes_received == 150_000)
    second = download(scripted.url("/payload/1000", seed=2), target)
    assert isinstance(second.error, urlmon.StorageExistsError)
    assert second.hresult == HRESULT.WIN32_E_SHARING_VIOLATION
    assert second.error.url == scripted.url("/payload/1000", seed=2)
    assert str(target) in str(second.error)
    scripted.release("rest")
    finish(first)
    assert target.read_bytes() == payload(300_000)
    assert names(tmp_path) == ["target"]
    assert download(scripted.url("/payload/1000", seed=2), target).hresult == HRESULT.S_OK
    assert target.read_bytes() == payload(1000, seed=2)


def test_many_downloads_of_one_target_at_once(scripted: ScriptedServer, tmp_path: Path) -> None:
    target = tmp_path / "target"
    recorders = [
        bind(scripted.url("/payload/200000", seed=seed), Recorder(label=seed), TYMED.FILE, target)
        for seed in range(8)
    ]
    finish(*recorders)
    won = [recorder.label for recorder in recorders if recorder.hresult == HRESULT.S_OK]
    lost = [recorder for recorder in recorders if recorder.hresult != HRESULT.S_OK]
    assert won
    assert {type(recorder.error) for recorder in lost} <= {urlmon.StorageExistsError}
    assert target.read_bytes() in [payload(200_000, seed=seed) for seed in won]
    assert names(tmp_path) == ["target"]


def test_two_processes_and_one_target(scripted: ScriptedServer, tmp_path: Path) -> None:
    target = tmp_path / "target"
    first = bind(scripted.url("/hold-body/rest", size=300_000), Recorder(), TYMED.FILE, target)
    pump_until(lambda: first.binding.bytes_received == 150_000)
    out = check_script(
        """
        recorder = fetch(argv[0], storage=urlmon.TYMED.FILE, path=argv[1])
        print(type(recorder.error).__name__)
        """,
        scripted.url("/payload/1000"),
        target,
    )
    assert out == "StorageExistsError\n"
    scripted.release("rest")
    finish(first)
    assert target.read_bytes() == payload(300_000)
    assert names(tmp_path) == ["target"]
