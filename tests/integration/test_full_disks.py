"""Folders that must not be written, disks that are full, and processes at their limits."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lifecycle import check_script
from tests.recording import names
from tests.servers import ScriptedServer

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

AS_NOBODY = """
    folder, name, url = argv
    target = os.path.join(folder, name)
    assert fetch(url).body  # whatever is loaded on first use is loaded now
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    recorder = fetch(url, storage=urlmon.TYMED.FILE, path=target)
    error = recorder.error
    assert type(error) is urlmon.StoragePermissionError, error
    assert isinstance(error, PermissionError)
    assert error.hresult == urlmon.HRESULT.E_ACCESSDENIED == recorder.hresult
    assert error.url == url and target in str(error) and error.filename == target
    assert fetch(url).body  # and the process goes on
    print(error.errno)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, as the folders of pytest are not."""
    folder = Path(tempfile.mkdtemp(prefix="urlmon-tests-"))
    try:
        if any(not parent.stat().st_mode & 0o001 for parent in folder.parents):
            pytest.skip("other users cannot reach the temporary folder")
        folder.chmod(0o755)
        (folder / "target").write_bytes(b"old")
        yield folder
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["target", "new"])
def test_a_folder_that_is_read_only(scripted: ScriptedServer, open_folder: Path, name: str) -> None:
    open_folder.chmod(0o555)
    assert check_script(AS_NOBODY, open_folder, name, scripted.url("/payload/1000")) == f"{errno.EACCES}\n"
    assert names(open_folder) == ["target"]
    assert (open_folder / "target").read_bytes() == b"old"


@pytest.mark.skipif(not ROOT, reason="needs a file of another user")
def test_a_target_of_another_user_in_a_sticky_folder(scripted: ScriptedServer, open_folder: Path) -> None:
    """The partial file can be written, the rename is refused."""
    open_folder.chmod(0o1777)
    assert check_script(AS_NOBODY, open_folder, "target", scripted.url("/payload/1000")) == f"{errno.EPERM}\n"
    assert names(open_folder) == ["target"]
    assert (open_folder / "target").read_bytes() == b"old"


def tmpfs_command(folder: Path) -> list[str] | None:
    """A command prefix with a file system of 1 MiB at `folder`, None where there is no way to have one."""
    mount = f"mount -t tmpfs -o size=1m none {folder}"
    for flags in ("-m", "-rm"):
        command = ["unshare", flags, "sh", "-c", f'{mount} && exec "$@"', "sh"]
        try:
            if (
                subprocess.run([*command, "true"], capture_output=True, timeout=10, check=False).returncode
                == 0
            ):
                return command
        except OSError:
            return None
    return None


def test_a_disk_that_is_full(scripted: ScriptedServer, tmp_path: Path) -> None:
    prefix = tmpfs_command(tmp_path)
    if prefix is None:
        pytest.skip("no mount namespaces here")
    out = check_script(
        """
        folder, big, small = argv
        target = folder + "/target"
        open(target, "wb").write(b"old")
        for url in big.split():
            recorder = fetch(url, storage=urlmon.TYMED.FILE, path=target)
            error = recorder.error
            assert type(error) is urlmon.DiskFullError, error
            assert recorder.hresult == urlmon.HRESULT.WIN32_E_DISK_FULL
            assert (error.url, error.filename) == (url, target) and target in str(error)
            assert open(target, "rb").read() == b"old"
            assert os.listdir(folder) == ["target"], os.listdir(folder)
        fetch(small, storage=urlmon.TYMED.FILE, path=target)
        print(os.path.getsize(target), error.errno)
        """,
        tmp_path,
        scripted.url("/payload/3000000") + " " + scripted.url("/chunked", size=3_000_000, chunk=50_000),
        scripted.url("/payload/500000"),
        prefix=prefix,
    )
    assert out == f"500000 {errno.ENOSPC}\n"


def test_a_file_beyond_the_limit_of_the_process(scripted: ScriptedServer, tmp_path: Path) -> None:
    out = check_script(
        """
        import resource
        target, big, small = argv
        open(target, "wb").write(b"old")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        recorder = fetch(big, storage=urlmon.TYMED.FILE, path=target)
        assert isinstance(recorder.error, urlmon.StorageError), recorder.error
        assert recorder.hresult == urlmon.HRESULT.WIN32_E_FILE_TOO_LARGE
        assert open(target, "rb").read() == b"old"
        fetch(small, storage=urlmon.TYMED.FILE, path=target)
        print(os.path.getsize(target), recorder.error.errno)
        """,
        tmp_path / "target",
        scripted.url("/payload/3000000"),
        scripted.url("/payload/500000"),
    )
    assert out == f"500000 {errno.EFBIG}\n"
    assert names(tmp_path) == ["target"]


def test_no_descriptor_is_left_for_the_file(scripted: ScriptedServer, tmp_path: Path) -> None:
    out = check_script(
        """
        import resource
        target, url = argv
        fetch(url)
        held = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, 4096))
        recorder = fetch(url, storage=urlmon.TYMED.FILE, path=target)
        assert isinstance(recorder.error, urlmon.BindError), recorder.hresult
        for number in held:
            os.close(number)
        fetch(url, storage=urlmon.TYMED.FILE, path=target)
        print(type(recorder.error).__name__, os.path.getsize(target))
        """,
        tmp_path / "target",
        scripted.url("/payload/1000"),
    )
    assert out == "StorageError 1000\n"
