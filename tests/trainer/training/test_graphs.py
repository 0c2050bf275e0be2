"""The step of a graphics card, without one: nothing is read back, and a recorded step gives the usual numbers."""

from __future__ import annotations

import importlib

import pytest
import torch

from tests.trainer.training import recording
from tests.trainings import CPU, FEW, pictures, settings
from trainer.errors import UserError
from trainer.training import checkpoint, finite, graphs, optimisers
from trainer.training.hardware import Hardware, launch
from trainer.training.players import Players

GRAPHS = Hardware(accelerator="cpu", graphs=True)
MODELS = [("gwae", "np"), ("gwae", "fnp"), ("gwae", "gmp"), ("vae", "normal"), ("wae-mmd", "normal")]


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    """Optimisers keep their state as on a card, and recordings are those of tests/trainer/training/recording.py."""
    for kind in ("rmsprop", "adam"):
        module = importlib.import_module(f"torch.optim.{kind}")
        monkeypatch.setattr(module, "_get_capturable_supported_devices", lambda *_, **__: ["cpu"])
    monkeypatch.setattr(graphs, "record_on_card", recording.record)


def players(hardware: Hardware, model: str = "gwae", prior: str = "np", **sections) -> Players:
    torch.manual_seed(0)
    wanted = settings(model={"kind": model}, prior={"kind": prior}, **sections)
    return Players(wanted, pictures(FEW), launch(CPU), hardware)


@pytest.mark.parametrize(("model", "prior"), MODELS)
def test_a_step_reads_nothing_back(model, prior):
    data = {"shift": 2, "mirror": True, "mutation": 0.1}
    made = players(GRAPHS, model, prior, data=data, objective={"lambda_p": 0.1} if prior != "gmp" else {})
    made.recorded = None
    made.step(0)
    with recording.NoHostReads():
        for done in (1, 2):
            made.step(done)


def test_the_watch_notices_a_number_that_is_read():
    with recording.NoHostReads(), pytest.raises(AssertionError, match="waits for the card"):
        torch.rand(3).sum().item()


OPTIMS = [
    {"name": "adam", "decay": True},
    {"name": "rmsprop", "decay": True},
    {"name": "rmsprop", "critic_batches": "shared"},
    {"name": "adam", "warmup_steps": 2, "refine_steps": 3, "keep": "last"},
]
STEPS = 10


def steps_of(made: Players, number: int = STEPS) -> list[dict[str, torch.Tensor]]:
    """Terms of the first steps."""
    torch.manual_seed(1)
    return [made.step(done) for done in range(number)]


@pytest.mark.parametrize("optim", OPTIMS, ids=lambda optim: "-".join(map(str, optim.values())))
@pytest.mark.parametrize(("model", "prior"), [("gwae", "np"), ("gwae", "gmp"), ("vae", "normal")])
def test_a_recorded_training_is_the_training_bit_by_bit(model, prior, optim):
    """Warm-up, recorded steps and refinement; both with their state in tensors, as on a card."""
    if model == "vae" and "refine_steps" in optim:
        pytest.skip("no critic to refine")
    sections = {"optim": {"max_steps": STEPS, **optim}}
    plain, recorded = (players(GRAPHS, model, prior, **sections) for _ in range(2))
    plain.recorded = None
    for one, other in zip(steps_of(plain), steps_of(recorded), strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert recorded.recorded.taken > graphs.WARM_UP + 1
    for one, other in zip(plain.model.state_dict().values(), recorded.model.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_state_in_tensors_changes_the_training_by_rounding_only(name):
    """Against the CPU's own optimisers, before the players' game makes much of a rounded rate."""
    sections = {"optim": {"name": name, "decay": True}}
    usual, recorded = (steps_of(players(hardware, **sections), 5) for hardware in (CPU, GRAPHS))
    for one, other in zip(usual, recorded, strict=True):
        assert {key: value.item() for key, value in one.items()} == pytest.approx(
            {key: value.item() for key, value in other.items()}, rel=1e-4, abs=1e-5
        )


def test_a_number_that_python_computed_would_be_a_constant():
    """The stand-in is as strict as a card: a step that takes its rate from Python does not follow it."""
    value, rate = torch.zeros(()), {"now": 1.0}

    def work():
        value.add_(rate["now"])
        return {"value": value * 1}

    recorded = graphs.Recorded(work, recording.record)
    for number in range(graphs.WARM_UP + 1):
        rate["now"] = float(number)
        recorded()
    rate["now"] = 100.0
    assert recorded()["value"] == 0 + 1 + 2 + 3 + 3


def test_flags_name_the_term_and_its_first_step():
    watch = finite.Watch(at_once=False)
    for step, gap in ((1, 1.0), (2, float("nan")), (3, float("inf"))):
        watch.begin(step)
        watch.note({"loss": torch.tensor(gap), "critic gap": torch.tensor(gap), "gw": torch.tensor(1.0)})
        watch.note({"gradient": torch.tensor(1.0)})
        if step == 1:
            watch.require()
    with pytest.raises(UserError, match="'critic gap' became non-finite at step 2"):
        watch.require()


def test_the_start_up_of_rmsprop_is_the_same_in_tensors():
    usual, capturable = (players(hardware, optim={"name": "rmsprop"}) for hardware in (CPU, GRAPHS))
    for each in (usual, capturable):
        for _ in range(3):
            each.update("main")
    ours, theirs = (float(optimisers.start_up(each.optimizers["main"])) for each in (usual, capturable))
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_a_checkpoint_of_another_kind_of_processor_begins_a_stream_of_its_own():
    generator = torch.Generator().manual_seed(3)
    checkpoint._continue(generator, torch.zeros(16, dtype=torch.uint8), 7)  # a card's state has 16 bytes
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(10).get_state())


def test_graphs_are_refused_where_they_cannot_be():
    with pytest.raises(UserError, match="--graphs: records the step of one NVIDIA GPU"):
        launch(GRAPHS)
    with pytest.raises(UserError, match="--graphs: dagmm"):
        players(GRAPHS, "dagmm", "gmp")
