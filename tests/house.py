"""The house as its code has it: modules, what imports what, rooms by floors; and the picture in CONTRIBUTING.md.

python tests/house.py      write the picture anew (make picture)
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import networkx as nx

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "k2rel"
PAPER = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- picture: make picture -->\n", "<!-- end of picture -->\n"


def name_of(path: Path) -> str:
    """Name of the module in a file; that of a package for its face."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room(module: str) -> str | None:
    """Folder at the top of the package, or file beside the folders."""
    return module.split(".")[1] if "." in module else None


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Modules of k2rel that a file imports anywhere: at its top, inside functions, for type checkers.

    Whoever takes a module from a package (``from k2rel.site import model``) imports the package's face too.
    """
    tree = ast.parse(path.read_text())
    if path == PACKAGE / "studies.py":  # `Study.solve` leads to the answer by name; only its types are named there
        tree.body = [node for node in tree.body if not isinstance(node, ast.If)]
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports by a relative name"
            base = node.module or ""
            names = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            base, names = "", [alias.name for alias in node.names]
        else:
            continue
        found += sorted({base, *names} & FILES.keys())
    return tuple(found)


def modules() -> nx.DiGraph[str]:
    """Every module, with an arrow to each that it imports."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(FILES)
    graph.add_edges_from((name, other) for name, path in FILES.items() for other in imports(path) if other != name)
    return graph


def rooms() -> nx.DiGraph[str]:
    """Every room, with an arrow to each that one of its modules imports from."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(here for name in FILES if (here := room(name)))
    for name, other in modules().edges:
        here, there = room(name), room(other)
        if here and there and here != there:
            graph.add_edge(here, there)
    return graph


def circles(graph: nx.DiGraph[str]) -> list[list[str]]:
    """Groups of nodes that lead to each other."""
    return sorted(sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1)


def about(here: str) -> str:
    """First line of a room's docstring."""
    text = ast.get_docstring(ast.parse(FILES[f"k2rel.{here}"].read_text())) or ""
    return text.partition("\n")[0]


def picture() -> str:
    """Rooms by floors, the highest first, then a line on each, with what it stands on but for what follows from that."""
    graph = rooms()
    floor: dict[str, int] = {}
    for here in reversed(list(nx.topological_sort(graph))):
        floor[here] = max((floor[there] + 1 for there in graph[here]), default=0)
    direct = nx.transitive_reduction(graph)
    lines = ["```text"]
    for height in sorted(set(floor.values()), reverse=True):
        there = (here + "/" * FILES[f"k2rel.{here}"].match("__init__.py") for here in sorted(graph))
        lines.append(f"{height:2}   " + "   ".join(name for name in there if floor[name.rstrip("/")] == height))
    lines += ["```", "", "| floor | room | what it is | stands on |", "|---|---|---|---|"]
    for here in sorted(graph, key=lambda here: (-floor[here], here)):
        below = ", ".join(f"`{there}`" for there in sorted(direct[here], key=lambda there: (-floor[there], there)))
        lines.append(f"| {floor[here]} | `{here}` | {about(here)} | {below or '–'} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the picture into CONTRIBUTING.md."""
    before, _, rest = PAPER.read_text().partition(BEGIN)
    PAPER.write_text(before + BEGIN + picture() + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
