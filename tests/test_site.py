"""The site: its navigation has every page, its reference every public name, and its check of links finds what is wrong."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import dataprep
import dataprep.testing

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FROM_ROOT = {"index.md", "changelog.md", "contributing.md", "security.md", "source/examples.md"}
"""Pages that the site has of what lies outside of docs/."""


def leaves(navigation: object) -> Iterator[str]:
    """Yields the pages of a navigation."""
    if isinstance(navigation, str):
        yield navigation
    elif isinstance(navigation, dict | list):
        for inner in navigation.values() if isinstance(navigation, dict) else navigation:
            yield from leaves(inner)


def test_navigation() -> None:
    """Every page is in the navigation once."""
    shown = Counter(leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    assert shown == Counter(FROM_ROOT | {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")})


def test_reference() -> None:
    """Every public name has one place in the reference."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md")))
    public = [f"dataprep.{name}" for name in dataprep.__all__] + [f"dataprep.testing.{name}" for name in dataprep.testing.__all__]
    assert sorted(re.findall(r"^::: (\S+)$", pages, re.MULTILINE)) == sorted(public)


def check(site: Path) -> subprocess.CompletedProcess[str]:
    """Runs the check of links."""
    command = [sys.executable, DOCS / "site/links.py", site]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("inside", "fault"),
    [
        ('<a href="missing.html">', "missing.html leads nowhere"),
        ('<a href="#missing">', "#missing has no such place"),
        ('<a href="index.html#missing">', "index.html#missing has no such place"),
        ('<img src="missing.png">', "missing.png leads nowhere"),
        ('<script src="https://example.org/script.js"></script>', "fetches https://example.org/script.js"),
    ],
)
def test_what_is_wrong_with_a_site(inside: str, fault: str, tmp_path: Path) -> None:
    """A link that leads nowhere is found, as is whatever a page would fetch from elsewhere."""
    page = '<h1 id="place">A page</h1><a href="https://example.org">out</a><a href="index.html#place">'
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    assert check(tmp_path).returncode == 0
    (tmp_path / "index.html").write_text(page + inside, encoding="utf-8")
    done = check(tmp_path)
    assert done.returncode == 1
    assert fault in done.stdout
