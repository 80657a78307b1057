"""The pages: their code runs, and their links lead somewhere."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"(?:^<!-- needs: (?P<needs>.+) -->\n)?^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of Python, and above it the libraries that it needs beside those that dataprep itself does."""

PAGES = sorted(path.name for path in DOCS.glob("*.md") if BLOCK.search(path.read_text(encoding="utf-8")))


def is_installed(name: str) -> bool:
    """Returns whether a module can be imported."""
    package, _, _ = name.rpartition(".")
    return (not package or is_installed(package)) and find_spec(name) is not None


def program(text: str) -> str:
    """Returns the blocks of a page that can run here as one program, each on the lines that it has on the page."""
    lines = [""] * text.count("\n")
    for block in BLOCK.finditer(text):
        if all(is_installed(name) for name in (block["needs"] or "dataprep").split(", ")):
            code, start = block["code"].splitlines(), text.count("\n", 0, block.start("code"))
            lines[start : start + len(code)] = code
    return "\n".join(lines)


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks(page: str, tmp_path: Path) -> None:
    """The Python blocks of a page run as one program, as a reader would run them, without a warning."""
    script = tmp_path / f"{page}.py"
    script.write_text(program((DOCS / page).read_text(encoding="utf-8")), encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_page_for_extenders_has_code() -> None:
    """What is parametrised over the pages with code is not empty."""
    assert "extending.md" in PAGES


def anchors(page: Path) -> set[str]:
    """Returns what the headings of a page are linked by."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")]), ids=lambda page: page.name)
def test_links(page: Path) -> None:
    """Every link within the repository leads to a file, and to a heading where it names one."""
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
