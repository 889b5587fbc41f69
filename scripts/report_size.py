"""Reports how large an installation of Tandem is, and how large it is compressed: `make size`. Exit code 1: more than MOST.

It installs what requirements/run.txt locks into an environment of its own under .tools, and adds Tandem's packages. That is the
tree that the Dockerfile adds to its Python image, without bytecode.
"""

import gzip
import io
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".tools/bin/uv"
ENVIRONMENT = ROOT / ".tools/size"
PACKAGES = ("api", "domain", "migrations", "runtime", "workers", "xero")
MEGABYTE = 1_000_000
MOST = 150 * MEGABYTE


class Counter(io.RawIOBase):
    """A file that keeps only the number of bytes written to it."""

    size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        count = memoryview(data).nbytes
        self.size += count
        return count


def measure(folders: list[Path]) -> tuple[int, int]:
    """The bytes of all files in the folders, and the bytes of a tar.gz of them. Links and bytecode are left out."""
    plain, packed = 0, Counter()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as archive,
    ):
        for folder in folders:
            for file in sorted(folder.rglob("*")):
                if file.is_file() and not file.is_symlink() and file.suffix != ".pyc":
                    plain += file.stat().st_size
                    archive.add(file, str(file.relative_to(folder.parent)))
    return plain, packed.size


def main() -> None:
    python = ENVIRONMENT / "bin/python"
    subprocess.run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT], check=True)
    locked = ROOT / "requirements/run.txt"
    subprocess.run([UV, "pip", "sync", "--quiet", "--python", python, "--require-hashes", locked], check=True)
    plain, packed = measure([ENVIRONMENT / "lib", *(ROOT / name for name in PACKAGES)])
    print(
        f"installed: {plain / MEGABYTE:.0f} MB, compressed: {packed / MEGABYTE:.0f} MB (at most {MOST // MEGABYTE})"
    )
    if packed > MOST:
        sys.exit("The installation is larger than it may be.")


if __name__ == "__main__":
    main()
