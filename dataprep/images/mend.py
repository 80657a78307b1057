"""Files that are damaged, and yet have all their pixels: what is wrong around the pixels is mended, and said.

A JPEG is mended only as far as a strict decoder then reads it without a complaint, to the pixels that lenient ones give it. What
lacks pixels, or holds wrong ones as far as that can be known, is left to fail.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

MENDS: Final = 8
"""A JPEG of more faults is given up."""

# in a JPEG, of those that are not part of the pixels; without the bytes FF that may fill before it, which a search would begin at
# again and again
MARKER: Final = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
STRAY: Final = re.compile(r"(\d+) extraneous bytes before marker 0x(\w\w)")
REVISION: Final = "unknown JFIF revision"
NO_END: Final = "Premature end of JPEG file"
JFIF: Final = b"JFIF\x00"
END_OF_IMAGE, START_OF_SCAN = 0xD9, 0xDA
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MOST: Final = 4  # components, of those that are decoded
HUFFMAN: Final = (0xC0, 0xC1, 0xC2)  # of the arithmetic code nobody can tell that it ends early
FEW: Final = 64  # stray bytes behind pixels: more, unless all are alike, are pixels that were not understood


class Mended(NamedTuple):
    """A file that has all its pixels.

    Attributes:
        data: Its bytes, mended.
        remark: What was wrong, in few words.
        end: Where in them the pixels end that stray bytes were behind; None where there were none.
    """

    data: bytes
    remark: str
    end: int | None = None


def is_mendable(complaint: str) -> bool:
    """Whether what libjpeg-turbo complains of may leave all the pixels in place."""
    return NO_END in complaint or REVISION in complaint or STRAY.search(complaint) is not None


def mend_jpeg(data: bytes, complaint: str) -> Mended | None:
    """Returns a JPEG without the fault that libjpeg-turbo found first, None where it is none to mend."""
    if NO_END in complaint:
        return Mended(data + b"\xff\xd9", "no end marker") if _has_all_scans(data) else None
    if REVISION in complaint and JFIF in data:
        at = data.index(JFIF) + len(JFIF)
        return Mended(data[:at] + b"\x01\x01" + data[at + 2 :], "unknown version of JFIF")
    stray = STRAY.search(complaint)
    return _without_stray(data, int(stray[1]), int(stray[2], 16)) if stray else None


def count_scans(data: bytes) -> int:
    """Returns the number of scans of a JPEG up to its end."""
    return sum(code == START_OF_SCAN for code, *_ in segments(data))


def segments(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yields the marker, start, end of what comes before, and payload, of each segment of a JPEG, up to its end."""
    before = 2
    while (marker := MARKER.search(data, before)) is not None:
        length = int.from_bytes(data[marker.end() : marker.end() + 2], "big")
        end = before + len(data[before : marker.start()].rstrip(b"\xff"))
        yield marker[1][0], before, end, data[marker.end() + 2 : marker.end() + length]
        if marker[1][0] == END_OF_IMAGE:
            return
        before = marker.end() + length


def _has_all_scans(data: bytes) -> bool:
    """Whether each component of a JPEG was sent with all its frequencies, to the last bit."""
    lacking: set[tuple[int, int]] | None = None  # component and frequency
    for code, _, _, payload in segments(data):
        if code in HUFFMAN:
            lacking = {(component, index) for component in payload[6 : 6 + 3 * MOST : 3] for index in range(64)}
        elif code == START_OF_SCAN and len(payload) >= 4 and lacking and payload[-1] & 15 == 0:
            lacking -= {
                (component, index) for component in payload[1:-3][: 2 * MOST : 2] for index in range(payload[-3], payload[-2] + 1)
            }
    return lacking == set()


def _without_stray(data: bytes, count: int, wanted: int) -> Mended | None:
    """Returns a JPEG without so many bytes before the first marker of a kind that has them."""
    in_scan = False
    for code, start, end, _ in segments(data):
        if code == wanted and end - start >= count:
            stray = data[end - count : end]
            if in_scan and count > FEW and len(set(stray)) > 1:
                return None
            name = "the end marker" if code == END_OF_IMAGE else f"the marker {code:02X}"
            remark = f"{count} stray bytes before {name}"
            return Mended(data[: end - count] + data[end:], remark, end - count if in_scan else None)
        in_scan = code == START_OF_SCAN
    return None


def with_last_zero_set(pixels: bytes) -> bytes:
    """Returns entropy-coded data with the last bit that is 0 set, so that a byte which becomes FF is followed by 0."""
    at = len(pixels) - 1
    while at > 0 and (pixels[at] == 0xFF or (pixels[at] == 0 and pixels[at - 1] == 0xFF)):
        at -= 1
    byte = pixels[at] | pixels[at] + 1
    return pixels[:at] + bytes([byte, 0] if byte == 0xFF else [byte]) + pixels[at + 1 :]
