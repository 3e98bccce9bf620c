"""What readers see of sites that are drawn or said otherwise than most: without sides or links, forks, shared load."""

import pytest

import k2rel
from k2rel.plots import draw_site

ALONE = """
format: 2
name: alone
title: nodes that no link joins
sides: {A: {title: room A}, B: {title: room B}}
types:
  node: {mttf: 10000 h, mttr: 10 h}
components:
  net: {type: node}
  n1: {type: node, side: A, in: net}
  n2: {type: node, side: B, in: net}
clients:
  count: 2
  parts:
    client: {type: node, in: net}
traffic:
  svc:
    demand: 20 MB/s
    paths:
      - {side: A, via: [client, net, n1]}
      - {side: B, via: [client, net, n2]}
"""


@pytest.fixture
def site_of(tmp_path):
    """A study of a text, of which some words are replaced."""

    def make(text, **changes):
        for old, new in changes.items():
            text = text.replace(old, new)
        file = tmp_path / "site.yaml"
        file.write_text(text, encoding="utf-8")
        return k2rel.study(file)

    return make


@pytest.mark.parametrize(
    "text",
    [
        ALONE,
        ALONE.replace(", B: {title: room B}", "").replace("  n2: {type: node, side: B, in: net}\n", "")
        .replace("      - {side: B, via: [client, net, n2]}\n", ""),
        ALONE.split("  n1:")[0].replace(", B: {title: room B}", "")
        + "clients: {count: 1, parts: {client: {type: node, in: net}}}\n"
        + "traffic: {svc: {paths: [{side: A, via: [client, net]}]}}\n",
    ],
    ids=["no link", "one side", "one part"],
)  # fmt: skip
def test_a_site_is_drawn_though_no_box_of_it_has_a_side(site_of, text) -> None:
    study = site_of(text)
    svg = draw_site(study.site, k2rel.failover(study)).svg
    assert "data-part='net'" in svg
    assert "nan" not in svg
