"""Rules of design section 3 and 8 that the source and the built modules can be asked about."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "urlmon_core"

needs_source = pytest.mark.skipif(not SOURCE.is_dir(), reason="the source is not here")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF")

# What the I/O thread runs: modules that nobody else uses, and files of inline functions that others share.
IO_MODULES = (
    "admission",
    "budget",
    "easyhandles",
    "filesink",
    "flow",
    "interruption",
    "iothread",
    "multis",
    "operations",
    "questions",
    "rcvlowat",
    "response",
    "runqueue",
    "sockets",
    "stalls",
    "transfer",
    "upload",
    "windows",
)
SHARED_WITH_IO = ("atomics", "blocks", "bytestream", "mailbox", "notify", "runqueue", "transaction")

# How a thread gets at the interpreter, and what Cython calls when a function that must not raise does.
ATTACHING = re.compile(r"PyGILState_|PyEval_|PyErr_WriteUnraisable|PyThreadState_(New|Swap|Attach|Ensure)")


def files(*kinds: str) -> list[Path]:
    """Files of the core with these suffixes, test doors left out."""
    return sorted(
        path for kind in kinds for path in SOURCE.glob(f"*.{kind}") if not path.name.startswith("_")
    )


def code_of(path: Path) -> str:
    """The text without comments and docstrings, line for line."""
    text = path.read_text()

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    if path.suffix == ".h":
        return re.sub(r"/\*.*?\*/", blank, text, flags=re.DOTALL)
    # A string of one line is taken first, so that a "#" in it begins no comment.
    token = re.compile(r'"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*')
    return token.sub(
        lambda found: found.group() if found.group()[:3].count('"') in (1, 2) else blank(found), text
    )


# -- invariant 1: the I/O thread never attaches to the interpreter -------------------------------------------


class Function(NamedTuple):
    """A cdef function: where it is declared or defined, its whole head, and what is said about it there."""

    path: Path
    line: int
    name: str
    head: str
    defined: bool
    said: str


HEAD = re.compile(
    r"^([ \t]*)cdef (?:inline )?(?!enum|struct|class|extern|cppclass)([^=#\n]*?)\b(\w+)\(", re.MULTILINE
)


def functions(path: Path) -> Iterator[Function]:
    """The cdef functions and methods of a .pyx or .pxd."""
    code, text = code_of(path), path.read_text()
    lines = text.splitlines()
    for match in HEAD.finditer(code):
        depth, end = 0, match.end() - 1
        while True:
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
            if depth == 0:
                break
        rest = code[end : code.index("\n", end)]
        number = code.count("\n", 0, match.start())
        last = code.count("\n", 0, end)
        above = " ".join(line for line in lines[max(0, number - 1) : number] if line.lstrip().startswith("#"))
        defined = rest.rstrip().endswith(":")
        inside = ""
        if defined:
            body = text.split("\n", last + 1)[last + 1].lstrip()
            if body.startswith('"""'):
                inside = body[3 : body.index('"""', 3)]
            else:
                inside = " ".join(re.match(r"(?:[ \t]*#[^\n]*\n)*", body).group().split("\n"))  # type: ignore[union-attr]
        said = " ".join([above, *lines[number : last + 1], inside])
        yield Function(path, number + 1, match.group(3), code[match.start() : end] + rest, defined, said)


@needs_source
def test_no_module_of_the_io_thread_is_forgotten() -> None:
    said = {path.stem for path in files("pyx", "pxd") if re.search(r"I/O thread only", header(path))}
    declared_only = {
        "libcurl",
        "poller",
    }  # functions of others; libcurl.pyx itself loads the library, for anybody
    assert said - set(IO_MODULES) - set(SHARED_WITH_IO) == declared_only


