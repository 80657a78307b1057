"""The sets of the bench: pictures of which none may be dropped, and photographs with copies and faults that are to be found."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from drawn import characters, digits, hands, letters, sketches
from graphics import buttons, cards, catalogue, class_masks, clocks, icons, masks, plots, qr_codes, road_signs, screenshots
from numpy.random import Generator
from paper import forms, pages, signed_pages
from photographs import Photos, copies, faces, faulty, from_folder, packaged, photographs, real_tiles, small
from pictures import Picture, Pictures, generator_of, numbered
from science import cells, deep_x_rays, nuclei, satellite, smears, stars, x_rays
from shops import products, shirts

SEED = 0


class Distinct(NamedTuple):
    """A set of good pictures no two of which are copies.

    Attributes:
        name: What it is called.
        kind: What its pictures are.
        count: How many there are at the most.
        draw: Yields them.
    """

    name: str
    kind: str
    count: int
    draw: Callable[[Generator], Iterator[Picture]]

    def make(self, times: float = 1, seed: int = SEED) -> Pictures:
        """Returns the pictures, some times as many as usual where there is no end of them."""
        drawn = self.draw(generator_of(self.name, seed))
        return Pictures(self.name, self.kind, numbered(drawn, round(self.count * times)))


DISTINCT = (
    Distinct("photographs", "photograph", 100, lambda generator: photographs(packaged)),
    Distinct("photographs, 32 px", "photograph", 400, small),
    Distinct("faces, 32 px", "photograph", 100, faces),
    Distinct("products on white", "photograph", 200, products),
    Distinct("one shirt in colours", "photograph", 78, shirts),
    Distinct("hand signs", "photograph", 240, hands),
    Distinct("road signs", "photograph", 300, road_signs),
    Distinct("digits, 28 px", "drawing", 500, lambda generator: digits(generator, 28)),
    Distinct("digits, 32 px", "drawing", 500, lambda generator: digits(generator, 32)),
    Distinct("line drawings", "drawing", 300, sketches),
    Distinct("characters", "drawing", 320, characters),
    Distinct("letters of a font", "drawing", 300, letters),
    Distinct("black icons on transparency", "graphic", 400, icons),
    Distinct("coloured icons", "graphic", 220, buttons),
    Distinct("catalogue of road signs", "graphic", 168, catalogue),
    Distinct("cards, equally light", "graphic", 132, cards),
    Distinct("clock faces", "graphic", 200, clocks),
    Distinct("QR codes", "graphic", 150, qr_codes),
    Distinct("masks", "graphic", 250, masks),
    Distinct("masks of class numbers", "graphic", 200, class_masks),
    Distinct("plots", "graphic", 180, plots),
    Distinct("screenshots", "graphic", 120, screenshots),
    Distinct("one form, filled", "document", 100, forms),
    Distinct("pages", "document", 120, pages),
    Distinct("pages, nearly empty", "document", 120, signed_pages),
    Distinct("chest X-rays, 8 bits", "scientific", 120, x_rays),
    Distinct("chest X-rays, 12 of 16 bits", "scientific", 120, deep_x_rays),
    Distinct("blood smears", "scientific", 100, smears),
    Distinct("blood cells on black", "scientific", 200, cells),
    Distinct("tissue", "scientific", 100, real_tiles("ihc.png", 64)),
    Distinct("nuclei, fluorescent", "scientific", 150, nuclei),
    Distinct("stars", "scientific", 200, stars),
    Distinct("galaxies", "scientific", 100, real_tiles("hubble_deep_field.jpg", 96)),
    Distinct("satellite tiles, 16 bits", "scientific", 160, satellite),
)
"""Every picture that is dropped is dropped wrongly."""


def planted(photos: Photos = packaged, count: int = 40) -> tuple[Pictures, Pictures]:
    """Returns photographs with their copies, and photographs with what spoils them."""
    return (
        Pictures("copies of photographs", "photograph", tuple(copies(photos, count))),
        Pictures("faults of photographs", "photograph", tuple(faulty(photos, count))),
    )


def of_folder() -> tuple[Pictures, Pictures, Pictures] | None:
    """Returns the photographs of the folder that DATAPREP_PHOTOS names, and 80 with copies and faults; None without a folder."""
    if not os.environ.get("DATAPREP_PHOTOS"):
        return None
    good = Pictures("photographs of the folder", "photograph", tuple(photographs(from_folder)))
    return (good, *planted(from_folder, 80))
