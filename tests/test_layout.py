"""The house itself: what the wheel holds, what an import loads, how large the pieces are."""

import ast
import json
import os
import re
import statistics
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("kernels", "models", "conf", "data")
CODE = ("src/rackrisk", *FOLDERS, "tests", "bench")

# Outer layers, absent from many GPU images: the kernels must do without.
OUTER = {"dataframely", "hydra", "jinja2", "omegaconf", "polars", "pydantic", "rich"}  # JAX brings SciPy


def python(code: str, *, cwd: Path, path: Path | None = None) -> str:
    """Standard output of a fresh interpreter; `path` goes before everything installed."""
    env = {**os.environ, "PYTHONPATH": str(path or "")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def repository_files(*folders: str) -> list[str]:
    """Files that git tracks, or would with `git add`, without those just deleted."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({name for name in names if name and (ROOT / name).is_file()})


# --- the wheel ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(build, cwd=out, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel unpacked into it by pip, away from the checkout."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(target)]
    done = subprocess.run([*pip, str(wheel)], cwd=target, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def test_wheel_holds_exactly_the_repository_files(wheel: Path) -> None:
    expected = {f"rackrisk/{name}" for name in repository_files(*FOLDERS)}
    own = (name.removeprefix("src/") for name in repository_files("src/rackrisk"))
    expected |= {name for name in own if name not in {f"rackrisk/{folder}" for folder in FOLDERS}}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == expected


def test_wheel_carries_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (licence,) = (name for name in archive.namelist() if name.endswith("/licenses/LICENSE"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


def command(*arguments: str, installed: Path, cwd: Path) -> str:
    """Standard output of the wheel's own `rackrisk` script."""
    done = subprocess.run(
        [str(installed / "bin" / "rackrisk"), *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(installed)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wheel_hides_the_checkout(installed: Path, tmp_path: Path) -> None:
    """Else the next two tests would show nothing."""
    where = python("import rackrisk.kernels as k; print(k.__file__)", cwd=tmp_path, path=installed)
    assert Path(where.strip()).is_relative_to(installed)


def test_command_of_the_wheel_tells_its_version(installed: Path, tmp_path: Path) -> None:
    said = command("--version", installed=installed, cwd=tmp_path)
    assert said == python("import rackrisk; print('rackrisk', rackrisk.__version__)", cwd=tmp_path, path=installed)


def test_command_of_the_wheel_runs_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    """Needs the configuration and the tables, which only a complete wheel has."""
    small = ("portfolio=miners", "scenarios=16", "months=3", "engine=reference")
    said = command("run", *small, "--json", installed=installed, cwd=tmp_path)
    assert (tmp_path / json.loads(said)["run"] / "DONE").is_file()


# --- imports ------------------------------------------------------------------------------------------------

IMPORT_ALL = """
import importlib, pkgutil, sys
import {package} as top
for found in pkgutil.walk_packages(top.__path__, "{package}."):
    if found.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(found.name)
    except ModuleNotFoundError as error:
        if error.name not in {optional}:
            raise
"""


def test_import_loads_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys, rackrisk, rackrisk.kernels, rackrisk.models, rackrisk.conf, rackrisk.data; print(*sys.modules)"
    loaded = set(python(code, cwd=tmp_path, path=ROOT / "src").split())
    assert not loaded & (OUTER | {"jax", "numpy", "cupy"})


def test_kernels_do_without_the_outer_layers(tmp_path: Path) -> None:
    """Every kernel module imports where only NumPy and, if it asks for one, an array library can be found."""
    blocked = sorted(OUTER)
    block = f"import sys\nfor name in {blocked}: sys.modules[name] = None\n"
    body = IMPORT_ALL.format(package="rackrisk.kernels", optional={"cupy", "jax"})
    python(block + body, cwd=tmp_path, path=ROOT / "src")


def test_no_module_is_imported_twice() -> None:
    """Run at the root, where `import kernels` would find a second copy of `rackrisk.kernels`."""
    body = IMPORT_ALL.format(package="rackrisk", optional={"cupy"})
    twins = f"print(*[name for name in sys.modules if name.partition('.')[0] in {FOLDERS}])"
    assert python(body + twins, cwd=ROOT, path=ROOT / "src").split() == []


def imported_names(path: Path) -> Iterator[str]:
    """Absolute dotted names that a module imports, relative ones resolved; `path` is in a top-level folder."""
    package = ("rackrisk", *path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("kernels", ("rackrisk.models", "rackrisk.data", "rackrisk.conf", *sorted(OUTER))),
        ("models", ("rackrisk.cli", "rackrisk.report", "rackrisk.run_folder", "hydra", "omegaconf", "rich", "jinja2")),
        ("data", ("rackrisk.cli", "rackrisk.report", "rackrisk.run_folder", "hydra", "omegaconf", "rich", "jinja2")),
    ],
)
def test_imports_point_one_way(folder: str, forbidden: tuple[str, ...]) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in imported_names(path)
        if any(name == bad or name.startswith(f"{bad}.") for bad in forbidden)
    ]
    assert wrong == []


def test_nothing_imports_a_folder_by_its_bare_name() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in python_files()
        for name in imported_names(path)
        if name.partition(".")[0] in FOLDERS
    ]
    assert wrong == []


