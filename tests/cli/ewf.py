"""E01 as others see it: made by ewfacquire, judged by ewfverify, ewfexport and the Sleuth Kit."""

import hashlib
import re
import subprocess
import zlib
from pathlib import Path


def acquire(disk, image, *options) -> Path:
    """image: NAME.E01. ewfacquire gives the extension itself."""
    subprocess.run(["ewfacquire", "-u", "-q", "-t", str(image)[:-4], "-C", "case 7", "-E", "E-7", "-e", "B. Foreign",
                    "-S", "1M", *options, disk], check=True, capture_output=True)
    return Path(image)


def segments(image) -> list:
    """All files of an image, in order."""
    image = Path(image)
    return sorted(path for path in image.parent.iterdir()
                  if path.stem == image.stem and re.fullmatch(r"\.[E-Ze-z]([0-9]{2}|[A-Za-z]{2})", path.suffix))


def verifies(image) -> bool:
    return subprocess.run(["ewfverify", "-q", image], capture_output=True).returncode == 0


def content(image) -> bytes:
    out = subprocess.run(["ewfexport", "-q", "-u", "-f", "raw", "-t", "-", image], check=True, capture_output=True).stdout
    return out.removesuffix(b"ewfexport: SUCCESS\n")  # it says so on the stream of the content


def info(image) -> dict:
    text = subprocess.run(["ewfinfo", image], check=True, capture_output=True, text=True, env={"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}).stdout
    return dict(re.findall(r"^\t(.+?):\t+(.*)$", text, re.M))


def sections(path) -> list:
    """(type, offset, size with the descriptor) of one segment; every descriptor's checksum is checked."""
    data, at, out = Path(path).read_bytes(), 13, []
    while True:
        following = int.from_bytes(data[at + 16:at + 24], "little")
        assert zlib.adler32(data[at:at + 72]) == int.from_bytes(data[at + 72:at + 76], "little"), (path, at)
        out.append((data[at:at + 16].rstrip(b"\0").decode(), at, max(following - at, 76)))
        if out[-1][0] in ("next", "done"):
            return out
        at = following


def md5(data) -> str:
    return hashlib.md5(data).hexdigest()
