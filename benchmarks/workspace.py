"""The folder of one run: fresh, removed in the end, and cleaned of what killed runs left."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from wayside_standalone.lock import DirectoryLock, holder
from wayside_standalone.process import end_strays, processes_with

MARK = "WAYSIDE_BENCHMARK_DIRECTORY"
"""The environment variable by which the next run knows what a killed one left behind."""

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def workspace() -> Iterator[Path]:
    """Make a folder for one run and remove it in the end."""
    root = Path(gettempdir()) / f"wayside-benchmarks-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    with DirectoryLock(root):
        for old in (path for path in root.iterdir() if path.is_dir() and holder(path) is None):
            end_strays(processes_with(MARK, str(old)))
            shutil.rmtree(old, ignore_errors=True)
        folder = Path(mkdtemp(dir=root))
        lock = DirectoryLock(folder).__enter__()
    try:
        yield folder
    finally:
        lock.__exit__()
        shutil.rmtree(folder, ignore_errors=True)
