"""What runs code from data is not in the source: a gate that a review need not remember."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("src/rackrisk", "kernels", "models", "conf", "data")
FILES = sorted({file.resolve() for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")})

CALLS = {
    "eval", "exec", "compile", "__import__", "hydra.utils.instantiate", "instantiate", "os.system", "os.popen",
    "yaml.load", "yaml.full_load", "yaml.unsafe_load", "joblib.load", "mktemp", "tempfile.mktemp", "marshal.loads",
    "shelve.open", "webbrowser.open", "socket.socket", "urlopen",
}  # fmt: skip
MODULES = {
    "pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib", "socketserver", "http", "urllib", "requests",
    "ftplib", "smtplib", "telnetlib", "xmlrpc", "webbrowser", "code", "altair",
}  # fmt: skip
# Reasons, by file: what a Ray cluster needs to be started and joined lies in the one file that does so.
ALLOWED = {"_ray.py": {"socket", "pickle", "cloudpickle"}}


def named(node: ast.AST) -> str:
    """`a.b` of an attribute of a name, and the name itself."""
    if isinstance(node, ast.Attribute):
        return f"{named(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_neither_runs_text_nor_unpickles_nor_talks_to_a_network(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            assert _harmful(node) == "", f"{file.name}:{node.lineno}"
        for module in _imported(node):
            assert module.partition(".")[0] not in MODULES - ALLOWED.get(file.name, set()), file.name


def _harmful(call: ast.Call) -> str:
    """What is wrong with a call, if anything."""
    name, given = named(call.func), {keyword.arg: keyword.value for keyword in call.keywords}
    if name in CALLS:
        return f"calls {name}"
    for option in ("shell", "allow_pickle"):
        if option in given and getattr(given[option], "value", True) is not False:
            return f"has {option}"
    return "may unpickle" if name in {"np.load", "numpy.load"} and "allow_pickle" not in given else ""


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []


@pytest.mark.parametrize(
    "text", ["eval('1')", "hydra.utils.instantiate(x)", "f(shell=True)", "np.load(x)", "np.load(x, allow_pickle=y)"]
)
def test_the_gate_sees_what_it_is_for(text: str) -> None:
    (call,) = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    assert _harmful(call)


def test_the_environment_is_never_written_out_as_a_whole() -> None:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and named(node.func) in {"dict", "str", "repr", "json.dumps"}:
                assert not any(named(argument) == "os.environ" for argument in node.args), file.name


def test_programs_are_started_only_where_that_is_the_purpose() -> None:
    found = {
        file.name
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        and "subprocess" in {getattr(node, "module", None), *(alias.name for alias in node.names)}
    }
    assert found <= {"_ray.py"}


def test_no_template_turns_off_escaping() -> None:
    for template in (ROOT / "src/rackrisk/report/templates").glob("*.j2"):
        text = template.read_text(encoding="utf-8")
        assert "autoescape false" not in text
        assert "<script" not in text
