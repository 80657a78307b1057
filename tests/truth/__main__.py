"""Writes the section of docs/measures.md on how often the rules are right, and prints it.

python tests/truth                          # the page, from drawn and packaged pictures; the environment plays no part
python tests/truth --folder                 # prints the same of the photographs that DATAPREP_PHOTOS names, and writes nothing
python tests/truth --times 3                # prints it for three times as many pictures, and writes nothing
python tests/truth --sheets FOLDER          # and draws what was dropped wrongly beside its twins
python tests/truth --overview FOLDER        # only draws the first pictures of each set
"""

import argparse
import sys
from pathlib import Path

import cv2
from pictures import Pictures
from sets import DISTINCT, planted
from sheets import overview, write_sheets
from table import PAGE, dropped, folder_section, insert, section

from dataprep.manifest import Manifest


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python tests/truth", description="How often the rules are right.")
    parser.add_argument("--folder", action="store_true", help="of the photographs that DATAPREP_PHOTOS names")
    parser.add_argument("--times", type=float, default=1, help="how many times as many pictures")
    parser.add_argument("--sheets", type=Path, help="a folder for what was dropped wrongly, beside its twins")
    parser.add_argument("--overview", type=Path, help="a folder for the first pictures of each set; nothing is measured")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.overview is not None:
        options.overview.mkdir(parents=True, exist_ok=True)
        for pictures in (*(each.make() for each in DISTINCT), *planted()):
            overview(pictures).save(options.overview / f"{pictures.name.replace(' ', '-')}.png")
        return

    def seen(pictures: Pictures, manifest: Manifest) -> None:
        if options.sheets is not None and not pictures.name.startswith(("copies", "faults")):
            write_sheets(options.sheets, pictures, dropped(manifest))

    found = folder_section(seen=seen) if options.folder else section(times=options.times, seen=seen)
    sys.stdout.write(found)
    if not options.folder and options.times == 1:
        PAGE.write_text(insert(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