@needs_source
@pytest.mark.parametrize("module", [*IO_MODULES, *SHARED_WITH_IO])
def test_functions_of_the_io_thread_need_no_interpreter(module: str) -> None:
    found = [
        function
        for suffix in (".pxd", ".pyx")
        if (path := SOURCE / f"{module}{suffix}").exists()
        for function in functions(path)
    ]
    assert found, "no function was found: has the file moved?"
    wrong = [f"{f.path.name}:{f.line}: {f.name}" for f in found if "noexcept nogil" not in f.head]
    assert not wrong, "not `noexcept nogil`:\n" + "\n".join(wrong)


@needs_source
@pytest.mark.parametrize("module", IO_MODULES)
def test_modules_of_the_io_thread_have_no_python_functions(module: str) -> None:
    code = code_of(SOURCE / f"{module}.pyx")
    assert not re.findall(
        r"^[ \t]*(?:def|class|cdef class|cpdef|import|from \S+ import)\b.*", code, re.MULTILINE
    )


@needs_source
def test_nobody_takes_the_gil() -> None:
    wrong = [
        f"{path.name}:{number}"
        for path in files("pyx", "pxd", "h")
        for number, line in enumerate(code_of(path).splitlines(), 1)
        if re.search(r"\bwith\s+gil\b|PyGILState|PyEval_RestoreThread", line)
    ]
    assert not wrong


def built(module: str) -> Path:
    """The shared object of a module of the core."""
    spec = importlib.util.find_spec(f"urlmon_core.{module}")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def undefined_symbols(path: Path) -> set[str]:
    """What a 64-bit ELF shared object takes from elsewhere: undefined entries of its dynamic symbol table."""
    data = path.read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01", "a 64-bit little-endian ELF file"
    section_offset = struct.unpack_from("<Q", data, 40)[0]
    entry_size, count = struct.unpack_from("<HH", data, 58)
    sections = [
        struct.unpack_from("<IIQQQQIIQQ", data, section_offset + index * entry_size) for index in range(count)
    ]
    names = set()
    for _, kind, _, _, offset, size, link, _, _, step in sections:
        if kind != 11:  # SHT_DYNSYM
            continue
        strings = sections[link][4]
        for place in range(offset, offset + size, step):
            name, _, _, index = struct.unpack_from("<IBBH", data, place)
            if index == 0 and name:
                start = strings + name
                names.add(data[start : data.index(b"\0", start)].decode())
    return names


@needs_linux
@pytest.mark.parametrize("module", IO_MODULES)
def test_modules_of_the_io_thread_cannot_attach(module: str) -> None:
    """A `with gil`, or a function that could raise where it must not, would need one of these."""
    symbols = undefined_symbols(built(module))
    assert "PyModuleDef_Init" in symbols, "the symbols were read"
    assert not [name for name in symbols if ATTACHING.match(name)]


@needs_linux
def test_that_check_can_fail() -> None:
    """The same reader on modules that do release the GIL, and that attach to the interpreter from other threads."""
    import _ctypes

    assert "PyEval_SaveThread" in undefined_symbols(built("apartment"))
    assert "PyGILState_Ensure" in undefined_symbols(Path(_ctypes.__file__))


CALL = re.compile(r"\b(?:call|jmp|bl|b)q?\b.*<(\w+)(?:@plt)?(?:[+-]0x[0-9a-f]+)?>")
INDIRECT = re.compile(r"\b(?:call|jmp)q?\b.*# [0-9a-f]+ <(\w+)@")
PYTHON = re.compile(r"_?Py[A-Z]\w*")


