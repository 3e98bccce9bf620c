"""The dual-fabric network AB(n, L) as a site file, for benchmarks and tests."""

from pathlib import Path

from k2rel.bundled import data_dir


def ab_file(path: Path, leaves: int) -> Path:
    """AB(n, leaves), written from the shipped AB(8, 2)."""
    text = (data_dir() / "examples" / "ab_8_2.yaml").read_text()
    for side in "AB":
        for kind in ("leaf", "uplink"):
            first = next(line for line in text.splitlines() if line.startswith(f"  {kind}_{side}0:"))
            second = first.replace(f"{side}0", f"{side}1")
            text = text.replace(
                first + "\n" + second, "\n".join(first.replace(f"{side}0", f"{side}{n}") for n in range(leaves))
            )
            names = ", ".join(f"{kind}_{side}{n}" for n in range(leaves))
            text = text.replace(f"[{kind}_{side}0, {kind}_{side}1]", f"[{names}]")
    path.write_text(text)
    return path
