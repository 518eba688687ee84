"""The limits of the gate: reads tests/gate/limits.txt, judges figures by it, writes it anew. Touches nothing but that file."""
import pathlib
import re

FILE = pathlib.Path(__file__).resolve().with_name("limits.txt")
PACE = 10  # percent, from which on a figure is one of pace
ROW = re.compile(r"([a-z0-9.-]+)\s+([\d,]+)\s+([\d,]+)\s+([\d,]+)\s+(\S.*)")


class Limit:
    """What one figure may be: floor <= figure <= limit. `measured` is what it was when they were set."""

    def __init__(self, floor, measured, limit, what):
        self.floor, self.measured, self.limit, self.what = floor, measured, limit, what


def parse(text):
    """By name. Raises ValueError for a line that says nothing, or the same thing twice."""
    limits = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        row = ROW.fullmatch(line.strip())
        if not row:
            raise ValueError(f"line {number}: not 'name floor measured limit what': {line}")
        floor, measured, limit = (int(word.replace(",", "")) for word in row.groups()[1:4])
        if row[1] in limits:
            raise ValueError(f"line {number}: {row[1]} is there twice")
        if not floor <= measured <= limit:
            raise ValueError(f"line {number}: {row[1]}: not floor <= measured <= limit")
        limits[row[1]] = Limit(floor, measured, limit, row[5])
    return limits


def judge(figures, limits, how):
    """What is wrong with the figures (name -> number), a line each. `how`: name -> the command that shows where it comes from."""
    wrong = []
    for name, figure in figures.items():
        if name not in limits:
            wrong.append(f"{name}: {figure:,.0f}, and no limit for it: --update writes one")
            continue
        limit = limits[name]
        if figure > limit.limit:
            wrong.append(f"{name}: {figure:,.0f} {limit.what}, limit {limit.limit:,} (was {limit.measured:,}). "
                         f"Find out with: {how[name]}")
        elif figure < limit.floor:
            wrong.append(f"{name}: {figure:,.0f} {limit.what}, far under the limit of {limit.limit:,} (was {limit.measured:,}). "
                         "If that is your doing: well done, now keep it with --update")
    for name in limits:
        if name not in figures:
            wrong.append(f"{name}: has a limit and was not measured")
    return wrong


def spread_over(figure, percent):
    """A limit for a figure that differs so much from run to run. The floor is farther away: it asks for a new limit when a
    change has brought something, not for one at each small change. What depends on the machine's pace has none: a quicker
    disk is no improvement of ours."""
    floor = int(figure * 0.85 * 100 / (100 + percent)) if percent < PACE else 0
    return Limit(floor, round(figure), -int(-figure * (100 + percent) // 100), "")


def update(text, figures, spreads, whats):
    """The file's text with the rows of `figures` written anew: at their place, or at the end. Comments stay."""
    left = dict(figures)
    lines = []

    def write(name, figure):
        new = spread_over(figure, spreads[name])
        lines.append(f"{name:<28}{new.floor:>12,}{new.measured:>12,}{new.limit:>12,}  {whats[name]}")

    for line in text.splitlines():
        row = ROW.fullmatch(line.strip())
        if row and row[1] in left:
            write(row[1], left.pop(row[1]))
        else:
            lines.append(line)
    for name, figure in left.items():
        write(name, figure)
    return "\n".join(lines) + "\n"
