"""What an input of each kind looks like: small, so that a hundred thousand can be answered, and with as much in it as fits."""

from __future__ import annotations

import io
import json
import random
import zipfile
from functools import cache
from typing import Any

from ruamel.yaml import YAML

from k2rel.bundled import data_dir
from tests import random_kinds, random_sites, random_takeovers, random_traffic
from tests.fuzz import spoil

LARGER = (
    random_sites.random_document,
    random_takeovers.random_document,
    random_traffic.random_document,
    random_kinds.random_kinds,
)

SLOW = {"spine_leaf"}  # 768 hosts on 64 trunks take ten seconds when nothing is wrong; `make bench` has its time


@cache
def shipped(folder: str, ending: str) -> tuple[str, ...]:
    """Texts of what is shipped with k2rel."""
    paths = [path for path in sorted((data_dir() / folder).glob(f"*.{ending}")) if path.stem not in SLOW]
    return tuple(path.read_text(encoding="utf-8", errors="replace") for path in paths)


@cache
def shipped_sites() -> tuple[dict[str, Any], ...]:
    """Levels and designs as plain data."""
    texts = (*shipped("levels", "yaml"), *shipped("examples", "yaml"), *shipped("examples/designs", "yaml"))
    return tuple(json.loads(json.dumps(YAML(typ="safe", pure=True).load(text), default=str)) for text in texts)


def little_site(chance: random.Random) -> dict[str, Any]:
    """Two ways from a seat to a store, with roles, common cause, a RAID set, tests and assumptions now and then."""

    def often(share: float) -> bool:
        return chance.random() < share

    def life(**more: Any) -> dict[str, Any]:
        draw, hours = chance.random(), f"{chance.choice((40, 500, 9000, 2e6)):g} h"
        if draw < 0.1:
            return {"rates": chance.choice(("eth_switch_hw_pred", "isl_cable"))} | more
        if draw < 0.2:
            return {"failure_rate": f"{chance.choice((2, 900, 40000))} FIT", "mttr": "4 h"} | more
        if draw < 0.3:
            return {
                "mttf": {"value": hours, "low": "10 h", "high": "1e7 h", "distribution": "lognormal"},
                "mttr": "6 h",
            } | more
        if draw < 0.36:
            return {"mttf": hours, "mttr": "8 h", "test_interval": "30 d"} | more
        if draw < 0.45:
            return {"mttf": hours, "mttr": "=mend"} | more
        return {"mttf": hours, "mttr": chance.choice(("1 h", "30 min", "2 d", 4))} | more

    parts = {
        name: {"type": "part", "side": side} | (life() if often(0.7) else {}) for name, side in (("a", "A"), ("b", "B"))
    }
    if often(0.4):
        parts["store"] = life(type="part")
    if often(0.2):
        parts["psu"] = life(type="part")
        parts["a"]["needs"] = ["psu"] if often(0.5) else [{"at_least": 1, "of": ["psu", "b"]}]
    ends = ["store"] if "store" in parts else []
    far = {name: [name, *([f"lead_{name}", "store"] if ends else [])] for name in ("a", "b")}
    roled = often(0.35)
    for name in ("a", "b"):
        if often(0.4):
            parts[name]["capacity"] = chance.choice(("10 MB/s", "25 MB/s", "1 Gb/s"))
    paths: list[dict[str, Any]] = [
        {"side": side, "via": ["seat", f"cord_{side}", *far[name]]}
        | ({"when": {"master": f"at_{name}"}} if roled else {})
        for name, side in (("a", "A"), ("b", "B"))
    ]
    if often(0.2):
        paths.append(
            {"side": "A", "via": ["seat", {"at_least": 1, "of": [["cord_A", *far["a"]], ["cord_B", *far["b"]]]}]}
        )
    traffic: dict[str, Any] = {"play": {"demand": chance.choice(("10 MB/s", "=ask", 0)), "paths": paths}}
    if roled:
        traffic["play"]["requires"] = ["master"]
    elif often(0.3):
        traffic["play"]["share"] = chance.choice(("all", "equal"))
    if often(0.2):
        traffic["copy"] = {"demand": "5 MB/s", "paths": paths[:1], "priority": "background"}
    site: dict[str, Any] = {
        "format": 2, "name": "little", "title": "a seat, two ways and a store", "sides": {"A": {}, "B": {}},
        "assumptions": {"mend": {"value": "4 h", "low": "1 h", "high": "9 h", "evidence": "CHOSEN", "reason": "for this"},
                        "ask": {"value": "10 MB/s", "evidence": "CHOSEN", "reason": "for this"}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}, "part": {"mttf": "900 h", "mttr": chance.choice(("3 h", "=mend"))}},
        "components": parts,
        "links": {f"lead_{name}": {"type": "fixed", "side": side, "between": [name, "store"]} for name, side in (("a", "A"), ("b", "B")) if ends},
        "clients": {"count": chance.choice((1, 1, 2, 3, 9)), "parts": {"seat": {"type": "fixed"}} | {
            f"cord_{side}": {"side": side, "between": ["seat", name]} | ({"type": "fixed"} if often(0.6) else life(type="part"))
            for side, name in (("A", "a"), ("B", "b"))}},
        "traffic": traffic,
    }  # fmt: skip
    if roled:
        site["units"] = {f"unit_{name}": {"server": name, "triggers": [name]} for name in ("a", "b")}
        site["roles"] = {"master": {
            "coverage": chance.choice((1, 0.9, {"value": 0.95, "low": 0.9, "high": 0.99, "evidence": "P"})),
            "switchover": chance.choice(("0 h", "30 s", "0.2 h")), "failback": chance.choice(("manual", "automatic", "automatic after 10 min")),
            "holders": [{"name": f"at_{name}", "side": side, "on": name, "units": [f"unit_{name}"], "needs": [name, *ends]}
                        for name, side in (("a", "A"), ("b", "B"))]}}  # fmt: skip
    if often(0.1):
        site["common_cause"] = {"both": {"members": ["a", "b"], "factors": {"2": 0.1}}}
        for name in ("a", "b"):
            parts[name] = {key: value for key, value in parts[name].items() if key in ("side", "needs", "capacity")} | {
                "type": "part"
            }
    if "=mend" not in json.dumps(site):
        del site["assumptions"]["mend"]
    if often(0.1):
        site["raid_sets"] = {
            "disks": {"level": 5, "drives": 4, "drive_type": "part", "rebuild": "10 h", "restore": "30 h"}
            | ({"in": "store"} if ends else {})
        }
    if often(0.1):
        site["variants"] = {
            "other": {"title": "another", "reason": "to compare", "changes": {"types": {"part": {"mttf": "1000 h"}}}}
        }
    return site


