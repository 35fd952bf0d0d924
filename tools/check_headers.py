"""Compiles each header of the core alone, with every warning an error.

Generated C cannot pass the stricter warnings used here, and a header included there would hide behind that.
Alone, a header must be complete (include what it uses) and clean, in a release and in a debug build.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

CORE = Path(__file__).resolve().parent.parent / "src" / "urlmon_core"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wstrict-prototypes", "-Werror"]
VARIANTS = [[], ["-DURLMON_DEBUG=1"]]


def compiles(header: Path, variant: list[str]) -> bool:
    """Whether a file that includes only `header` compiles without a warning; the compiler says why not."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    command = [*compiler, "-std=gnu11", "-D_GNU_SOURCE", *WARNINGS, *variant]
    command += ["-isystem", sysconfig.get_path("include"), "-iquote", str(CORE)]
    command += ["-x", "c", "-c", "-", "-o", os.devnull]
    # Included, not compiled as the main file: there, unused static functions would be reported.
    done = subprocess.run(command, input=f'#include "{header.name}"\n', text=True, check=False)
    return done.returncode == 0


def main() -> int:
    """Checks every header; returns 1 if any failed."""
    headers = sorted(CORE.glob("*.h"))
    failed = [header.name for header in headers if not all(compiles(header, variant) for variant in VARIANTS)]
    print(f"{len(headers)} headers checked, failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
