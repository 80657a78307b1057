"""One way in for every form in which people have images: what is given, looked at, and turned into the source that reads it.

    open_source("photos")                          a folder
    open_source(["photos", "more"])                several folders, or a list of files
    open_source("shots/*/*.jpg")                   a glob
    open_source("train.csv", root="images")        a table with a column of images
    open_source(frame)                             a data frame of pandas, polars or Arrow
    open_source("s3://bucket/photos")              objects of a store
    open_source("photos", labels="train.csv")      labels from a table

What is not understood is refused, with the form that is nearest.
"""

import glob
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from dataprep.errors import SourceError
from dataprep.files import is_url
from dataprep.images.formats import ENDINGS, is_image
from dataprep.protocols import Source
from dataprep.sources.beside import with_metadata, with_table
from dataprep.sources.braces import expand
from dataprep.sources.coco import open_coco, open_coco_folder
from dataprep.sources.files import Files, resolve
from dataprep.sources.folder import Folder, check_root
from dataprep.sources.guess import bytes_column, image_column, is_bytes
from dataprep.sources.labelled import Labelled, Noted, Selected
from dataprep.sources.levels import SPLITS, read_levels
from dataprep.sources.listing import Scan, counted, listed, quoted
from dataprep.sources.matching import match
from dataprep.sources.options import Options
from dataprep.sources.several import Several
from dataprep.sources.table import TABLES, images_below, open_paths, read_table, table_of
from dataprep.sources.values import Kind
from dataprep.sources.voc import is_voc, open_voc

COLUMNS: Final = ("image_column", "label_column", "label_as", "separator")
LEVELS: Final = ("label", "splits")
GLOBS: Final = ("include", "exclude")

LISTS: Final = (".txt", ".lst", ".list")
"""Endings of lists with a path a line."""

ARCHIVES: Final = (".zip", ".tar")
"""Endings of archives that are read."""

FORMS: Final = (
    "give a folder, several, a glob, a list of files, a CSV, TSV, JSONL or Parquet file, a data frame, a zip or tar archive, "
    "COCO or VOC annotations, a Hugging Face data set, or the URL of a place in a store"
)


def open_source(
    given: Any,
    *,
    root: str | os.PathLike[str] | None = None,
    labels: Any = None,
    image_column: str | None = None,
    label_column: str | Sequence[str] | None = None,
    label_as: Kind | None = None,
    separator: str | None = None,
    label: str | None = None,
    splits: bool | None = None,
    classes: Sequence[str] | None = None,
    include: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
) -> Source:
    """Returns the source of images that are given in any form; its `records()` say in `remarks` what was decided.

    Example:
        >>> source = dp.open_source("photos", label="parent", exclude="*.gif")

    Args:
        given: A folder, several, a glob, a list of files or of sources, sources by name, "-" for a list on standard input, a
            table's file, a data frame, an archive, annotations, a Hugging Face data set, or a source, which is returned as it is.
        root: What the paths of a list or a table are relative to; by default the folder of its file, or the working folder.
        labels: A table with labels of these images, as a file or a data frame.
        image_column: The column of a table that says which image a row is about; by default guessed from what it holds.
        label_column: The column of the label, or several that are 1 where the label of their name applies; by default guessed.
        label_as: What labels are: "class", "classes" (several for an image) or "number"; by default as the column is.
        separator: What parts several labels in one text, such as " ".
        label: Which part of a path is the label: "first", "parent", "none", or a regular expression; see `Folder`.
        splits: Whether the first folder names the split; see `Folder`.
        classes: The labels in the order of their numbers, such as those of another manifest.
        include: Globs of the images to take, whatever form they are given in.
        exclude: Globs of images and folders to leave out.

    Raises:
        SourceError: It is not understood, not there, or an option does not apply to it.
    """
    options = Options(
        root=root,
        labels=labels,
        image_column=image_column,
        label_column=label_column,
        label_as=label_as,
        separator=separator,
        label=label,
        splits=splits,
        classes=classes,
        include=include,
        exclude=exclude,
    )
    source = _labelled(given, options) if labels is not None else _open(given, options)
    return source if options.classes is None else Noted(source, options.classes)


def _labelled(given: Any, options: Options) -> Source:
    """Returns a source with labels of a table beside it."""
    columns = {name: getattr(options, name) for name in COLUMNS}
    plain = Options(**{name: getattr(options, name) for name in ("root", *LEVELS, *GLOBS)})
    if isinstance(given, str | os.PathLike) and os.path.isdir(given):
        given = Folder(os.fspath(given), **{name: getattr(options, name) for name in (*LEVELS, *GLOBS)})
        plain = Options()
    table = table_of(options.labels)
    name = "the table of labels" if table is not None else os.path.abspath(os.fspath(options.labels))
    if table is None:
        table = _read_table(name)
    return Labelled(_open(given, plain), name, table=table, options=Options(**columns))


