"""Build of the compiled core (`urlmon_core`). All metadata is in pyproject.toml.

Four environment variables choose a variant; `read_variant` is the only place that reads them:

    URLMON_DEBUG=1                  invariants checked, live objects counted, -O1 -g
    URLMON_DEBUG=2                  the same with -O0 -g3, and annotated HTML beside the generated C
    URLMON_SANITIZE=thread|address  ThreadSanitizer, or AddressSanitizer with UndefinedBehaviorSanitizer
    URLMON_COVERAGE=1               gcov counters, reported on the lines of the .pyx files
    URLMON_WERROR=1                 C warnings are errors (never for a user's installation)

Generated C, objects and libraries live under build/<variant>/: two variants never share an object file.
"""

from __future__ import annotations

import copy
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# One name per src/urlmon_core/<name>.pyx.
MODULES = [
    "counters",
    "libcurl",
    "runqueue",
    "body",
    "request",
    "sockets",
    "multis",
    "admission",
    "filesink",
    "budget",
    "rcvlowat",
    "windows",
    "flow",
    "stalls",
    "interruption",
    "upload",
    "questions",
    "response",
    "easyhandles",
    "transfer",
    "operations",
    "iothread",
    "reactor",
    "stream",
    "vocabulary",
    "delivery",
    "plainurl",
    "binding",
    "handlerbinding",
    "apartment",
    "quickbind",
    "_selftest",
    "_queuerate",
    "_hammers_notify",
    "_hammers_mailbox",
    "_hammers_bytestream",
    "_hammers_blocks",
]

CORE = Path("src", "urlmon_core")

# Every file a module can be made from besides its own .pyx: an edit of any of them rebuilds.
SHARED = [*sorted(map(str, CORE.glob("*.pxd"))), *sorted(map(str, CORE.glob("*.h"))), "setup.py"]

DIRECTIVES = {
    "language_level": 3,
    "freethreading_compatible": False,  # not before a hammer test has passed on a free-threaded build
    "binding": True,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
}

WARNINGS = [
    "-Wall",
    "-Wextra",
    # Silenced by name, because only generated code gives cause for it (tools/check_headers.py checks ours):
    "-Wno-unused-label",  # converters of structs whose fields are not declared
    "-Wno-unused-parameter",
    "-Wno-deprecated-declarations",  # what Cython calls and a newer CPython deprecates
]


class Variant(NamedTuple):
    """How to compile the core."""

    name: str  # also the folder under build/
    compile_args: list[str]
    link_args: list[str]
    lines: bool  # generated C points back to the .pyx lines: debuggers, sanitizers and gcov report those
    annotate: bool


def read_variant() -> Variant:
    """The variant that the environment asks for; ends the build with a message on an unknown value."""
    debug = os.environ.get("URLMON_DEBUG") or "0"
    sanitize = os.environ.get("URLMON_SANITIZE") or ""
    coverage = (os.environ.get("URLMON_COVERAGE") or "0") != "0"
    werror = (os.environ.get("URLMON_WERROR") or "0") != "0"
    if debug not in {"0", "1", "2"}:
        sys.exit(f"URLMON_DEBUG is 0, 1 or 2, not {debug!r}")
    if sanitize not in {"", "thread", "address"}:
        sys.exit(f"URLMON_SANITIZE is thread or address, not {sanitize!r}")

    names: list[str] = []
    compile_args: list[str] = []
    link_args: list[str] = []
    if debug != "0":
        names.append(f"debug{debug}")
        optimise = ["-O1", "-g"] if debug == "1" else ["-O0", "-g3"]
        compile_args += ["-DURLMON_DEBUG=1", "-UNDEBUG", "-fno-omit-frame-pointer", *optimise]
    if sanitize:
        names.append(sanitize)
        instrument = ["-fsanitize=thread"]
        if sanitize == "address":
            # object-size would report an overflow before AddressSanitizer does, and say less about it.
            instrument = [
                "-fsanitize=address,undefined",
                "-fno-sanitize=object-size",
                "-fno-sanitize-recover=undefined",
            ]
        compile_args += ["-g", "-fno-omit-frame-pointer", *instrument]
        link_args += instrument
    if coverage:
        names.append("coverage")
        # Two threads run the core: plain counters would lose counts.
        compile_args += ["-O0", "-g", "--coverage", "-fprofile-update=atomic"]
        link_args += ["--coverage"]
    if not names:
        names.append("release")
        compile_args += ["-g0"]  # debug information makes the wheel several times larger
    if werror:
        compile_args += ["-Werror"]
    return Variant(
        name="-".join(names),
        compile_args=compile_args,
        link_args=link_args,
        lines=names != ["release"],
        annotate=debug == "2",
    )


VARIANT = read_variant()


def core_module(name: str) -> Extension:
    """The extension `urlmon_core.<name>`."""
    return Extension(
        f"urlmon_core.{name}",
        [str(CORE / f"{name}.pyx")],
        depends=SHARED,
        define_macros=[("_GNU_SOURCE", None)],
        # -iquote, not -I: our headers must never be found in place of a system header of the same name.
        extra_compile_args=[
            "-std=gnu11",
            "-pthread",
            "-fvisibility=hidden",
            *("-iquote", str(CORE)),
            *WARNINGS,
            *VARIANT.compile_args,
        ],
        extra_link_args=["-pthread", *VARIANT.link_args],
        libraries=["dl"] if sys.platform == "linux" else [],
    )


class BuildCore(build_ext):
    """Translates every .pyx into the temporary build folder, then compiles the C found there.

    The extensions themselves go on naming their .pyx, so no generated C gets into the source distribution.
    """

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count() or 1

    def build_extensions(self) -> None:
        from Cython.Build import cythonize

        folder = Path(self.build_temp, "cython")
        rules = Path("setup.py").stat().st_mtime  # the directives are part of the input
        older = any(made.stat().st_mtime < rules for made in folder.rglob("*.c"))
        translated = cythonize(
            [copy.copy(extension) for extension in self.extensions],
            build_dir=str(folder),
            include_path=["src"],
            compiler_directives=DIRECTIVES,
            emit_linenums=VARIANT.lines,
            annotate=VARIANT.annotate,
            force=older or self.force or None,
            nthreads=(os.cpu_count() or 1) if sys.platform == "linux" else 0,
        )
        self._generated = {extension.name: extension.sources for extension in translated}
        super().build_extensions()

    def build_extension(self, ext: Any) -> None:
        compiled = copy.copy(ext)
        compiled.sources = self._generated[ext._full_name]
        super().build_extension(compiled)


setup(
    ext_modules=[core_module(name) for name in MODULES],
    cmdclass={"build_ext": BuildCore},
    options={"build": {"build_base": f"build/{VARIANT.name}"}},
)
