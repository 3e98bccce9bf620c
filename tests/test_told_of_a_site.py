"""What is said of a site with shares, groups and holders that are at home on different sides, and what check warns of."""

import re
from pathlib import Path

import pytest

import k2rel
from k2rel.bundled import data_dir

DESIGNS = data_dir() / "examples" / "designs"

# one server each in two rooms; the role is at home in room B, which is listed second
ROOMS = """\
format: 2
name: rooms
sides: {A: {title: room A}, B: {title: room B}}
types:
  ideal: {failure_rate: 0, mttr: 1 h}
  node: {mttf: 10000 h, mttr: 10 h}
components:
  net: {type: ideal}
  n1: {type: node, side: A, capacity: 30 MB/s, in: net}
  n2: {type: node, side: B, capacity: 30 MB/s, in: net}
units:
  u1: {server: n1, triggers: [n1]}
  u2: {server: n2, triggers: [n2]}
roles:
  vip:
    switchover: 30 s
    coverage: 0.9
    failback: automatic
    holders:
      - {name: on2, side: B, on: n2, units: [u2], needs: [n2]}
      - {name: on1, side: A, on: n1, units: [u1], needs: [n1]}
clients:
  count: 2
  parts:
    client: {type: ideal, in: net}
traffic:
  svc:
    demand: 20 MB/s
    requires: [vip]
    paths:
      - {side: A, when: {vip: on1}, via: [client, net, n1]}
      - {side: B, when: {vip: on2}, via: [client, net, n2]}
"""


def made(folder: Path, text: str) -> Path:
    file = folder / "site.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_every_failure_that_overloads_is_counted(tmp_path) -> None:
    """Streams that go by red while it works: the loss of any of two spines and four trunks sends 3,000 over 2,000."""
    text = (DESIGNS / "st2022_7.yaml").read_text(encoding="utf-8").replace("share: all", "share: first")
    words = k2rel.carrying(made(tmp_path, text)).words()
    assert "not after the loss of spine A1 (5 more failures likewise)" in words