def _open(given: Any, options: Options) -> Source:
    """Returns the source of what is given, by its type."""
    if isinstance(given, bytes):
        given = os.fsdecode(given)
    if isinstance(given, str | os.PathLike):
        return _open_path(os.fspath(given), options)
    if hasattr(given, "records") and hasattr(given, "read") and not isinstance(given, type):
        options.check("a source that is made already", *GLOBS)
        return _selected(given, options)  # it is a source, by its methods
    table = table_of(given)
    if table is not None:
        options.check("a data frame", "root", *COLUMNS, *LEVELS, *GLOBS)
        return _open_table(table, "the data frame", options.root or os.getcwd(), options)
    from dataprep.sources.huggingface import is_dataset, open_dataset

    if is_dataset(given):
        options.check("a data set of Hugging Face's", *COLUMNS, *GLOBS)
        return _selected(open_dataset(given, options), options)
    if isinstance(given, Mapping):
        return Several({name: _open(item, options) for name, item in given.items()})
    if isinstance(given, Iterable) and not isinstance(given, type):
        return _open_list(list(given), options)
    raise SourceError(f"{given!r} ({type(given).__name__}) is no source of images; {FORMS}")


def _open_path(path: str, options: Options) -> Source:
    """Returns the source of a path, a glob or "-"."""
    if is_url(path):
        return _open_url(path, options)
    if path == "-":
        return _open_files(_lines(sys.stdin.buffer.read()), options.root or os.getcwd(), options)
    if os.path.isdir(path):
        return _open_folder(os.path.abspath(path), options)
    if os.path.exists(path):
        return _open_file(os.path.abspath(path), options)
    if path.endswith(".tar") and any(os.path.lexists(one) for one in expand(path)):
        return _open_tars(path, options)
    if glob.has_magic(path):
        return _open_list(_expand(path), options, glob_root(path))
    near = get_close_matches(os.path.basename(path), _beside(path), n=1)
    hint = f"; did you mean {os.path.join(os.path.dirname(path), near[0])!r}?" if near else ""
    raise SourceError(f"no such folder: {path}{hint}" if not os.path.splitext(path)[1] else f"no such file: {path}{hint}")


def _open_url(url: str, options: Options) -> Source:
    """Returns the source of a place in a store: what lies below it, or what a list there names."""
    from dataprep.sources.bucket import Bucket
    from dataprep.sources.stores import fetch

    folder, _, name = url.rstrip("/").rpartition("/")
    ending = os.path.splitext(name)[1].lower()
    if ending in LISTS:
        options.check("a list of objects", "root", *LEVELS, *GLOBS)
        return _open_objects(_lines(fetch(folder, name)), options.root or folder, options)
    if ending == ".tar":
        return _open_tars(url, options)
    if ending in (*TABLES, *ARCHIVES, ".json"):
        raise SourceError(f"{url} is read only from this machine; download it, and give the file")
    if is_image(name):
        return _open_objects([name], folder, options)
    options.check("a place in a store", *LEVELS, *GLOBS)
    return Bucket(url, **{name: getattr(options, name) for name in (*LEVELS, *GLOBS)})


def _open_tars(path: str, options: Options) -> Source:
    """Returns the source of the tars that a path or a URL names, by a glob or a range, too."""
    from dataprep.sources.shards import Shards

    options.check("tars", "label", *GLOBS)
    return _selected(Shards(path, label=options.label), options)


def _open_objects(names: Sequence[str], root: str, options: Options) -> Source:
    """Returns the source of objects that are named one by one, by paths below a place or by URLs that start with it."""
    from dataprep.sources.bucket import Bucket

    start = f"{root.rstrip('/')}/"
    paths = [name.removeprefix(start) for name in names]
    outside = [name for name in paths if is_url(name)]
    if outside or not paths:
        what = f"{quoted(outside)} is not" if outside else "an empty list: nothing is"
        raise SourceError(f"{what} below {start}; name a place that holds all as root (--root)")
    return Bucket(root, names=paths, **{name: getattr(options, name) for name in (*LEVELS, *GLOBS)})


def _common(urls: Sequence[str]) -> str:
    """Returns the URL of the deepest place that is above some objects."""
    scheme = urls[0].partition("://")[0]
    return f"{scheme}://{os.path.commonpath([os.path.dirname(url.partition('://')[2]) for url in urls])}"


def _beside(path: str) -> list[str]:
    """Returns what lies in the folder that a path would be in."""
    try:
        return os.listdir(os.path.dirname(path) or os.curdir)
    except OSError:
        return []


