"""From samples to the report: pure. A line a figure; text and JSON say the same."""
import dataclasses

from stats import improvement, median

SYSTEMS = ("slurm", "reeve")
COLUMNS = ("measurement", "unit", "Slurm [spread]", "Reeve [spread]", "ratio", "target", "reached")


@dataclasses.dataclass
class Side:
    """One system's part of a figure: a value a round, what each was made of, and why a round has none."""
    values: list = dataclasses.field(default_factory=list)
    samples: list = dataclasses.field(default_factory=list)
    failures: list = dataclasses.field(default_factory=list)

    def text(self):
        if self.values:
            low, high = min(self.values), max(self.values)
            spread = "" if len(self.values) == 1 else f" [{number(low)}..{number(high)}]"
            failed = f" ({len(self.failures)} failed)" if self.failures else ""
            return number(median(self.values)) + spread + failed
        return "failed" if self.failures else "-"

    def json(self):
        result = {"values": self.values, "samples": self.samples, "failures": self.failures}
        if self.values:
            result |= {"median": median(self.values), "spread": [min(self.values), max(self.values)]}
        return result


@dataclasses.dataclass
class Line:
    """One figure of one measurement, with accounting on or off. figure: registry.Figure."""
    name: str
    figure: object
    accounting: bool
    slurm: Side = dataclasses.field(default_factory=Side)
    reeve: Side = dataclasses.field(default_factory=Side)

    def side(self, system):
        return getattr(self, system)

    def full_name(self):
        return self.name if self.accounting else self.name + " (no accounting)"

    def ratio(self):
        """How many times better Reeve is; None where a side has no value, or a zero forbids it."""
        if not self.slurm.values or not self.reeve.values:
            return None
        return improvement(median(self.slurm.values), median(self.reeve.values), self.figure.more)

    def reached(self):
        """None where no target is set or it cannot be told. A round that failed does not reach anything."""
        target = self.figure.target
        if target is None:
            return None
        if self.reeve.failures:
            return False
        if not self.reeve.values:
            return None
        if target.at_most is not None:
            return median(self.reeve.values) <= target.at_most
        ratio = self.ratio()
        return None if ratio is None else ratio >= target.times


def number(value):
    """Three significant digits, without exponents."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3g}"


def cells(line, quick):
    ratio, reached, target = line.ratio(), line.reached(), line.figure.target
    verdict = "-" if reached is None or quick else "yes" if reached else "NO"
    return (line.full_name(), line.figure.unit, line.slurm.text(), line.reeve.text(),
            "-" if ratio is None else number(ratio) + "x", target.text(line.figure.unit) if target else "-", verdict)


def table(lines, quick=False):
    """Columns of equal width, two blanks between them."""
    rows = [COLUMNS] + [cells(line, quick) for line in lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def failures(lines):
    """What failed and why: a line for each system and reason, with the figures that it cost."""
    found = {}
    for line in lines:
        for system in SYSTEMS:
            for reason in dict.fromkeys(line.side(system).failures):
                found.setdefault((system, reason), []).append(line.full_name())
    return [f"{', '.join(names)} on {system}: {reason}" for (system, reason), names in found.items()]


def text(lines, machine, notes, quick=False):
    parts = ["\n".join(f"{key}: {value}" for key, value in machine.items())]
    if quick:
        parts.append("QUICK RUN: counts are small and queues short; it shows that everything works, not how fast.")
    parts.append(table(lines, quick))
    parts.append("ratio: how many times better Reeve is than Slurm; spread: least and most of the rounds")
    if failed := failures(lines):
        parts.append("FAILED\n" + "\n".join("  " + reason for reason in failed))
    if notes:
        parts.append("NOTES\n" + "\n".join("  " + note for note in dict.fromkeys(notes)))
    return "\n\n".join(parts) + "\n"


def as_json(lines, machine, notes, quick=False):
    return {"machine": machine, "quick": quick, "notes": notes, "figures": [
        {"name": line.name, "title": line.figure.title, "unit": line.figure.unit, "accounting": line.accounting,
         "more_is_better": line.figure.more, "target": dataclasses.asdict(t) if (t := line.figure.target) else None,
         "slurm": line.slurm.json(), "reeve": line.reeve.json(), "ratio": line.ratio(),
         "reached": None if quick else line.reached()} for line in lines]}
