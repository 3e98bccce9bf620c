"""What to change: answers of several designs beside each other, their costs, targets and differences.

`k2rel.measures` says what one study answers; here studies are compared, changed and judged.
"""
