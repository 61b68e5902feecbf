"""How to repeat a run by hand: the commands to type, with the seeds and digests it had.

They are for bash, typed at the root of a copy of the project. What a command names (node ids, names
of patches) is text of strangers: every word of it is quoted.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.arms import MUTANT
from app.domain.runs import ArmResult, PatchUse, Run, SubmittedFile


@dataclass(frozen=True)
class Step:
    """A command, and what it is for."""

    why: str
    command: str


def by_hand(run: Run) -> tuple[Step, ...]:
    """Return the steps that repeat a run, in order; none while it has not run.

    What stays different: the service runs each test in a fork of one collected process, in a cage
    (docs/security.md), and draws the seed of each fork from the one shown here.
    """
    if not run.arms or not run.tests:
        return ()
    hashes, seed = _seeds(run.environment)
    torch = bool(run.environment.get("torch"))
    steps = [Step("The linked tests, in their order.", f"tests=({_words(run.tests)})")]
    if run.repeats > 2 and len(run.tests) > 1:
        steps.append(
            Step(
                "And the other way round.",
                'reversed=(); for test in "${tests[@]}"; do reversed=("$test" "${reversed[@]}"); '
                "done",
            )
        )
    steps += _patches(run)
    for arm in run.arms:
        steps += _arm(run, arm)
        steps += _passes(run, arm, hashes, _python(seed, torch=torch))
    return tuple(steps)


def _seeds(environment: Mapping[str, Any]) -> tuple[list[int], int | None]:
    """Return the seeds of hashes, that of the last pass last, and that of random generators."""
    seeds = environment.get("seeds")
    if not isinstance(seeds, Mapping):
        return [], None
    hashes = [number for number in seeds.get("hash") or () if isinstance(number, int)]
    drawn = seeds.get("random")
    return hashes, drawn if isinstance(drawn, int) else None


def _patches(run: Run) -> list[Step]:
    used: dict[str, PatchUse] = {arm.patch.name: arm.patch for arm in run.arms if arm.patch}
    return [
        Step(
            f"The patch {use.name} as it was used; the second command says whether it still is so.",
            f"findings patch show {_word(run.ticket)} {_word(name)} > {_file(use)}\n"
            f"echo {_word(f'{use.digest}  {use.name}.patch')} | (cd .. && sha256sum --check)",
        )
        for name, use in used.items()
        # The diff of a mutant stands in the work order that wants it killed.
        if name != MUTANT
    ]


def _arm(run: Run, arm: ArmResult) -> list[Step]:
    place = _place(arm)
    suite = f" and the suite {run.suite_digest[:16]}" if run.suite_digest else ""
    lines = [
        f"mkdir {place} && tar c --exclude=./.git --exclude=./.venv . | tar x -C {place}",
    ]
    if arm.revision is not None:
        # Only the package is of that revision; the suite stays as it is.
        lines.append(f"git archive {_word(arm.revision)} | tar x -C {place}")
        handed_in = {_whole_path(run.tests, file) for file in run.submitted}
        files = {test.partition("::")[0] for test in run.tests} - handed_in
        if files:
            lines.append(f"cp -p --parents {_words(sorted(files))} {place}")
    if arm.patch is not None:
        reverse = "--reverse " if arm.patch.reverse else ""
        lines.append(f"patch -p1 --fuzz=0 {reverse}-d {place} < {_file(arm.patch)}")
    for file in run.submitted:
        path = _whole_path(run.tests, file)
        target = f"{place}/{_word(path)}"
        lines.append(f'mkdir -p "$(dirname {target})"')
        lines.append(f"findings test source {_word(run.ticket)} {_word(path)} > {target}")
    return [
        Step(
            f"The arm {arm.name}: {_package_words(arm)}. The package had the digest "
            f"{arm.package_digest[:16]}{suite}.",
            "\n".join(lines),
        )
    ]


def _package_words(arm: ArmResult) -> str:
    if arm.revision is not None:
        return f"the package at {arm.revision[:10]}"
    if arm.patch is None:
        return "the package as it is"
    return f"the package {'without' if arm.patch.reverse else 'with'} the patch {arm.patch.name}"


def _whole_path(tests: Sequence[str], file: SubmittedFile) -> str:
    """Return where a submitted file lies below the project's root, as its tests' ids say."""
    paths = (test.partition("::")[0] for test in tests)
    return next((path for path in paths if path.endswith(f"/{file.path}")), file.path)


def _passes(run: Run, arm: ArmResult, hashes: Sequence[int], python: str) -> list[Step]:
    first = _pytest(arm, hashes[0] if hashes else None, python)
    steps = [
        Step(
            f"Each test alone on {arm.name}.",
            f'for test in "${{tests[@]}}"; do ({first} "$test"); done',
        )
    ]
    if run.repeats > 1 and len(run.tests) > 1:
        steps.append(Step(f"Together on {arm.name}.", f'({first} "${{tests[@]}}")'))
    if run.repeats > 2 and len(run.tests) > 1:
        steps.append(Step(f"In reversed order on {arm.name}.", f'({first} "${{reversed[@]}}")'))
    if len(hashes) > 1:
        last = _pytest(arm, hashes[-1], python)
        steps.append(
            Step(
                f"Collected anew on {arm.name}, hashing strings otherwise.",
                f'({last} "${{tests[@]}}")',
            )
        )
    if run.also_broken:
        steps.append(
            Step(f"What else broke, on {arm.name}.", f"({first} {_words(run.also_broken)})")
        )
    return steps


def _pytest(arm: ArmResult, hash_seed: int | None, python: str) -> str:
    hashed = "" if hash_seed is None else f"PYTHONHASHSEED={hash_seed} "
    return f"cd {_place(arm)} && {hashed}{python} -q -p no:cacheprovider"


def _python(seed: int | None, *, torch: bool) -> str:
    """Return how pytest is started, with random generators seeded as they were."""
    if seed is None:
        return "python -m pytest"
    seeded = f"import random, sys, pytest; random.seed({seed}); "
    if torch:
        seeded += f"import torch; torch.manual_seed({seed}); "
    return f"python -c {_word(f'{seeded}sys.exit(pytest.main(sys.argv[1:]))')}"


def _place(arm: ArmResult) -> str:
    return f"../{_word(f'arm-{arm.name}')}"


def _file(use: PatchUse) -> str:
    return f"../{_word(f'{use.name}.patch')}"


def _word(text: str) -> str:
    if text.isprintable():
        return shlex.quote(text)
    # What a terminal would take for a key that was pressed is spelled out.
    return "$'" + "".join(map(_spelled, text)) + "'"


def _spelled(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _words(texts: Sequence[str]) -> str:
    return " ".join(map(_word, texts))
