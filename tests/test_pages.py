"""The pages: their code runs, and their links lead somewhere."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BLOCK = re.compile(
    r"^<!-- given: .*\n(?P<given>(?:.*\n)*?)-->$|"
    r"(?:^<!-- needs: (?P<needs>.+) -->\n)?(?:^<!-- exit: (?P<exit>\d+) -->\n)?(?P<not_run>^<!-- not run: .+ -->\n)?"
    r"^```(?P<language>python|bash)\n(?P<code>(?:.*\n)*?)^```$|"
    r"^<!-- file: (?P<file>.+) -->\n```\w+\n(?P<text>(?:.*\n)*?)^```$",
    re.MULTILINE,
)
"""What a page does: what it takes as given, in Python that readers do not see; its blocks of Python and of commands, each with
what it needs beside what dataprep does, its exit code if that is not 0, or why it is not run; and the files that it shows."""

PAGES = sorted(path for path in DOCS.rglob("*.md") if BLOCK.search(path.read_text(encoding="utf-8")))
LINKED = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def name(page: Path) -> str:
    """Returns what a page is called in the list of tests."""
    return page.relative_to(ROOT).as_posix()


def is_installed(name: str) -> bool:
    """Returns whether a module can be imported."""
    package, _, _ = name.rpartition(".")
    return (not package or is_installed(package)) and find_spec(name) is not None


def statements(block: re.Match[str]) -> list[str]:
    """Returns the lines of Python that do what a block says."""
    if block["file"]:
        return [
            f"Path({block['file']!r}).parent.mkdir(parents=True, exist_ok=True)",
            f"Path({block['file']!r}).write_text({block['text']!r})",
        ]
    if block["language"] == "bash":
        code = int(block["exit"] or 0)
        return [
            f"assert run(['bash', '-euo', 'pipefail', '-c', {block['code']!r}]).returncode == {code}, 'exit code is not {code}'"
        ]
    return (block["code"] or block["given"]).splitlines()


def program(text: str) -> str:
    """Returns what can run here of a page as one program, each statement on the line that it has on the page."""
    lines = ["from pathlib import Path; from subprocess import run", *[""] * text.count("\n")]
    for block in BLOCK.finditer(text):
        if not block["not_run"] and all(is_installed(name) for name in (block["needs"] or "dataprep").split(", ")):
            code, group = statements(block), next(name for name in ("code", "given", "text") if block[name] is not None)
            start = text.count("\n", 0, block.start(group))
            lines[start : start + len(code)] = code
    return "\n".join(lines)


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.slow] if page.parent.name == "how-to" else []) for page in PAGES], ids=name
)
def test_blocks(page: Path, tmp_path: Path) -> None:
    """The blocks of a page run as one program, as a reader would run them, and its Python without a warning."""
    script = tmp_path / f"{page.stem}.py"
    script.write_text(program(page.read_text(encoding="utf-8")), encoding="utf-8")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_for_extenders_has_code() -> None:
    """What is parametrised over the pages with code is not empty."""
    assert DOCS / "extending.md" in PAGES


def anchors(page: Path) -> set[str]:
    """Returns what the headings of a page are linked by."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKED, ids=name)
def test_links(page: Path) -> None:
    """Every link within the repository leads to a file, and to a heading where it names one."""
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
