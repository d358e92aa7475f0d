"""Draws the script of a seed."""

from random import Random

from clevertap_import_tests.simulation.script import Deed, Fault, Point, Run, Script, Step

AT_POSTS: tuple[Deed, ...] = (
    *("lost before", "lost after", "lost after", "late", "partly", "429", "500 before", "500 after"),
    *("401", "malformed", "555", "reject", "unreachable", "kill", "interrupt"),
)
AT_OTHERS: dict[Point, tuple[Deed, ...]] = {
    "answer": ("kill", "interrupt", "outage", "failover", "failover"),
    "begin": ("kill", "outage"),
    "commit": ("kill", "interrupt", "fail", "fail after", "outage"),
    "committed": ("kill", "failover", "failover", "interrupt"),
}
TIMES = (1, 1, 1, 2, 3, 8, 30)


def drawn(seed: int) -> Script:
    """The script of `seed`; always the same."""
    dice = Random(seed)  # noqa: S311
    sends = dice.choice(("profiles", "events"))
    steps = [Step(do="run", runs=(run(dice),), schedule=schedule(dice)) for _ in range(dice.randint(1, 3))]
    for _ in range(dice.randint(0, 3)):
        steps.insert(dice.randint(0, len(steps)), happening(dice, sends))
    if dice.random() < 0.2:
        steps += [Step(do=dice.choice(("account", "wipe"))), *broken_off(dice), *broken_off(dice)]
    if dice.random() < 0.1:
        late = Fault(at="post", number=1, do="late", amount=dice.choice((30, 200, 500)))
        steps += [*broken_off(dice, late), Step(do="change"), Step(do="run", runs=(Run(),))]
    if dice.random() < 0.2:
        other = run(dice).model_copy(update={"delay": dice.randint(0, 5)})
        place = dice.randrange(len(steps) + 1)
        steps.insert(place, Step(do="run", runs=(run(dice), other), schedule=schedule(dice)))
    if dice.random() < 0.15:
        first, last = sorted(dice.sample(range(len(steps) + 1), 2))
        steps.insert(last, Step(do="put back"))
        steps.insert(first, Step(do="copy"))
    holds = sends == "events" and dice.random() < 0.3
    rows = dice.randint(1, 9)
    if dice.random() < 0.1:
        steps += [Step(do="run", runs=(Run(force=True),)), Step(do="run", runs=(Run(reexecutes=True),))]
    if dice.random() < 0.1:
        lost = Fault(at="post", number=dice.randint(1, 3), do="lost after", times=dice.choice((2, 3)))
        steps += [Step(do="add", amount=dice.randint(1, 9)), Step(do="run", runs=(Run(faults=(lost,)),))]
    return Script(sends=sends, holds=holds, rows=rows, steps=tuple(steps))


def broken_off(dice: Random, *before: Fault) -> list[Step]:
    """A run that ends early."""
    end = Fault(at="post", number=len(before) + dice.randint(1, 3), do=dice.choice(("401", "kill")), times=30)
    return [Step(do="run", runs=(Run(faults=(*before, end)),), schedule=schedule(dice))]


def happening(dice: Random, sends: str) -> Step:
    """Something between two runs."""
    if dice.random() < 0.5:
        kinds = ("add",) if sends == "events" else ("change", "change", "back", "add")
        return Step(do=dice.choice(kinds), amount=dice.randint(1, 4))
    return Step(do=dice.choice(("wait", "account", "account", "wipe")), amount=dice.randint(1, 3))


def run(dice: Random) -> Run:
    return Run(
        force=dice.random() < 0.08,
        reexecutes=dice.random() < 0.15,
        faults=tuple(fault(dice) for _ in range(dice.choice((0, 1, 1, 1, 2, 3)))),
    )


def fault(dice: Random) -> Fault:
    number = dice.randint(1, 8)
    if dice.random() < 0.6:
        deed = dice.choice(AT_POSTS)
        amount = dice.choice((30, 200, 500)) if deed == "late" else 0
        return Fault(at="post", number=number, do=deed, times=dice.choice(TIMES), amount=amount)
    point = dice.choice(list(AT_OTHERS))
    deed = dice.choice(AT_OTHERS[point])
    amount = {"outage": dice.choice((5, 60, 600)), "failover": dice.randint(1, 3)}.get(deed, 0)
    return Fault(at=point, number=number, do=deed, amount=amount)


def schedule(dice: Random) -> int:
    return dice.choice((0, dice.randint(1, 999)))