def test_links_lead_to_the_folders() -> None:
    for folder in FOLDERS:
        link = ROOT / "src" / "rackrisk" / folder
        assert str(link.readlink()) == f"../../{folder}"


# --- no download addresses ------------------------------------------------------------------------------------


def test_no_file_names_a_package_registry() -> None:
    """Whoever installs this chooses the index: no file of ours may override that choice."""
    # Written with brackets, so that this file does not find itself.
    hosts = ("pypi[.]org", "python[h]osted[.]org", "npmjs[.](?:org|com)", "anaconda[.](?:org|com)")
    options = ("--(?:extra-)?index[-]url", "--find[-]links", "--trusted[-]host")
    pattern = re.compile("|".join((*hosts, *options)))
    named = [
        f"{name}:{number}: {line.strip()}"
        for name in repository_files()
        if not (ROOT / name).is_symlink()
        for number, line in enumerate((ROOT / name).read_bytes().decode("utf-8", "replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert named == []


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, flags=re.MULTILINE))


def test_constraints_pin_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    bounds = dict(re.split(">=|,", requirement)[:2] for requirement in asked)
    assert set(bounds) <= set(pins("constraints.txt"))
    oldest = pins("constraints-oldest.txt")
    assert {name: bound for name, bound in bounds.items() if f"{oldest.get(name)}.".startswith(f"{bound}.")} == bounds


# --- house numbers ----------------------------------------------------------------------------------------------

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files() -> list[Path]:
    return [ROOT / name for name in repository_files(*CODE) if name.endswith(".py")]


def functions() -> Iterator[tuple[str, Function]]:
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def lines_without_docstring(node: Function) -> int:
    size = (node.end_lineno or node.lineno) - node.lineno + 1
    documented = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
    return size - ((documented.end_lineno or 0) - documented.lineno + 1 if documented else 0)


def ninetieth(values: list[int]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[-1]


def test_files_can_be_read_in_one_sitting() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in python_files()}
    assert [name for name, size in sizes.items() if size > 450] == []
    assert statistics.median(sizes.values()) <= 150


def test_functions_can_be_read_at_once() -> None:
    sizes = {name: lines_without_docstring(node) for name, node in functions()}
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert statistics.median(sizes.values()) <= 10
    assert ninetieth(list(sizes.values())) <= 40


def test_at_most_five_arguments_go_by_position() -> None:
    def positional(node: Function) -> int:
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        return len(names) - (names[:1] in (["self"], ["cls"]))

    assert {name: positional(node) for name, node in functions() if positional(node) > 5} == {}
