"""The house as ``docs/architecture.md`` describes it: rooms that exist, arrows that hold, modules that can be read."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "vs_tecogan"
PAGE = REPOSITORY / "docs" / "architecture.md"
MODULES = sorted(PACKAGE.rglob("*.py"))

LONGEST = 400
"""Lines of a module."""

FACE = ("__init__", "__main__", "cli", "jobs", "filter")
"""Who may import the filter; of these only ``__main__`` and ``cli`` may import the command."""

MAY_IMPORT = {
    "recurrence": {"recurrence", "errors"},
    "ops": {"ops", "errors"},
    "networks": {"networks", "ops", "errors", "reasons"},
    "weights": {"weights", "networks", "ops", "errors", "files"},
    "video": {"video", "colour", "files", "errors", "signals", "tracebacks", "version"},
    "sources": {"sources", "engine", "networks", "ops", "weights", "errors", "version"},
    "fluids": {"fluids", "colour", "engine", "networks", "ops", "recurrence", "weights", "errors", "version"},
    "training": {"training", "fluids", "networks", "ops", "weights", "video", "metrics", "degrade", "luma", "files",
                 "errors", "signals", "reasons", "hardware", "locks", "version"},
}  # fmt: skip
"""Rooms that each room may import from; a room that is not named here is held by the tests below alone."""

EXTRAS = {"cv2", "cupy", "cupy_backends", "h5py", "lpips", "scipy", "skimage", "torchvision", "PIL", "tensorboard",
          "matplotlib", "yt_dlp", "ray", "av", "imageio_ffmpeg", "onnx"}  # fmt: skip
"""Packages that may be missing: what needs one imports it where it is needed."""

LATE_IMPORTS = {
    "cli/doctor.py": "it reports packages that cannot be imported",
    "cli/upscale.py": "its help needs neither torch nor VapourSynth",
    "metrics/sources.py": "folders of images are measured without VapourSynth",
    "__init__.py": "public names are loaded when they are first used",
}
"""Modules that may import inside a function, and why."""


def name_of(path: Path) -> str:
    """``vs_tecogan/ops/warp.py`` as ``ops/warp.py``."""
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    """The top-level room of a module: ``ops``, ``filter``, ``__init__``."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from run_time(node)


def targets(path: Path, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """What an import statement imports, absolute: ``vs_tecogan.ops.warp``, ``torch.nn``."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = ["vs_tecogan", *path.relative_to(PACKAGE).parts[:-1]]
    origin = base[: len(base) - node.level + 1] if node.level else []
    module = ".".join([*origin, *([node.module] if node.module else [])])
    yield from (f"{module}.{alias.name}" for alias in node.names)


def imports(path: Path) -> Iterator[str]:
    """Everything that a module imports at run time, at its top or in its functions."""
    for node in run_time(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from targets(path, node)


def rooms_imported(path: Path) -> set[str]:
    """Rooms of the package that a module imports from."""
    found = set()
    for target in imports(path):
        parts = target.split(".")
        if parts[0] == "vs_tecogan":
            known = len(parts) > 1 and ((PACKAGE / parts[1]).is_dir() or (PACKAGE / f"{parts[1]}.py").is_file())
            found.add(parts[1] if known else "__init__")
    return found


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_arrows(room: str) -> None:
    """Would catch an import against the arrows, which makes two rooms one."""
    wrong = {
        name_of(path): sorted(extra)
        for path in MODULES
        if room_of(path) == room and (extra := rooms_imported(path) - MAY_IMPORT[room])
    }
    assert not wrong


def test_only_the_face_imports_filter_and_command() -> None:
    """Would catch a library module that depends on how it is called."""
    for path in MODULES:
        rooms = rooms_imported(path)
        assert "cli" not in rooms or room_of(path) in ("__main__", "cli"), name_of(path)
        assert not rooms & {"filter", "__init__"} or room_of(path) in FACE, name_of(path)


@pytest.mark.parametrize(
    ("room", "absent"),
    [("recurrence", "torch"), ("scenes", "torch"), ("training", "vapoursynth"), ("ops", "vapoursynth")],
)
def test_rooms_do_without(room: str, absent: str) -> None:
    """Would catch torch in the scheduler, and a trainer that cannot be installed without VapourSynth."""
    names = [
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        for path in MODULES
        if room_of(path) == room
    ]
    code = (
        f"import sys, importlib; sys.modules[{absent!r}] = None\nfor name in {names!r}: importlib.import_module(name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr.splitlines()[-1]


def test_modules_can_be_read_at_a_sitting() -> None:
    """Would catch a module that has grown past one idea."""
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def late_imports(path: Path) -> Iterator[str]:
    """Imports inside functions, but those of packages that may be missing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in {node for function in functions for node in ast.walk(function)}:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (t for t in targets(path, node) if not EXTRAS & set(t.split(".")))


def test_imports_stand_at_the_top() -> None:
    """Would catch an import hidden in a function for no reason that is written down."""
    wrong = {name_of(path): sorted(late_imports(path)) for path in MODULES if name_of(path) not in LATE_IMPORTS}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_no_two_classes_share_a_name() -> None:
    """Would catch a second meaning of a word: a reader who searches for a class finds two."""
    homes: dict[str, list[str]] = {}
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(name_of(path))
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_rooms_that_the_page_names_exist() -> None:
    """Would catch a page that sends a newcomer to a file that has moved."""
    text = PAGE.read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:vs_tecogan|csrc|models|recipes|scripts|examples|tests)/[\w./]*)`", text))
    assert len(paths) > 20
    assert sorted(path for path in paths if "NAME" not in path and not (REPOSITORY / path).exists()) == []


def test_the_page_names_every_room() -> None:
    """Would catch a new room that no newcomer is told of."""
    text = PAGE.read_text(encoding="utf-8")
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert sorted(room for room in rooms if f"`vs_tecogan/{room}/`" not in text) == []


DOCUMENTS = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "models").glob("*.md")),
    *sorted((REPOSITORY / "examples").glob("*.md")),
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    """Would catch a link to a page, a picture or a heading that is not there."""
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http", "mailto:")):
            continue
        name, _, heading = target.partition("#")
        page = (path.parent / name).resolve() if name else path
        assert page.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, target


def test_readme_is_short() -> None:
    """Would catch a front page that an encoder in a hurry does not finish."""
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 90
