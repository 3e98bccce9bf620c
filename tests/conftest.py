"""What several test files use: the command line in this process, and a copy of a level to spoil."""

import json

import pytest

from k2rel.bundled import site_path
from k2rel.cli import main


class Run:
    """Outcome of one call of the command line."""

    def __init__(self, code, out, err) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def k2(capsys):
    """Call the command line; SystemExit of the argument parser counts as its exit code."""

    def call(*words):
        code: int | str | None
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Run(code, out, err)

    return call


@pytest.fixture
def spoiled(tmp_path):
    """Write a copy of Level 2R with one text replaced; say in which line it stands."""

    def write(old, new, level="L2R"):
        text = site_path(level).read_text()
        assert old in text, old
        line = text[: text.index(old)].count("\n") + 1
        path = tmp_path / "site.yaml"
        path.write_text(text.replace(old, new, 1))
        return path, line

    return write
