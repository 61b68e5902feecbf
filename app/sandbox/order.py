"""What the parent tells the processes that run an arm: an order to collect, then a job per fork.

Read by the supervisor and the guest, which import as little as they can: standard library only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field

COMPILER = {
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
    # Larger than a file may be, and of no use to an arm whose compiler cache goes with it.
    "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0",
}
"""How ``torch.compile`` behaves in an arm. torch reads it once: in the zygote, or in the guest."""

CANARY_NOTE = "this hidden test must fail"


@dataclass(frozen=True)
class Bounds:
    """What an arm may use; the fields are those of ``interface.Limits``."""

    per_arm_s: float
    memory_bytes: int
    file_bytes: int
    scratch_bytes: int
    processes: int
    open_files: int
    output_bytes_per_test: int
    output_bytes_per_arm: int


@dataclass(frozen=True)
class Order:
    """Collect tests of one arm, and wait for jobs."""

    root: str
    """The arm, as an absolute path without links; empty to try the cage and run nothing."""
    packages: tuple[str, ...]
    suites: tuple[str, ...]
    node_ids: tuple[str, ...]
    """What to collect; empty for the whole suite."""
    token: str
    """Stands in every line of the report, so that a line written by a stranger shows."""
    canary: str
    """From this the names of the hidden tests are made."""
    scratch: str
    layers: tuple[str, ...]
    """Layers to apply; one that fails refuses the whole."""
    hidden: tuple[str, ...]
    """Folders to cover, should they lie inside what is visible."""
    uid: int | None
    """Whom to become, when started by root."""
    bounds: Bounds
    seed: int = 0
    """What the random generators are seeded with before anything is collected."""
    threads: int = 1
    """How many threads torch may use."""
    import_root: str = ""
    """The folder below root that goes on ``sys.path`` before root itself; empty: none."""
    modules: dict[str, str] = field(default_factory=dict)
    """Top-level modules that the arm holds, each with its folder below root."""
    settings: str = "pytest.ini"
    """The file at root from which pytest takes its settings."""
    options: tuple[str, ...] = ()
    """Further options of pytest."""
    plugins: tuple[str, ...] = ()
    """Plugins of pytest to load."""
    env: dict[str, str] = field(default_factory=dict)
    """Environment variables."""

    def to_line(self) -> bytes:
        """As one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Order:
        """Read what `to_line` wrote."""
        found = json.loads(line)
        found["bounds"] = Bounds(**found["bounds"])
        for name in ("packages", "suites", "node_ids", "layers", "hidden", "options", "plugins"):
            found[name] = tuple(found[name])
        return cls(**found)


@dataclass(frozen=True)
class Job:
    """Run collected tests in one process."""

    items: tuple[int, ...]
    """Which, in which order: positions among the collected ones."""
    token: str
    seed: int
    """What the random generators are seeded with, unless the arm has seeded them itself."""
    in_place: bool = False
    """Run in the collected process itself, which ends with it: where a fork would hang."""

    def to_line(self) -> bytes:
        """As one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Job:
        """Read what `to_line` wrote."""
        found = json.loads(line)
        return cls(**{**found, "items": tuple(found["items"])})


def canary_name(secret: str, path: str) -> str:
    """The name of the hidden test in the test file `path`."""
    return "test_" + hashlib.sha256(f"{secret}:{path}".encode()).hexdigest()[:16]


def selected(node_id: str, wanted: Collection[str]) -> bool:
    """Whether `node_id` is one of `wanted`, or lies within a file, class or test among them.

    What names a parameter names nothing else: ``x[a]`` is not ``x[a][b]``. Of many `wanted` give a
    set, for there may be thousands of both.
    """
    return any(name in wanted for name in names_of(node_id))


def names_of(node_id: str) -> Iterator[str]:
    """Yield all names that stand for a test: its own, without parameters, its class, its file."""
    yield node_id
    path, _, inside = node_id.partition("::")
    name = inside.partition("[")[0]
    while name:
        yield f"{path}::{name}"
        name = name.rpartition("::")[0]
    yield path


def files_of(node_ids: Sequence[str]) -> tuple[str, ...]:
    """The files of some node ids, each once, in order."""
    return tuple(dict.fromkeys(node_id.partition("::")[0] for node_id in node_ids))