def _open_folder(path: str, options: Options) -> Source:
    """Returns the source of a folder."""
    options.check("a folder", *LEVELS, *GLOBS)
    check_root(path)
    if _holds_tars(path):
        return _open_tars(path, options)
    folder = Folder(path, **{name: getattr(options, name) for name in (*LEVELS, *GLOBS)})
    if folder != Folder(path, include=options.include, exclude=options.exclude):
        return with_metadata(folder) or folder
    if is_voc(path):
        return _selected(Noted(open_voc(path), remarks=("taken as Pascal VOC: boxes are those of Annotations",)), options)
    parts = open_coco_folder(path)
    if parts is not None:
        said = ("taken as COCO: boxes are those of its annotations",)
        return _selected(Noted(Several(parts) if len(parts) > 1 else next(iter(parts.values())), remarks=said), options)
    return with_metadata(folder) or with_table(folder)


def _holds_tars(folder: str) -> bool:
    """Returns whether a folder holds tars, and neither images nor folders that may."""
    with os.scandir(folder) as found:
        shown = [entry for entry in found if not entry.name.startswith(".")]
        kinds = {"folder" if entry.is_dir() else os.path.splitext(entry.name)[1].lower() for entry in shown}
    return ".tar" in kinds and not kinds & {"folder", ".zip", *ENDINGS}


def _open_file(path: str, options: Options) -> Source:
    """Returns the source of a file: a table, a list, or one image."""
    from dataprep.sources.archives import Archive, check_packed
    from dataprep.sources.memory import open_parquet, read_schema

    ending = os.path.splitext(path)[1].lower()
    if ending in TABLES:
        options.check("a table", "root", *COLUMNS, *LEVELS, *GLOBS)
        held = bytes_column(read_schema(path), options.image_column) if ending == ".parquet" else None
        if held is not None:
            return _selected(open_parquet(path, held, options), options)
        return _open_table(_read_table(path), path, options.root or os.path.dirname(path), options)
    if ending in LISTS:
        return _open_files(_lines(Path(path).read_bytes()), options.root or os.path.dirname(path), options)
    if ending in ARCHIVES:
        options.check("an archive", *LEVELS, *GLOBS)
        return _selected(Archive(path, **{name: getattr(options, name) for name in LEVELS}), options)
    if ending == ".json":
        options.check("COCO's annotations", "root", *GLOBS)
        return _selected(open_coco(path, options.root), options)
    check_packed(path)
    if is_image(path):
        return _open_files([path], options.root or os.path.dirname(path), options)
    raise SourceError(f"{path} is a file that is not understood ({ending or 'without ending'}); {FORMS}")


def _read_table(path: str) -> pa.Table:
    """Returns the table of a file, of a Parquet file with images without their bytes."""
    if not os.path.isfile(path):
        raise SourceError(f"no such file: {path}")
    if os.path.splitext(path)[1].lower() not in TABLES:
        raise SourceError(f"{path} is no table; tables end in {', '.join(TABLES)}")
    return read_table(path)


def _open_table(table: pa.Table, name: str, root: str, options: Options) -> Source:
    """Returns the source of a table: of paths, names or ids, or of bytes."""
    there: list[str] = []

    def matching(values: Sequence[Any]) -> int:
        if not there:
            there.extend(images_below(root) or [""])
        return match(values, there, os.path.basename(name)).found

    column = image_column(table, root, options.image_column, matching)
    if is_bytes(table[column].type):
        from dataprep.sources.memory import hold

        return _selected(hold(table, column, options), options)
    return _selected(open_paths(table, column, os.path.basename(name), root, options), options)


def _open_list(items: Sequence[Any], options: Options, root: str | None = None) -> Source:
    """Returns the source of several things: files, folders, or whatever else can be given alone."""
    if not items:
        raise SourceError(f"an empty list is no source of images; {FORMS}")
    paths = [os.fsdecode(item) for item in items if isinstance(item, str | bytes | os.PathLike)]
    if len(paths) == len(items):
        paths = [found for path in paths for found in (_expand(path) if _is_glob(path) else [path])]
        if len(paths) > 1 and _are_shards(paths, options):
            return _open_shards(paths, options)
        if any(map(is_url, paths)) and not all(is_url(path) and is_image(path) for path in paths):
            return _open_parts(paths, options) if len(paths) > 1 else _open_path(paths[0], options)
        if all(is_image(path) or _is_plain_file(path) for path in paths if not os.path.isdir(path)) and not any(
            map(os.path.isdir, paths)
        ):
            return _open_files(paths, options.root or root or os.getcwd(), options)
        if len(paths) == 1:
            return _open_path(paths[0], options)
        items = paths
    elif len(items) == 1:
        return _open(items[0], options)
    return _open_parts(items, options)


def _are_shards(paths: Sequence[str], options: Options) -> bool:
    """Returns whether several paths are tars of a WebDataset: of a store, or that have texts beside their images."""
    from dataprep.sources.webdataset import is_webdataset

    if options.splits is not None or not all(path.endswith(".tar") for path in paths):
        return False
    return all(is_url(path) or (os.path.isfile(path) and is_webdataset(path)) for path in paths)


