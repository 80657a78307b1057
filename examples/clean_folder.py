"""Cleans a folder from Python, asks the manifest what happened, and decides anew without reading an image.

python examples/clean_folder.py PHOTOS --out OUT
"""

import argparse
from pathlib import Path

import dataprep as dp


def main() -> None:
    """Cleans once with the standard rules and once more with stricter ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", help="a folder of images")
    parser.add_argument("--out", type=Path, default=Path("cleaned"), help="where the manifest goes")
    arguments = parser.parse_args()

    manifest = dp.clean(arguments.photos, cache=arguments.out / "cache")
    print(f"{len(manifest)} scanned, {manifest.kept().num_rows} kept")
    for reason, count in manifest.reasons().items():
        print(f"  {reason}: {count}")

    # Every image is a row; a dropped one says why, and a duplicate names the image that is kept for it.
    uris = manifest.table["uri"].to_pylist()
    for row in manifest.table.filter(~manifest.table["keep"].to_numpy()).to_pylist()[:5]:
        twin = "" if row["twin"] is None else f" of {uris[row['twin']]}"
        print(f"  {row['uri']}: {row['reason']}{twin} ({row['detail']})")

    # Other thresholds need no pixels: the manifest has the measures.
    stricter = manifest.judge(dp.Pipeline(*dp.standard_rules(min_sharpness=200, radius=10)))
    print(f"with stricter rules, {stricter.kept().num_rows} would be kept")

    manifest.write(arguments.out / "manifest.parquet")
    print(f"written: {arguments.out / 'manifest.parquet'}")


if __name__ == "__main__":
    main()
