"""What the site has beside the pages in docs/: those at the root of the repository, and the files that pages link to.

A page is written for the repository, with links between files. Here a link to README.md becomes one to the home page, one to a
program or a folder one to a page that shows it, and the name of anything public one to its place in the reference.
"""

import ast
import html
import json
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[2]
AT_ROOT: Final = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Pages outside docs/, and what they are on the site."""

SHOWN: Final = "source"
"""The folder of the site with the files that are shown as they are."""

LINK: Final = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")
LANGUAGES: Final = {".py": "python", ".toml": "toml", ".c": "c", ".json": "json"}
UNTOUCHED: Final = re.compile(r"(<pre.*?</pre>|<a .*?</a>|<h[1-6].*?</h[1-6]>)", re.DOTALL)
NAME: Final = re.compile(r"<code>((?:dp\.)?)(\w+)((?:\.\w+)*)((?:\([^<]*\))?)</code>")

PUBLIC: Final = frozenset(
    alias.asname
    for statement in ast.parse((ROOT / "dataprep/__init__.pyi").read_text(encoding="utf-8")).body
    if isinstance(statement, ast.ImportFrom)
    for alias in statement.names
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages from the root, and a page for each file that a page links to."""
    texts = {f"docs/{page.src_uri}": page.content_string for page in files.documentation_pages()}
    for name, uri in AT_ROOT.items():
        texts[name] = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, uri, content=texts[name]))
    linked = {target for name, text in texts.items() for target in _linked(name, text)}
    for target in sorted(linked.union(*map(_inside, linked))):
        if _uri(target).startswith(SHOWN):
            files.append(File.generated(config, _uri(target), content=_shown(target)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Makes links between files those between pages, and has the options of a page of the reference hold for all on it."""
    uri = page.file.src_uri
    if uri == AT_ROOT["README.md"]:
        page.meta["hide"] = ["navigation"]  # it has none beside itself
    name = next((name for name, at in AT_ROOT.items() if at == uri), f"docs/{uri}")

    def link(found: re.Match[str]) -> str:
        target = _target(name, found[1])
        if target is None:
            return found[0]
        return f"]({posixpath.relpath(_uri(target), posixpath.dirname(uri) or '.')}{found[2] or ''})"

    if uri.startswith(SHOWN):
        return markdown
    options = json.dumps(page.meta.get("options", {}))
    return re.sub(r"^(::: \S+)$(?!\n    )", rf"\1\n    options: {options}", LINK.sub(link, markdown), flags=re.MULTILINE)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Makes what is public a link to the reference, wherever text names it."""
    parts = UNTOUCHED.split(html)
    parts[::2] = [NAME.sub(_reference, part) for part in parts[::2]]
    return "".join(parts)


def _reference(found: re.Match[str]) -> str:
    """Links a name such as `Loader`, `dp.clean("photos")` or `Manifest.kept()`; `split` alone may be a column."""
    prefix, name, inner, _ = found.groups()
    if name not in PUBLIC or not (prefix or "_" in name or name[0].isupper()):
        return found[0]
    return f'<autoref optional identifier="dataprep.{name}{inner}">{found[0]}</autoref>'


def _target(page: str, link: str) -> str | None:
    """Returns the path below the root of what a page links to, None where it is no file of the repository."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    return path if not path.startswith("..") and (ROOT / path).exists() else None


def _linked(page: str, text: str) -> set[str]:
    return {target for link, _ in LINK.findall(text) if (target := _target(page, link))}


def _inside(target: str) -> Iterable[str]:
    """Yields the programs of a folder."""
    return (path.relative_to(ROOT).as_posix() for path in sorted((ROOT / target).glob("*.py")))


def _uri(target: str) -> str:
    """Returns where the site has a file of the repository."""
    if target.startswith("docs/"):
        return target.removeprefix("docs/")
    return AT_ROOT.get(target, f"{SHOWN}/{target}.md")


def _shown(target: str) -> str:
    """Returns the page that shows a file, or what is in a folder."""
    path, head = ROOT / target, "---\nsearch: {exclude: true}\n---\n# " + target
    if path.is_dir():
        inside = {inner: posixpath.relpath(inner, posixpath.dirname(target) or ".") for inner in _inside(target)}
        lines = [f"- [{posixpath.basename(inner)}]({link}.md): {_says(inner)}" for inner, link in inside.items()]
        return f"{head}\n\n" + "\n".join(lines)
    return f"{head}\n\n````{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text(encoding='utf-8').rstrip()}\n````\n"


def _says(target: str) -> str:
    """Returns the first line of what a program says of itself."""
    said = ast.get_docstring(ast.parse((ROOT / target).read_text(encoding="utf-8"))) or ""
    return html.escape(said.partition("\n")[0], quote=False)