def _open_shards(paths: Sequence[str], options: Options) -> Source:
    """Returns the source of tars of a WebDataset: all of a folder as one."""
    from dataprep.sources.shards import Shards

    options.check("tars", "label", *GLOBS)
    folders: dict[str, list[str]] = {}
    for path in paths:
        folders.setdefault(os.path.dirname(path), []).append(path)
    parts = [Shards(tars, label=options.label) for tars in folders.values()]
    together = parts[0] if len(parts) == 1 else Several(dict(zip(part_names(list(folders)), parts, strict=True)))
    return _selected(together, options)


def _open_parts(items: Sequence[Any], options: Options) -> Source:
    """Returns the source of several, each of which can be given alone; single images of one folder are one part."""
    singles: dict[str, list[str]] = {}  # folder -> images
    others: list[tuple[str, Any]] = []
    for place, item in enumerate(items, 1):
        if isinstance(item, str) and not is_url(item) and is_image(item) and not os.path.isdir(item):
            path = os.path.abspath(item)
            singles.setdefault(os.path.dirname(path), []).append(path)
        else:
            others.append((item if isinstance(item, str) else f"part-{place}", item))
    sources = [_open(item, options) for _, item in others]
    sources += [_open_files(images, options.root or folder, options) for folder, images in singles.items()]
    parts = dict(zip(part_names([*(name for name, _ in others), *singles]), sources, strict=True))
    return Several(parts, splits=all(name.lower() in SPLITS for name in parts))


def _open_files(paths: Sequence[str], root: str, options: Options) -> Source:
    """Returns the source of a list of files: paths are relative to `root`, uris to the deepest folder that holds all."""
    options.check("a list of files", "root", *LEVELS, *GLOBS)
    if not paths:
        raise SourceError(f"an empty list is no source of images; {FORMS}")
    if is_url(root) or all(map(is_url, paths)):
        return _open_objects(paths, root if is_url(root) else _common(paths), options)
    named = resolve(paths if options.root else [os.path.join(root, path) for path in paths], options.root)
    errors = dict(zip(named.uris, named.errors, strict=True))
    levels = read_levels(list(errors), options.label, options.splits)
    twice = len(paths) - len(errors)
    remarks = (f"{counted(twice, 'path')} of the list named a file again, which is taken once",) if twice else ()
    columns: dict[str, list[Any]] = {
        "uri": list(errors),
        "label": levels.labels,
        "split": levels.splits,
        "error": list(errors.values()),
    }
    listing = listed(columns, scan=Scan({}, (*remarks, *levels.remarks)))
    return _selected(Files(named.root, options.label, listing=listing), options)


def _selected(source: Source, options: Options) -> Source:
    """Returns a source with those of its images that are meant."""
    return Selected(source, options.include, options.exclude) if options.include or options.exclude else source


def _lines(data: bytes) -> list[str]:
    """Returns the paths of a list: one a line, or with null bytes between them."""
    mark = b"\0" if b"\0" in data else b"\n"
    lines = (line.rstrip(b"\r") if mark == b"\n" else line for line in data.split(mark))
    return [os.fsdecode(line) for line in lines if line.strip()]


def _is_glob(path: str) -> bool:
    return glob.has_magic(path) and not is_url(path) and not os.path.lexists(path)


def _is_plain_file(path: str) -> bool:
    """Returns whether a path is that of a file that is nothing but, maybe, an image."""
    ending = os.path.splitext(path)[1].lower()
    return os.path.isfile(path) and ending not in (*TABLES, *LISTS, *ARCHIVES, ".json")


def _expand(pattern: str) -> list[str]:
    """Returns what a glob means, sorted."""
    found = sorted(glob.glob(pattern, recursive=True))
    if not found:
        raise SourceError(f"nothing matches {pattern!r}")
    return found


def glob_root(pattern: str) -> str:
    """Returns the folder that all that a glob means lies in."""
    steps = pattern.split("/")
    plain = next(place for place, step in enumerate(steps) if glob.has_magic(step))
    return os.path.abspath("/".join(steps[:plain]) or ("/" if pattern.startswith("/") else os.curdir))


def part_names(paths: Sequence[str]) -> list[str]:
    """Returns a name for each path: the last step of it, and a number where two are called the same.

    Raises:
        SourceError: A name is not UTF-8.
    """
    names: list[str] = []
    for path in paths:
        name = os.path.basename(os.path.realpath(path)) or "root"
        try:
            name.encode("utf-8")
        except UnicodeEncodeError as error:
            raise SourceError(f"the name of {path!r} is not UTF-8; rename or link it") from error
        names.append(name if name not in names else f"{name}-{len(names) + 1}")
    return names
