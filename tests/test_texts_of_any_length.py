"""Texts that a pattern could search for minutes: each is read or refused at once, whoever reads it.

A process of its own is given as long as a person would wait; what took minutes took them for texts of a fiftieth of this
length.
"""

import subprocess
import sys

import pytest

from k2rel.bundled import site_path

READERS = {
    "quantities": "from k2rel.units import parse_duration, parse_rate, parse_mttf, parse_bandwidth, parse_amount, "
    "parse_share, is_bare, parse_temperature, loads_in\n"
    "readers = [parse_duration, parse_rate, parse_mttf, parse_bandwidth, parse_amount, parse_share, is_bare, "
    "parse_temperature]",
    "numbers": "from k2rel.numerals import numeral, plain_number\nreaders = [numeral, plain_number]",
    "titles of columns": "from k2rel.field.columns import plan_of\n"
    "readers = [lambda text: plan_of(['time', text], None, {}, 'log.csv', open_ends=False)]",
    "steps of a sweep": "from k2rel.sweep.spec import quantity\nreaders = [quantity]",
    "attributes of a graph": "import networkx as nx\nfrom k2rel import Site\n"
    "readers = [lambda text: Site.from_graph(nx.Graph([('a', 'b', {'mttf': text})]))]",
    "settings": "from k2rel.site.settings import parse_settings\n"
    "from k2rel.site.limits import from_text\nfrom k2rel.memory import _read\n"
    "readers = [lambda text: parse_settings(['psu.mttr=' + text]), from_text, _read]",
    "laws": "from k2rel.distributions.times import parse_distribution\nreaders = [parse_distribution]",
}
TEXTS = """
texts = ["4" + " " * 200_000 + "a\\nb", "1" * 200_000 + "x", " " * 200_000 + "!", "1," * 50_000, "(1 " * 50_000,
         "4 h (1 to " * 20_000, "a [" * 50_000, "e" * 200_000, "1e" * 50_000, "." * 200_000]
for read in readers:
    for text in texts:
        try:
            read(text)
        except ValueError as error:  # a sentence, which does not repeat all of it
            assert "Traceback" not in str(error)
"""


@pytest.mark.parametrize("reader", READERS)
def test_a_text_of_any_length_is_answered_at_once(reader) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READERS[reader] + TEXTS], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("value", ["1e-320 h", "1e308 h", "1e-200", "1e101 y"])
def test_a_quantity_beyond_what_can_be_meant_is_refused_where_it_stands(k2, value) -> None:
    for key in ("psu.mttf", "psu.mttr"):
        run = k2("availability", "L2R", "--set", f"{key}={value}")
        assert run.code == 2
        assert run.err.startswith(f"k2rel: --set {key}={value}: ")


def test_labels_of_states_have_the_digits_that_all_write(k2, tmp_path) -> None:
    (tmp_path / "c.tra").write_text("2 2\n0 1 0.001\n1 0 0.25\n")
    for labels in ('0="init" ²="up"\n0: 0\n', '0="init" 1="up"\n²: 0\n', f'0="init" 1="up"\n0: {"9" * 5000}\n',
                   f'0="init" 1="up"\n{"9" * 5000}: 0\n', '0="init"\n0: ¹\n'):  # fmt: skip
        (tmp_path / "c.lab").write_text(labels)
        run = k2("ctmc", tmp_path / "c.tra", "--labels", tmp_path / "c.lab", "--steady")
        assert run.code == 2
        assert run.err.startswith(f"k2rel: {tmp_path}/c.lab:"), labels[:40]


def test_a_variant_whose_changes_are_no_entries_is_refused_with_its_line(k2, tmp_path) -> None:
    text = site_path("L1").read_text()
    (tmp_path / "v.yaml").write_text(f"{text}variants:\n  v: {{title: x, reason: y, changes: hello}}\n")
    line = text.count("\n") + 2
    for words in (("check",), ("availability",), ("availability", "--variant", "v")):
        run = k2(words[0], tmp_path / "v.yaml", *words[1:])
        assert run.code == 2
        assert f"v.yaml:{line}: variants.v.changes: must be entries of the form key: value" in run.err