def calls(path: Path) -> dict[str, set[str]]:
    """Which names each function of a shared object calls or jumps to, where the disassembly names them."""
    listing = subprocess.run(
        ["objdump", "-d", "-w", "--no-show-raw-insn", path],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    graph: dict[str, set[str]] = {}
    current = ""
    for line in listing.splitlines():
        if begin := re.match(r"[0-9a-f]+ <([\w.]+)(?:@plt)?>:", line):
            current = begin.group(1)
            graph.setdefault(current, set())
        elif found := INDIRECT.search(line) or CALL.search(line):
            graph[current].add(found.group(1))
    return graph


def reachable(graph: dict[str, set[str]], roots: set[str]) -> set[str]:
    """The roots and everything that is called from them."""
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += graph.get(name, ())
    return seen


def native_functions(graph: dict[str, set[str]]) -> set[str]:
    """The cdef functions of a module under the names that Cython gives them."""
    return {name for name in graph if name.startswith("__pyx_f_")}


@needs_linux
@pytest.mark.skipif(shutil.which("objdump") is None, reason="no objdump")
@pytest.mark.parametrize("module", IO_MODULES)
def test_machine_code_of_the_io_thread_calls_no_python(module: str) -> None:
    graph = calls(built(module))
    roots = native_functions(graph)
    if not roots:
        pytest.skip("the module is stripped")
    everything = reachable(graph, roots)
    assert not [name for name in everything if PYTHON.fullmatch(name)]


@needs_linux
@pytest.mark.skipif(shutil.which("objdump") is None, reason="no objdump")
def test_that_check_can_fail_too() -> None:
    graph = calls(built("apartment"))
    if not graph or not native_functions(graph):
        pytest.skip("the module is stripped")
    everything = reachable(graph, native_functions(graph))
    assert [name for name in everything if PYTHON.fullmatch(name)], "cdef methods of the owner do call Python"


# -- one file names libcurl, one names memory orders ---------------------------------------------------------

LIBCURL = re.compile(
    r"\bcurl_(?:easy|multi|global|share|mime|url|version|slist|getdate|pushheader|ws)(?:_\w+)?\s*\("
    r"|curl/curl\.h|libcurl\.so|\bdlopen\b|\bdlsym\b"
)
MEMORY_ORDER = re.compile(
    r"memory_order\w*|__ATOMIC_\w+|\batomic_(?:load|store|exchange|fetch|compare)\w*|__sync_\w+"
)


def places(pattern: re.Pattern[str], *allowed: str) -> list[str]:
    """Where the code of other files than `allowed` names something."""
    return [
        f"{path.name}:{number}: {line.strip()}"
        for path in files("pyx", "pxd", "h")
        if path.name not in allowed
        for number, line in enumerate(code_of(path).splitlines(), 1)
        if pattern.search(line)
    ]


@needs_source
def test_one_module_names_libcurl() -> None:
    assert places(LIBCURL), "the pattern finds it where it is"
    assert not places(LIBCURL, "libcurl.pxd", "libcurl.pyx")


@needs_source
def test_one_file_names_memory_orders() -> None:
    assert places(MEMORY_ORDER), "the pattern finds them where they are"
    # debug.h counts live objects in a macro that release builds leave out; its counters order nothing.
    assert not places(MEMORY_ORDER, "atomics.pxd", "debug.h")


# -- every shared function says which thread may call it -----------------------------------------------------

THREAD = re.compile(
    r"any (?:other )?thread|i/o thread|owner|producer|consumer|last (?:holder|user)|creator|thread itself",
    re.IGNORECASE,
)
# Pure functions of their arguments, which any thread may call: file -> their names, or all of them.
PURE = {"atomics.pxd": None, "poller.pxd": None, "threads.pxd": None, "wakeup.pxd": None}


def header(path: Path) -> str:
    """The comment, or the docstring, with which a file begins."""
    text = path.read_text()
    if text.startswith('"""'):
        return text[3 : text.index('"""', 3)]
    return "\n".join(line for line in text.split("\n\n", maxsplit=1)[0].splitlines() if line.startswith("#"))


@needs_source
def test_shared_functions_say_their_thread() -> None:
    silent = []
    for declaration in files("pxd"):
        if declaration.name in PURE or THREAD.search(header(declaration)):
            continue
        definition = declaration.with_suffix(".pyx")
        said: dict[str, str] = {}
        for path in (declaration, definition):
            for function in functions(path) if path.exists() else ():
                said[function.name] = said.get(function.name, "") + function.said
        silent += [
            f"{declaration.name}:{function.line}: {function.name}"
            for function in functions(declaration)
            if not THREAD.search(said[function.name])
        ]
    assert not silent, "nothing says which thread may call:\n" + "\n".join(silent)
