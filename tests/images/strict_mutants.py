"""JPEGs that are changed by chance, in their bytes and in what these mean, and ones that are made up from symbols."""

import random
import struct
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import numpy as np
import simplejpeg

from dataprep.testing import encoded, photo

SOF0, DHT, SOS, DQT, DRI = 0xC0, 0xC4, 0xDA, 0xDB, 0xDD
MARKERS: Final = [b"\xff" + bytes([code]) for code in (0, 0, 0xD0, 0xD1, 0xD7, 0xD8, 0xD9, 0xDC, 0xFF, 0x01, 0xFE)]
BYTES: Final = (0, 1, 2, 16, 17, 63, 64, 127, 128, 240, 254, 255)
Random = random.Random


@cache
def seeds() -> list[bytes]:
    """Returns small JPEGs of all kinds that the decoder takes, and some that it does not."""
    found = []
    for seed, (height, width) in enumerate([(8, 8), (16, 24), (33, 17), (40, 56), (9, 64)]):
        noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
        for image in (photo(seed, height, width), noise):
            for quality in (3, 30, 75, 98):
                found += [encoded(image, quality=quality, subsampling=kind, optimize=kind == seed % 3) for kind in range(3)]
                found.append(encoded(image[..., 0], quality=quality, optimize=bool(seed % 2)))
                found.append(simplejpeg.encode_jpeg(image, quality, colorsubsampling="440"))
            found.append(encoded(image, quality=60, restart_marker_blocks=1 + seed))
            found.append(encoded(image, quality=60, restart_marker_rows=1, subsampling=0))
        found.append(encoded(photo(seed, height, width), progressive=True))
    return found


def mutants(seed: int, count: int) -> Iterator[bytes]:
    """Yields so many JPEGs, each changed in one to four ways or made up, the same ones for the same seed."""
    draws = Random(seed)
    for _ in range(count):
        data = made_up(draws) if draws.random() < 0.25 else draws.choice(seeds())
        for _ in range(draws.choice((0, 1, 1, 1, 2, 4)) if data not in seeds() else draws.choice((1, 1, 1, 2, 4))):
            data = draws.choice(CHANGES)(draws, data)
        yield data


def segments_of(data: bytes) -> list[tuple[int, int, int]]:
    """Returns the marker of each segment up to the first scan's data, and where its payload starts and ends."""
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((data[at + 1], at + 4, min(end, len(data))))
        if data[at + 1] == SOS:
            break
        at = end
    return found


def scan_of(data: bytes) -> int:
    """Returns where the entropy code begins."""
    found = segments_of(data)
    return found[-1][2] if found and found[-1][0] == SOS else min(2, len(data))


def put(data: bytes, at: int, value: int) -> bytes:
    """Returns a file with another byte."""
    return data[:at] + bytes([value & 255]) + data[at + 1 :] if 0 <= at < len(data) else data


def any_byte(draws: Random) -> int:
    """Returns a byte, more often one at an edge of something."""
    return draws.choice(BYTES) if draws.random() < 0.5 else draws.randrange(256)


def in_segment(draws: Random, data: bytes, *markers: int) -> bytes:
    """Changes a byte of a segment of some kind."""
    places = [(start, end) for marker, start, end in segments_of(data) if marker in markers and end > start]
    if not places:
        return data
    return put(data, draws.randrange(*draws.choice(places)), any_byte(draws))


def in_scan(draws: Random, data: bytes) -> bytes:
    """Flips a bit of the entropy code."""
    start = scan_of(data)
    at = draws.randrange(start, len(data)) if start < len(data) else 0
    return put(data, at, data[at] ^ 1 << draws.randrange(8)) if data else data


def in_quantisation(draws: Random, data: bytes) -> bytes:
    """Changes one or many factors of a table."""
    tables = [(start, end) for marker, start, end in segments_of(data) if marker == DQT and end - start > 64]
    if not tables:
        return data
    start, end = draws.choice(tables)
    first = draws.randrange(start + 1, end)
    value = draws.choice((0, 1, 2, 8, 33, 128, 255, None))
    for at in range(first, min(end, first + draws.choice((1, 4, 64)))):
        data = put(data, at, any_byte(draws) if value is None else value)
    return data


def in_codes(draws: Random, data: bytes) -> bytes:
    """Moves a code of a Huffman table to another length, or gives it another symbol."""
    tables = [(start, end) for marker, start, end in segments_of(data) if marker == DHT and end - start > 17]
    if not tables:
        return data
    start, end = draws.choice(tables)
    one, other = (start + 1 + draws.randrange(16) for _ in range(2))
    if draws.random() < 0.5:
        return put(data, draws.randrange(start + 17, end), draws.choice((0, 0xF0, 1, 10, 11, 12, 0xFA, 0x10, any_byte(draws))))
    if data[one]:
        data = put(put(data, one, data[one] - 1), other, data[other] + 1)
    return data


def cut(draws: Random, data: bytes) -> bytes:
    """Ends somewhere, perhaps by the right marker."""
    return data[: draws.randrange(2, len(data) + 1)] + draws.choice((b"", b"\xff\xd9")) if len(data) > 2 else data


def insert(draws: Random, data: bytes) -> bytes:
    """Has a marker more, or a segment, or some bytes."""
    at = draws.randrange(scan_of(data), len(data) + 1) if draws.random() < 0.7 else draws.randrange(len(data) + 1)
    segment = struct.pack(">BBH", 0xFF, draws.choice((0xE0, 0xEE, 0xFE, DRI, DQT, DHT, SOF0, SOS)), 4) + draws.randbytes(2)
    return data[:at] + draws.choice((draws.choice(MARKERS), segment, draws.randbytes(draws.randrange(1, 9)))) + data[at:]


