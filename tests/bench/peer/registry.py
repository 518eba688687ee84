"""The measurements, by name, and what each of them yields."""
import contextlib
import dataclasses
import fnmatch

from system import Failure

MEASUREMENTS = {}


@dataclasses.dataclass(frozen=True)
class Target:
    """What issue 5 asks of a figure: `times` better than the peer, or `at_most` this value."""
    times: float = None
    at_most: float = None

    def text(self, unit):
        if self.times is not None:
            return "no slower" if self.times == 1 else f"{self.times:g}x"
        return f"<= {self.at_most:g} {unit}".rstrip()


@dataclasses.dataclass(frozen=True)
class Figure:
    """One line of the report. more: whether more is better. target: None where nothing is asked."""
    title: str
    unit: str
    more: bool = False
    target: Target = None


@dataclasses.dataclass(frozen=True)
class Measurement:
    """run(bench, system, out) measures once, on one system whose queue is empty, and records into out what
    it found. figures: by key; a figure's full name is NAME.KEY. without_accounting: again with accounting off."""
    name: str
    figures: dict
    run: object
    without_accounting: bool


def measurement(name, figures, without_accounting=False):
    def register(function):
        MEASUREMENTS[name] = Measurement(name, figures, function, without_accounting)
        return function
    return register


def times(factor):
    return Target(times=factor)


def at_most(value):
    return Target(at_most=value)


def selected(patterns):
    """Full names of figures, by measurement. Patterns name measurements or figures, with * and ?; none: all.
    A pattern that fits nothing is a ValueError."""
    unused = set(patterns)
    chosen = {}
    for name, found in MEASUREMENTS.items():
        for key in found.figures:
            fitting = [p for p in patterns if fnmatch.fnmatch(name, p) or fnmatch.fnmatch(f"{name}.{key}", p)]
            unused -= set(fitting)
            if fitting or not patterns:
                chosen.setdefault(name, set()).add(key)
    if unused:
        raise ValueError(f"no measurement and no figure is called {', '.join(sorted(unused))}; --list names them")
    return chosen


class Outcome:
    """What one run of a measurement on one system has yielded: values, or why there is none."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.values = {}
        self.samples = {}
        self.failures = {}
        self.notes = []

    def put(self, key, value, samples=None):
        """samples: what the value was made of, for the JSON."""
        if key not in self.wanted:
            return
        self.values[key] = value
        if samples is not None:
            self.samples[key] = samples

    @contextlib.contextmanager
    def attempt(self, *keys):
        """A part that may fail by itself: the others go on."""
        try:
            yield
        except (Failure, OSError, ValueError) as error:
            for key in set(keys) & set(self.wanted) - set(self.values):
                self.failures[key] = reason_of(error)

    def wants(self, *keys):
        return any(key in self.wanted for key in keys)

    def close(self, error=None):
        """What has no value by now has failed."""
        why = reason_of(error) if error else "it was not measured"
        for key in self.wanted:
            if key not in self.values:
                self.failures.setdefault(key, why)


def reason_of(error):
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