def site(chance: random.Random) -> dict[str, Any]:
    """A little site; now and then a larger one, or one that is shipped."""
    draw = chance.random()
    if draw < 0.965:
        return little_site(chance)
    return chance.choice(LARGER)(chance.randrange(4000)) if draw < 0.99 else chance.choice(shipped_sites())


GATES = ("and", "or", "xor", "nand", "nor", "not", "iff", "imply", "atleast", "cardinality")


class Tree:
    """A fault tree in the Open-PSA format, as nested lists: name, attributes, children."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.events = [f"e{n}" for n in range(chance.randrange(2, 6))]
        self.gates = [f"g{n}" for n in range(chance.randrange(1, 4))]

    def number(self, text: object) -> list[Any]:
        kind = "int" if isinstance(text, int) and self.chance.random() < 0.5 else "float"
        return [kind, {"value": str(text)}, []]

    def gate(self, own: int) -> list[Any]:
        below = [
            ["basic-event", {"name": name}, []]
            for name in self.chance.sample(self.events, self.chance.randrange(1, len(self.events)))
        ]
        below += [["gate", {"name": name}, []] for name in self.gates[own + 1 :] if self.chance.random() < 0.7]
        if self.chance.random() < 0.1:
            below.append(["house-event", {"name": "h"}, []])
        kind = self.chance.choice(GATES) if self.chance.random() < 0.4 else self.chance.choice(("and", "or"))
        more = (
            {"min": str(self.chance.randrange(1, len(below) + 1))}
            if kind == "atleast"
            else {"min": "0", "max": "2"}
            if kind == "cardinality"
            else {}
        )
        below = below[:1] if kind == "not" else (below * 2)[:2] if kind in ("iff", "imply") else below
        return ["define-gate", {"name": self.gates[own]}, [[kind, more, below]]]

    def expression(self, depth: int = 2) -> list[Any]:
        draw, number = self.chance.random(), self.number
        if depth == 0 or draw < 0.35:
            return number(self.chance.choice((1e-4, 0.01, 0.3, 1)))
        if draw < 0.45:
            return ["exponential", {}, [number("1e-5"), ["system-mission-time", {}, []]]]
        if draw < 0.52:
            return ["GLM", {}, [number("0.01"), number("1e-5"), number("0.1"), number(100)]]
        if draw < 0.58:
            return ["Weibull", {}, [number(9000), number(1.5), number(0), ["system-mission-time", {}, []]]]
        if draw < 0.66:
            return [
                "periodic-test",
                {},
                [number(x) for x in self.chance.choice(((1e-4, 700, 10, 900), (1e-4, 0.1, 700, 10, 900)))],
            ]
        if draw < 0.72:
            return ["lognormal-deviate", {}, [number("1e-3"), number(3), number(0.95)]]
        if draw < 0.8:
            return [
                self.chance.choice(("uniform-deviate", "normal-deviate", "beta-deviate", "gamma-deviate")),
                {},
                [number(0.1), number(0.2)],
            ]
        if draw < 0.84:
            return [
                "histogram",
                {},
                [number(0), ["bin", {}, [number(0.1), number(1)]], ["bin", {}, [number(0.2), number(2)]]],
            ]
        if draw < 0.9:
            return ["parameter", {"name": "p"}, []]
        kind = self.chance.choice(
            (
                "add",
                "sub",
                "mul",
                "div",
                "pow",
                "exp",
                "log",
                "neg",
                "min",
                "max",
                "mean",
                "ite",
                "lt",
                "switch",
                "sqrt",
                "mod",
            )
        )
        return [
            kind,
            {},
            [
                self.expression(depth - 1)
                for _ in range(1 if kind in ("exp", "log", "neg", "sqrt") else 3 if kind == "ite" else 2)
            ],
        ]

    def document(self) -> list[Any]:
        data = [["define-basic-event", {"name": name}, [self.expression()]] for name in self.events]
        data += [
            ["define-house-event", {"name": "h"}, [["constant", {"value": self.chance.choice(("true", "false"))}, []]]]
        ]
        data += [["define-parameter", {"name": "p", "unit": "hours-1"}, [self.expression(1)]]]
        groups = []
        if self.chance.random() < 0.15:
            model = self.chance.choice(("beta-factor", "MGL", "alpha-factor", "phi-factor"))
            members = ["members", {}, [["basic-event", {"name": name}, []] for name in self.events[:2]]]
            data = [one for one in data if one[1]["name"] not in self.events[:2]]
            levels = [
                ["factor", {"level": str(n)}, [self.number(share)]]
                for n, share in (((1, 0.9), (2, 0.1)) if model[0] in "ap" else ((2, 0.1),))
            ]
            groups = [
                [
                    "define-CCF-group",
                    {"name": "ccf", "model": model},
                    [members, ["distribution", {}, [self.number(0.02)]], ["factors", {}, levels]],
                ]
            ]
        tree = ["define-fault-tree", {"name": "t"}, [self.gate(n) for n in range(len(self.gates))]]
        return ["opsa-mef", {}, [tree, *groups, ["model-data", {}, data]]]


def as_xml(node: Any) -> str:
    """A nested list as text; what has lost its form by a change is written as it is."""
    if not isinstance(node, list) or len(node) != 3 or not isinstance(node[1], dict):
        try:
            return str(node)[:20_000]
        except RecursionError:
            return "<deep>" * 3000
    name, given, below = node
    said = "".join(f' {key}="{str(value)[:20_000]}"' for key, value in given.items())
    inside = "".join(map(as_xml, below)) if isinstance(below, list) else str(below)[:20_000]
    return f"<{name}{said}>{inside}</{name}>" if inside else f"<{name}{said}/>"


def chain(chance: random.Random) -> dict[str, str]:
    """Transitions, labels and rewards of a chain with a few states, each as text."""
    states = chance.choice((2, 3, 3, 5, 9))
    pairs = [(i, j) for i in range(states) for j in range(states) if i != j and chance.random() < 0.6] or [(0, 1)]
    moves = [f"{i} {j} {10 ** chance.uniform(-6, 1):.4g}" for i, j in pairs]
    labels = ['0="init" 1="down"', "0: 0", *(f"{n}: 1" for n in range(1, states) if chance.random() < 0.5)]
    rewards = [f"{n} {chance.uniform(0, 9):.3g}" for n in range(states) if chance.random() < 0.7] or ["0 1"]
    return {
        "m.tra": "\n".join([f"{states} {len(moves)}", *moves, ""]), "m.lab": "\n".join([*labels, ""]),
        "m.srew": "\n".join([*(['# Reward structure "cost"'] if chance.random() < 0.3 else []), f"{states} {len(rewards)}", *rewards, ""]),
    }  # fmt: skip


def field_log(chance: random.Random) -> str:
    """Lives, times, intervals, dates or counts of a few parts."""
    rows = chance.randrange(2, 14)
    mark = chance.choice((",", ",", ";"))

    def time() -> str:
        value = f"{chance.weibullvariate(900, chance.choice((0.7, 1, 2.5))):.5g}"
        return value.replace(".", ",") if mark == ";" else value

    draw = chance.random()
    if draw < 0.3:
        lines = [
            "time_h,event,model",
            *(f"{time()},{chance.choice((0, 1, 1))},{chance.choice('ab')}" for _ in range(rows)),
        ]
    elif draw < 0.5:
        lines = [
            "unit,start [h],end [h],failed",
            *(f"{n // 2},{n % 2 * 5},{n % 2 * 5 + 5 + n},{chance.choice(('yes', 'no'))}" for n in range(rows)),
        ]
    elif draw < 0.7:
        lines = [
            "type,failures,unit_years",
            *(f"{chance.choice(('psu', 'nic'))},{chance.randrange(5)},{chance.randrange(1, 90)}" for _ in range(rows)),
        ]
    elif draw < 0.85:
        lines = [
            "serial,installed,removed,failed",
            *(f"s{n},20{10 + n % 9}-0{1 + n % 9}-11,2021-1{n % 3}-0{1 + n % 9},{n % 2}" for n in range(rows)),
        ]
    elif draw < 0.9:
        lines = ["date,serial_number,model,capacity_bytes,failure,smart_9_raw"]
        lines += [
            f"2024-01-{1 + n:02d},s{disk},m{disk % 2},1000,{int(chance.random() < 0.1)},{99 + 24 * n}"
            for n in range(rows)
            for disk in range(3)
        ]
    else:
        lines = ["lower,upper,count", *(f"{n * 10},{n * 10 + 10},{chance.randrange(1, 5)}" for n in range(rows))]
    return "\n".join([*(lines if mark == "," else (line.replace(",", ";") for line in lines)), ""])


CABLES = ("a_device,a_port,b_device,b_port,type,status", "ws-1,e0,sw-a,1,CAT6,connected", "ws-1,e1,sw-b,1,CAT6,connected", "ws-2,e0,sw-a,2,CAT6,connected",
          "ws-2,e1,sw-b,2,CAT6,planned", "sw-a,9,srv,e0,fiber,connected", "sw-b,9,srv,e1,fiber,connected")  # fmt: skip
DEVICES = "device,component type,mttf,mttr,role,side\nws-*,workstation,30000,8,client,\nsw-a,,90000,4,,A\nsw-b,switch,80000 h,6 h,,B\nsrv,server,20000,5,target,\n"


def workbook(text: str, chance: random.Random, times: int) -> bytes:
    """A table as a workbook, with so many changes in the XML of its parts."""
    import openpyxl

    book, packed, spoiled = openpyxl.Workbook(), io.BytesIO(), io.BytesIO()
    for row in text.splitlines():
        book.active.append([cell[:2000] for cell in row.split(",")])
    book.save(packed)
    with zipfile.ZipFile(packed) as parts, zipfile.ZipFile(spoiled, "w", zipfile.ZIP_DEFLATED) as changed:
        wrong = {chance.choice(parts.namelist()) for _ in range(times)}
        for name in parts.namelist():
            data = parts.read(name)
            changed.writestr(name, spoil.spoiled_bytes(data, chance, 1) if name in wrong else data)
    return spoiled.getvalue()


@cache
def tables() -> tuple[tuple[str, str], ...]:
    """What is read as which table, from what is shipped, and its first lines."""
    found: list[tuple[str, str]] = []
    for what, folder, name in (("rates", "", "rates"), ("costs", "examples", "costs"), ("takeovers", "examples/field", "takeovers"),
                               ("repairs", "examples/field", "repairs"), ("operators", "examples/field", "operators"),
                               ("events", "examples/field", "past_year"),
                               ("alarms", "examples/alarms", "evening"), ("names", "examples/alarms", "names")):  # fmt: skip
        lines = (data_dir() / folder / f"{name}.csv").read_text(encoding="utf-8").split("\n")
        found += [(what, "\n".join([lines[0], *lines[at : at + 4], ""])) for at in range(1, min(len(lines), 40), 4)]
    lines = (data_dir() / "examples" / "alarms" / "monitoring.jsonl").read_text(encoding="utf-8").split("\n")
    found += [("alarms", "\n".join([*lines[at:], *lines[:at]])) for at in range(len(lines))]
    return (*found, *[("cables", "\n".join((*CABLES, "")))] * 12, *[("devices", DEVICES)] * 12)


def sweep(chance: random.Random) -> dict[str, Any]:
    """A sweep of a level or two."""
    result: dict[str, Any] = {"name": "s", "levels": chance.sample(("L1", "L2", "L2R"), chance.randrange(1, 3))}
    if chance.random() < 0.5:
        result["clients"] = chance.choice(([2, 5], {"first": 2, "last": 9, "step": 3}))
    if chance.random() < 0.7:
        result["set"] = {
            "psu.mttr": chance.choice((["1 h", "4 h"], {"low": "1 h", "high": "9 h", "law": "loguniform"}, [3])),
            "switch_A.mttf": ["1e5 h"],
        }
    for key, values in {"repair": (["4h"], ["onsite", "nbd"]), "roles": (["sticky"], ["preferred", "sticky"]), "targets": ([99.9], [99, 99.99]),
                        "method": ("auto", "exact"), "sample": (4, 40), "seed": (1, 7)}.items():  # fmt: skip
        if chance.random() < 0.4:
            result[key] = chance.choice(values)
    if "low" in str(result.get("set")):
        result["sample"] = result.get("sample", 9)
    else:
        result.pop("sample", None)
    return result


LAWS = (
    "weibull(shape=1.4)",
    "lognormal(cv=1.2)",
    "exponential",
    "fixed(5 h)",
    "gamma(shape=2, mean=3 d)",
    "weibull(shape=2, scale=9 h)",
)
HOW_LONG = ("fixed(2 h)", "exponential(mean=8 y)", "lognormal(median=3 h, sigma=0.6)")


def circumstances(chance: random.Random) -> dict[str, Any]:
    """What only the simulation follows, on Level 1."""

    def law() -> str:
        return chance.choice(LAWS)

    def whole() -> str:
        return chance.choice(HOW_LONG)

    every = {
        "lives": {"psu": law(), "switch_A": law()}, "repairs": {"gige_switch": law()}, "age_after_repair": {"psu": chance.choice((0.5, "perfect", "minimal"))},
        "times": {"switchover": law(), "travel": law()}, "spares": {"kit": {"parts": ["psu"], "on_shelf": 1, "lead_time": whole()}},
        "windows": [{"part": "switch_A", "every": "2190 h", "first": "500 h", "lasts": whole()}],
        "common_events": {"heat": {"every": whole(), "lasts": whole(), "hits": {"switch_A": 0.6}}},
        "wrong_unit": {"probability": 0.1, "back_after": whole()}, "buffer": chance.choice(("10 s", 0.1)),
    }  # fmt: skip
    return {key: value for key, value in every.items() if chance.random() < 0.5} or {"buffer": "1 s"}
