"""Checks the built site: every link leads to a page and a place on it, and nothing that a page needs is fetched from elsewhere.

python docs/site/links.py build/site               what is within the site, without a network
python docs/site/links.py build/site --external    the links that lead out of it, too
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.parse import unquote, urldefrag, urlsplit
from urllib.request import Request, urlopen

OUTSIDE: Final = ("http", "https")
SECONDS: Final = 20


class Links(HTMLParser):
    """What a page has: the places that can be linked to, the links, and what a browser fetches to show it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.places: set[str] = {"", "top", "__skip"}
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes what a tag says."""
        said = {name: value for name, value in attrs if value}
        self.places |= {said[name] for name in ("id", "name") if name in said}
        if tag == "a" or said.get("rel") in ("canonical", "next", "prev"):
            self.links += [said["href"]] if "href" in said else []
        else:
            self.fetched += [said[name] for name in ("href", "src") if name in said]


def main(site: Path, *, external: bool) -> int:
    """Prints what is wrong, and returns how many things that are."""
    pages = {path.resolve(): Links(path) for path in sorted(site.rglob("*.html"))}
    wrong = [fault for page in pages.values() for fault in _faults(page, pages, site)]
    wrong += [f"{sheet}: fetches {url}" for sheet in sorted(site.rglob("*.css")) for url in _imported(sheet)]
    outside = {link for page in pages.values() for link in page.links if urlsplit(link).scheme in OUTSIDE}
    if external:
        wrong += [f"{link}: {fault}" for link in sorted(outside) if (fault := _unreachable(link))]
    links = sum(len(page.links) for page in pages.values())
    wrong += [] if pages else [f"{site} has no page"]
    print(*wrong, f"{len(pages)} pages, {links} links, {len(outside)} places outside; {len(wrong)} wrong", sep="\n")
    return len(wrong)


def _faults(page: Links, pages: dict[Path, Links], site: Path) -> Iterator[str]:
    """Yields what is wrong with a page."""
    for link in page.fetched + page.links:
        if urlsplit(link).scheme in OUTSIDE:
            if link in page.fetched:
                yield f"{page.path}: fetches {link}"
            continue
        if urlsplit(link).scheme:
            continue
        name, place = urldefrag(link)
        # a page that a server gives for whatever is missing links from the root
        target = site / name.lstrip("/") if name.startswith("/") else page.path.parent / unquote(name)
        target = (target if name else page.path).resolve()
        if not target.is_file():
            yield f"{page.path}: {link} leads nowhere"
        elif target in pages and unquote(place) not in pages[target].places:
            yield f"{page.path}: {link} has no such place"


def _imported(sheet: Path) -> list[str]:
    return re.findall(r"url\(['\"]?(https?:[^)'\"]+)", sheet.read_text(encoding="utf-8"))


def _unreachable(link: str) -> str:
    """Returns why a link outside cannot be followed, nothing where it can."""
    try:
        with urlopen(Request(link, headers={"User-Agent": "dataprep docs"}), timeout=SECONDS):
            return ""
    except (URLError, TimeoutError) as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]), external="--external" in sys.argv[2:])))
