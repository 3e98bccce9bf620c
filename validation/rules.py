"""The tables of docs/reference/takeover-rules.md: what each rule that no source states changes on the levels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import k2rel

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "takeover-rules.md"
LEVELS = ("L2R", "L3R", "nearline")
_BEGIN, _END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


def rows(levels: Sequence[str]) -> list[str]:
    """Give a row for each rule and service that changes by more than a part in 100,000 [min/year].

    Parameters
    ----------
    levels : sequence of str
        The levels.

    Returns
    -------
    list of str
        Rows of the table.
    """
    result = []
    for level in levels:
        study = k2rel.study(level)
        names = [name for name in ("media", "control", "ftp", "ftp_retry") if name in study.site.traffic]
        table = k2rel.rule_effects(study, [*names, "file_system"])
        used = table[table["in_use"]].drop_duplicates("service").set_index("service")
        for row in table[~table["in_use"]].to_dict("records"):
            before = used.loc[row["service"]]
            cells = [
                (before[column], row[column]) for column in ("ideal_min_per_year", "modelled_min_per_year")
            ]  # fmt: skip
            if any(abs(new - old) > 1e-5 * old for old, new in cells):
                said = " | ".join(f"{old:.6g} → {new:.6g}" for old, new in cells)
                result.append(f"| {level} | `{row['rule']}` | {row['value']} | {row['service']} | {said} |")
    return result


def main() -> None:
    """Write the rows into the page."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(_BEGIN)
    heading = "| level | rule | other value | service | ideal takeovers [min/year] | as modelled [min/year] |\n"
    table = heading + "|---|---|---|---|---|---|\n" + "\n".join(rows(LEVELS)) + "\n"
    PAGE.write_text(head + _BEGIN + table + _END + rest.partition(_END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