def remove(draws: Random, data: bytes) -> bytes:
    """Lacks some bytes."""
    at = draws.randrange(len(data) + 1)
    return data[:at] + data[at + draws.choice((1, 2, 3, 8, 30)) :]


def swap(draws: Random, data: bytes) -> bytes:
    """Has the entropy code of another file, or some of it."""
    other = draws.choice(seeds())
    mine, its = scan_of(data), scan_of(other)
    at = draws.choice((0, 0, draws.randrange(len(data) - mine + 1)))
    return data[: mine + at] + other[its + at :]


def in_headers(draws: Random, data: bytes) -> bytes:
    """Changes a byte of what says how an image is coded: frame, scan, tables, intervals."""
    return in_segment(draws, data, draws.choice((SOF0, SOF0, SOS, SOS, DHT, DQT, DRI, 0xE0)))


def anywhere(draws: Random, data: bytes) -> bytes:
    """Changes any byte."""
    return put(data, draws.randrange(len(data)), any_byte(draws)) if data else data


CHANGES: Final[tuple[Callable[[Random, bytes], bytes], ...]] = (
    *(in_scan,) * 4,
    *(in_headers,) * 3,
    in_quantisation,
    in_quantisation,
    in_codes,
    in_codes,
    cut,
    insert,
    remove,
    swap,
    anywhere,
)


class Bits:
    """Entropy code as it is written."""

    def __init__(self) -> None:
        self.value = self.count = 0

    def put(self, value: int, count: int) -> None:
        """Appends so many bits."""
        self.value, self.count = self.value << count | value, self.count + count

    def stuffed(self) -> bytes:
        """Returns the bytes, the last one filled up by ones."""
        spare = -self.count % 8
        data = (self.value << spare | (1 << spare) - 1).to_bytes((self.count + spare) // 8, "big")
        return data.replace(b"\xff", b"\xff\0")


def words_of(data: bytes) -> dict[int, dict[int, tuple[int, int]]]:
    """Returns the words of the Huffman tables by what marks a table, and symbol: each a number and how many bits it has."""
    found: dict[int, dict[int, tuple[int, int]]] = {}
    for marker, at, end in segments_of(data):
        while marker == DHT and at + 17 <= end:
            word, words, place = 0, {}, at + 17
            for length in range(1, 17):
                for _ in range(data[at + length]):
                    words[data[place]] = (word, length)
                    word, place = word + 1, place + 1
                word <<= 1
            found[data[at]], at = words, place
    return found


@cache
def heads() -> list[bytes]:
    """Returns what is before the entropy code of each seed that is baseline, without restart markers."""
    found = [seed[: scan_of(seed)] for seed in seeds()]
    return [head for head in found if not {marker for marker, *_ in segments_of(head)} & {0xC2, DRI}]


def made_up(draws: Random) -> bytes:
    """Returns a file with the head of another, and pixels made up from symbols: any means, runs and ends of blocks."""
    data = draws.choice(heads())
    frame = next(start for marker, start, _ in segments_of(data) if marker == SOF0)
    height, width = draws.choice(((8, 8), (16, 16), (24, 40)))
    data = data[: frame + 1] + struct.pack(">HH", height, width) + data[frame + 5 :]
    components, words, bits = data[frame + 5], words_of(data), Bits()
    across, down = (data[frame + 7] >> 4, data[frame + 7] & 15) if components > 1 else (1, 1)
    scale = draws.choice((1, 1, 4, 30, 300, 2047))
    for _ in range(-(-height // (8 * down)) * -(-width // (8 * across))):
        for component in range(components):
            table = min(component, 1)
            for _ in range(across * down if component == 0 else 1):
                put_block(draws, bits, words[table], words[0x10 | table], scale)
    return data + bits.stuffed() + b"\xff\xd9"


def put_block(
    draws: Random, bits: Bits, means: dict[int, tuple[int, int]], codes: dict[int, tuple[int, int]], scale: int
) -> None:
    """Writes a block of symbols that the tables have: full, sparse, with long runs of zeros, up to the end or beyond."""
    put_value(draws, bits, means, draws.choice([size for size in means if 1 << size <= 2 * scale] or [min(means)]))
    step, stop = 0, draws.choice((0, 0, 3, 10, 62, 63, 63, 64))
    kinds = [symbol for symbol in codes if 0 < symbol & 15 < 11 and 1 << (symbol & 15) <= 2 * scale] or list(codes)
    if draws.random() < 0.3:
        kinds = [symbol for symbol in kinds if symbol < 0x10] or kinds
    while step < stop:
        symbol = draws.choice(kinds) if draws.random() < 0.9 else draws.choice([0xF0 if 0xF0 in codes else max(codes)])
        if step + (symbol >> 4) + 1 > 63 and draws.random() < 0.97:
            fitting = [kind for kind in kinds if step + (kind >> 4) + 1 <= 63]
            if not fitting or draws.random() < 0.3:
                break
            symbol = draws.choice(fitting)
        step += (symbol >> 4) + 1
        put_value(draws, bits, codes, symbol)
    if step < 63 and 0 in codes:
        bits.put(*codes[0])


def put_value(draws: Random, bits: Bits, words: dict[int, tuple[int, int]], symbol: int) -> None:
    """Writes a symbol and some value that it announces."""
    bits.put(*words[symbol])
    if size := symbol & 15:
        bits.put(draws.choice((0, (1 << size) - 1, draws.getrandbits(size))), size)
