"""Files that commands write are whole or not there, on a disk that has no room for them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

resource = pytest.importorskip("resource")  # the system's own limit on the size of files stands for the disk

COMMANDS = {
    "x.xml": "export L1 --output {}",
    "g.graphml": "export L1 --format graphml --output {}",
    "d.dot": "export L1 --format dot --output {}",
    "c": "export L2R --format prism --output {}",
    "h.svg": "simulate L1 --timeline --years 1 --output {}",
    "h.png": "simulate L1 --timeline --years 1 --output {}",
    "own.yaml": "new --like L1 {}",
    "settled.yaml": "check L1 --expanded --output {}",
    "fit.csv": "fit {log} --samples 0 --type psu --output {}",
    "fit.svg": "fit {log} --samples 0 --picture {}",
}
LEAST = {"x.xml": 8192, "c": 8192}  # their diagrams, which pass through files of their own, are smaller
LOG = "unit,failed,time [h]\na,1,1000\nb,1,2000\nc,1,2500\nd,0,3000\ne,1,3100\n"
RUN = """
import contextlib, io, json, signal, sys
from k2rel.cli import main
import resource
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
found = []
for words, limit in json.load(sys.stdin):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
    found.append([code, err.getvalue()])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
json.dump(found, sys.stdout)
"""


def run(commands):
    done = subprocess.run([sys.executable, "-c", RUN], input=json.dumps(commands), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def asked(folder: Path):
    log = folder.parent / "log.csv"
    log.write_text(LOG)
    return {name: [word.format(folder / name, log=log) for word in words.split()] for name, words in COMMANDS.items()}


def test_a_full_disk_leaves_no_half_file_and_what_was_there_as_it_was(tmp_path) -> None:
    """Once with room, which also makes the diagrams, that need files too; then without, where nothing is, and over it."""
    folder, other = tmp_path / "out", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    there, empty = asked(folder), asked(other)
    forced = [
        words if words[0] == "simulate" or "--picture" in words else [*words, "--force"] for words in there.values()
    ]
    found = run(
        [
            *([words, 10**9] for words in there.values()),
            *([words, LEAST.get(name, 60)] for name, words in empty.items()),
            *([words, LEAST.get(name, 60)] for name, words in zip(there, forced, strict=True)),
        ]
    )
    count = len(there)
    assert [said for code, said in found[:count] if code] == []
    assert {"x.xml", "c.tra", "c.lab", "fit.csv", "h.svg"} <= {path.name for path in folder.iterdir()}
    for name, (code, said) in zip(2 * [*there], found[count:], strict=True):
        assert (code, "Traceback" in said, "File too large" in said, name in said) == (2, False, True, True), (
            name,
            said,
        )
    assert list(other.iterdir()) == []
    for path in folder.iterdir():
        assert len(path.read_bytes()) > 60, path.name


def test_a_link_is_followed_and_who_may_read_a_file_stays(tmp_path) -> None:
    real, link = tmp_path / "real.xml", tmp_path / "link.xml"
    real.write_text("before")
    real.chmod(0o640)
    link.symlink_to(real)
    ((code, said),) = run([[["export", "L1", "--output", str(link), "--force"], 10**9]])
    assert code == 0, said
    assert link.is_symlink()
    assert "opsa-mef" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
