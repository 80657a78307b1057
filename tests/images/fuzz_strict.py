"""Differential fuzzing of the strict decoder of JPEG: what it takes has the pixels of simplejpeg and no fault.

Boxes of an image are compared with what libjpeg-turbo makes of them, which reads a file as far as a box needs it.

`python tests/images/fuzz_strict.py --mutants 1000000` runs for long, test_fuzz_strict.py shortly. The decoder is a process of its
own, compiled with AddressSanitizer and UndefinedBehaviorSanitizer, which end it at the first fault.
"""

import argparse
import hashlib
import random
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import simplejpeg
from strict_mutants import mutants

from dataprep.types import Image

SOURCES: Final = Path(__file__).parents[2] / "dataprep" / "images" / "native"  # an installed package has none
PARTS: Final = ("head", "strict", "scan", "huffman", "transform", "transform_wide", "colour", "taps")
FLAGS: Final = "-g -O2 -fsanitize=address,undefined -fno-sanitize-recover=all".split()
Modes: TypeAlias = list[tuple[int, int]]
"""Scales of luminance and of RGB, 0 for nothing."""
MODES: Final[Modes] = [(1, 0), (2, 0), (4, 0), (8, 0), (0, 1), (0, 2), (0, 4), (0, 8), (2, 8), (8, 1)]  # as in fuzz_strict.c
BATCH: Final = 2_000  # mutants of one seed and one process
A_FILE: Final = 3  # modes that each mutant is decoded in, drawn by chance


class FaultError(AssertionError):
    """A file that the decoder takes, and should not, or decodes to other pixels."""


class Decoder:
    """The decoder in a process of its own."""

    def __init__(self, program: Path) -> None:
        self.boxes = 0  # that were taken so far
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def planes(self, data: bytes, modes: Modes, seed: int = 0) -> Iterator[list[Image] | None]:
        """Yields what each mode, in the order of `MODES`, makes of a file, None for nothing; tries boxes by chance besides."""
        assert self.process.stdin is not None
        self.process.stdin.write(struct.pack("=III", len(data), sum(1 << MODES.index(mode) for mode in modes), seed) + data)
        self.process.stdin.flush()
        for gray, rgb in modes:
            taken = self._numbers(1)[0]
            yield [self._plane(channels) for scale, channels in ((gray, 1), (rgb, 3)) if scale] if taken else None
        self.boxes += self._numbers(1)[0]

    def close(self) -> None:
        """Ends the process, which has to have nothing to say."""
        _, said = self.process.communicate()
        if self.process.returncode or said:
            raise FaultError(said.decode(errors="replace")[-4000:])

    def _plane(self, channels: int) -> Image:
        height, width = self._numbers(2)
        pixels = np.frombuffer(self._read(height * width * channels), np.uint8)
        return pixels.reshape((height, width) if channels == 1 else (height, width, channels))

    def _numbers(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"={count}I", self._read(4 * count))

    def _read(self, size: int) -> bytes:
        assert self.process.stdout is not None
        found = self.process.stdout.read(size)
        if len(found) < size:
            self.close()
            raise FaultError("the decoder ended")
        return found


def compile_decoder(program: Path) -> str | None:
    """Compiles the decoder with sanitizers, with libjpeg-turbo if that is here; returns why not where it cannot."""
    sources = [str(SOURCES / f"{part}.c") for part in PARTS]
    command = ["gcc", *FLAGS, f"-I{SOURCES}", str(Path(__file__).with_suffix(".c")), *sources, "-o", str(program), "-lm"]
    for more in (["-DLIBJPEG", str(SOURCES / "part.c"), "-ljpeg"], []):
        try:
            done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        except OSError as error:
            return str(error)
        if done.returncode == 0:
            return None
    return done.stderr[-300:] or "gcc failed"


def expected(data: bytes, colour: str, scale: int) -> Image | None:
    """Returns what simplejpeg makes of a file; None where it may take another scale.

    Raises:
        FaultError: It finds a fault.
    """
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        least = {"min_height": -(-height // scale), "min_width": -(-width // scale)} if scale > 1 else {}
        image: Image = simplejpeg.decode_jpeg(data, colour, **least)
    except (ValueError, KeyError) as error:
        raise FaultError(f"taken at 1/{scale} in {colour}, though simplejpeg says: {error}") from None
    if scale > 1 and min(height, width) < 8:
        return None
    return image[..., 0] if colour == "GRAY" else image


def compare(decoder: Decoder, data: bytes, modes: Modes = MODES, seed: int = 0) -> int:
    """Returns in how many of some modes, which are in the order of `MODES`, a file was taken.

    Raises:
        FaultError: simplejpeg finds a fault in it, or other pixels.
    """
    known: dict[tuple[str, int], Image | None] = {}
    taken = 0
    for (gray, rgb), planes in zip(modes, list(decoder.planes(data, modes, seed)), strict=True):
        if planes is None:
            continue
        taken += 1
        asked = [(colour, scale) for colour, scale in (("GRAY", gray), ("RGB", rgb)) if scale]
        for plane, (colour, scale) in zip(planes, asked, strict=True):
            if (colour, scale) not in known:
                known[colour, scale] = expected(data, colour, scale)
            image = known[colour, scale]
            if image is not None and not np.array_equal(plane, image):
                raise FaultError(f"other pixels at 1/{scale} in {colour}")
    return taken


class Counts(NamedTuple):
    """What came of some mutants: how many there were, of how many some pixels were taken, in how many modes and boxes in all."""

    mutants: int = 0
    taken: int = 0
    modes: int = 0
    boxes: int = 0


def fuzz(decoder: Decoder, seed: int, count: int) -> Counts:
    """Compares so many mutants, each in some modes.

    Raises:
        FaultError: One of them is decoded otherwise; the error has it attached, as `data`.
    """
    counts, draws = Counts(), random.Random(seed)
    for data in mutants(seed, count):
        try:
            some = [MODES[place] for place in sorted(draws.sample(range(len(MODES)), A_FILE))]
            modes = compare(decoder, data, some, draws.getrandbits(32))
        except FaultError as fault:
            fault.data = data  # type: ignore[attr-defined]
            raise
        counts = Counts(counts.mutants + 1, counts.taken + (modes > 0), counts.modes + modes, decoder.boxes)
    return counts


def main() -> None:
    """Runs from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=100_000, help="how many files to try")
    parser.add_argument("--seed", type=int, default=0, help="which ones: another number tries others")
    parser.add_argument("--folder", type=Path, default=Path(), help="where files that show a fault are written")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "decoder"
        if (why := compile_decoder(program)) is not None:
            sys.exit(why)
        total, faults = Counts(), 0
        for seed in range(-(-arguments.mutants // BATCH)):
            decoder = Decoder(program)
            try:
                counts = fuzz(decoder, arguments.seed * 1_000_000 + seed, min(BATCH, arguments.mutants - seed * BATCH))
                decoder.close()
            except FaultError as fault:
                data = getattr(fault, "data", b"")
                path = arguments.folder / f"fault-{hashlib.sha256(data).hexdigest()[:12]}.jpg"
                path.write_bytes(data)
                print(f"{path}: {fault}", flush=True)
                faults += 1
                decoder.process.kill()
                continue
            total = Counts(*map(sum, zip(total, counts, strict=True)))
            found = f"{total.mutants:,} mutants, {total.taken:,} taken, {total.modes:,} modes, {total.boxes:,} boxes"
            print(f"{found}, {faults} faults", flush=True)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
