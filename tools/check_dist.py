"""Builds the sdist, and the wheel from it, and tests both in empty environments from a folder elsewhere.

Usage: python tools/check_dist.py [arguments for pytest]. Only the standard library is needed to start it. The
wheel is installed plain and the sdist with the extras, so both forms of the command line are seen.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"urlmon_core": ROOT / "src" / "urlmon_core", "urlmon": ROOT / "python" / "urlmon"}
INSTALLED = {".py", ".pyi", ".pxd", ".h", ".typed"}  # suffixes of what a wheel carries
SOURCES = INSTALLED | {".pyx"}


def run(*command: str | Path, cwd: Path) -> None:
    """Runs a command in `cwd`, with none of the build variants set; ends the program if it fails."""
    print("+", *command, flush=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("URLMON_", "PYTHON"))}
    done = subprocess.run(command, cwd=cwd, env=clean, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit(f"check_dist: failed with {done.returncode}: {' '.join(map(str, command))}")


def environment(folder: Path) -> Path:
    """The interpreter of a new, empty environment."""
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def package_files(suffixes: set[str]) -> set[str]:
    """The files of both packages in the working tree with one of the suffixes, as <package>/<path>."""
    return {
        f"{package}/{file.relative_to(folder).as_posix()}"
        for package, folder in PACKAGES.items()
        for file in folder.rglob("*")
        if file.suffix in suffixes
    }


def require(what: str, missing: set[str], unwanted: set[str]) -> None:
    """Ends the program where an archive lacks a file or holds one that it should not."""
    if missing or unwanted:
        sys.exit(f"check_dist: {what}: missing {sorted(missing)}, unwanted {sorted(unwanted)}")


def check_sdist(archive: Path) -> None:
    """The sdist holds every source and all that tests and tools need, and nothing that was generated."""
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    wanted = {
        "setup.py",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "Makefile",
        "tests/__init__.py",
    }
    for name in package_files(SOURCES):
        root = "src" if name.startswith("urlmon_core/") else "python"
        wanted.add(f"{root}/{name}")
    generated = {name for name in names if name.endswith((".so", ".o", ".html", ".pyc"))}
    generated |= {name for name in names if name.startswith("src/") and name.endswith(".c")}
    local = {name for name in names if name.startswith(("build/", "dist/", ".venv", ".git/"))}
    require(archive.name, wanted - names, generated | local)


def check_wheel(archive: Path) -> None:
    """The wheel holds both packages, their types and declarations, one library a module, and no sources."""
    with zipfile.ZipFile(archive) as wheel:
        names = set(wheel.namelist())
    libraries = {name.partition(".")[0] for name in names if name.endswith(".so")}
    modules = {name.removesuffix(".pyx") for name in package_files({".pyx"})}
    missing = (package_files(INSTALLED) - names) | (modules - libraries)
    unwanted = {name for name in names if name.endswith((".pyx", ".c", ".html"))}
    unwanted |= {name for name in names if not name.startswith(("urlmon/", "urlmon_core/", "pyurlmon-"))}
    require(archive.name, missing, unwanted)


def try_out(requirement: str, sources: Path, folder: Path, arguments: list[str]) -> None:
    """Installs `requirement` in a new environment and runs the tests, copied alone to `folder`."""
    python = environment(folder / "venv")
    run(python, "-m", "pip", "install", "--quiet", requirement, cwd=folder)
    run(folder / "venv" / "bin" / "urlmon", "--help", cwd=folder)
    shutil.copytree(sources / "tests", folder / "tests")
    shutil.copy(sources / "pyproject.toml", folder)
    run(python, "-m", "pip", "install", "--quiet", "--upgrade", "pip", cwd=folder)
    run(python, "-m", "pip", "install", "--quiet", "--group", "test", cwd=folder)
    run(python, "-m", "pytest", "-n", "2", *arguments, cwd=folder)


def main(arguments: list[str]) -> None:
    """Builds, looks into and tests both archives."""
    with tempfile.TemporaryDirectory(prefix="urlmon-dist-") as name:
        work = Path(name)
        builder = environment(work / "builder")
        run(builder, "-m", "pip", "install", "--quiet", "--upgrade", "pip", cwd=ROOT)
        run(builder, "-m", "pip", "install", "--quiet", "--group", "dist", cwd=ROOT)
        run(builder, "-m", "build", "--outdir", work / "dist", ROOT, cwd=work)
        (sdist,) = (work / "dist").glob("*.tar.gz")
        (wheel,) = (work / "dist").glob("*.whl")
        check_sdist(sdist)
        check_wheel(wheel)

        shutil.unpack_archive(sdist, work)
        sources = work / sdist.name.removesuffix(".tar.gz")
        for requirement, folder in ((str(wheel), work / "wheel"), (f"{sdist}[cli,cache]", work / "sdist")):
            folder.mkdir()
            try_out(requirement, sources, folder, arguments)
        print(f"check_dist: {sdist.name} and {wheel.name} are complete and pass the tests")


if __name__ == "__main__":
    main(sys.argv[1:])
