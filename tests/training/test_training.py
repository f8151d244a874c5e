"""A training from the request to the version: what is written, under which rights, and how it goes on after a stop."""

import json

import pytest
from safetensors import safe_open

from assets.licensing import Action
from assets.models import ModelFile, Rights
from assets.services import decide_use, withdraw_rights
from assets.storage import verify_stored
from engine.adapter_files import read_adapter
from engine.training.values import Checkpointed, Stepped
from jobs.models import Canceled, Status
from ledger.models import Entry
from ledger.services import verify
from tests.training.stage import TRIGGER, asked, frozen, trained
from training import tasks
from training.folders import run_folder
from training.models import AdapterVersion, TrainingRun
from training.sentences import verdict_sentence
from training.services.progress import Recorder
from training.services.runs import cancel_run, resume_run
from training.services.versions import save_version
from training.services.watches import RunWatch
from training.tasks_weights import write_trained

pytestmark = pytest.mark.slow
LOOKS = {"sample_steps": 2, "sample_prompts": [{"prompt": TRIGGER, "seed": 1}], "sample_num_inference_steps": 2}


@pytest.fixture
def version(people, project):
    return frozen(people, project)


def header_of(file: ModelFile) -> dict[str, str]:
    with safe_open(file.file, "pt") as opened:
        return opened.metadata()


def test_a_run_leaves_a_version_with_everything_that_it_was_made_from(people, project, starter, version, settings):
    run = trained(asked(people, project, version, starter, **LOOKS))
    made = run.version
    assert (made.number, made.trigger_words, made.recommended_weight) == (1, [TRIGGER], 0.8)
    assert (made.step, made.dataset_version, made.license) == (run.best_step, version, "CC0-1.0")
    assert {alias.name: alias.version for alias in made.adapter.aliases.all()} == {"candidate": made}
    assert (run.ending, run.step, run.progress) == ("finished", 4, 1.0)
    assert run.pictures_per_second > 0
    assert not run_folder(run.id).exists()

    file = made.file
    assert (file.kind, file.method, file.project, file.architecture) == ("adapter", "lora", project, "sd1")
    assert file.defaults["trigger_words"] == [TRIGGER]
    edges = {(each.role, each.file_id or each.dataset_version_id) for each in file.sources.all()}
    assert edges == {("derived_from", starter.id), ("trained_on", version.id)}
    assert read_adapter(file.file).weights

    header = header_of(file)
    assert header["daicho.run"] == str(run.id)
    assert header["daicho.dataset_root"] == version.merkle_root
    assert header["daicho.split"] == run.spec["split"]
    assert header["daicho.effective_license"] == "CC0-1.0"
    assert [step for step, *_more in json.loads(header["daicho.held_out"])] == [0, 2, 4]
    assert header["modelspec.trigger_phrase"] == TRIGGER

    entry = Entry.objects.get(chain=project.id, seq=made.ledger_seq)
    assert (entry.event, entry.subject) == ("training.version.created", f"adapter_version:{made.id}")
    said = entry.data
    assert (said["file_sha256"], said["run"], said["step"]) == (file.sha256, str(run.id), made.step)
    assert (said["dataset_root"], said["split_sha256"]) == (version.merkle_root, run.spec["split"])
    assert len(said["curve_sha256"]) == 64
    assert said["decision"]["verdict"] == "allow"
    assert verify(project.id).ok


def test_a_run_keeps_its_curve_and_its_strips(people, project, starter, version, settings):
    run = trained(asked(people, project, version, starter, **LOOKS))
    points = {point.step: point for point in run.points.all()}
    assert list(points) == [0, 2, 4]
    assert points[0].held_out_mean == 0.0
    assert points[4].loss is not None
    assert [point.step for point in points.values() if point.is_best] == [run.best_step]
    assert points[2].held_out_low <= points[2].held_out_mean <= points[2].held_out_high
    samples = list(run.samples.all())
    assert [(each.step, each.index, each.prompt, each.seed) for each in samples] == [
        (2, 0, TRIGGER, 1),
        (4, 0, TRIGGER, 1),
    ]
    for each in samples:
        assert verify_stored(settings.MEDIA_ROOT, each.path).size > 0
        assert verify_stored(settings.MEDIA_ROOT, each.thumbnail).size > 0


def test_what_was_trained_may_be_used_at_once_and_closes_with_what_it_learned_from(people, project, starter, version):
    made = trained(asked(people, project, version, starter)).version
    assert made.file.rights.state == Rights.State.CLEARED
    assert made.file.rights.cleared_by is None
    decision = decide_use(project, Action.GENERATE, [starter, made.file])
    assert decision.allowed
    assert {each.item for each in decision.inputs} >= {"Daicho Starter", "1.png", made.file.name}
    withdraw_rights(version.items.first().picture, actor=people.reviewer, reason="They asked.")
    assert decide_use(project, Action.GENERATE, [made.file]).verdict == "block"


def test_the_version_owes_what_its_pictures_owe(people, project, starter):
    version = frozen(people, project, expression="CC-BY-4.0")
    made = trained(asked(people, project, version, starter)).version
    assert made.license == "CC-BY-4.0"
    assert "Ana" in made.attribution
    assert "Ana" in header_of(made.file)["daicho.attribution"]
    assert decide_use(project, Action.GENERATE, [made.file]).effective_license == "CC-BY-4.0"


def test_a_run_of_an_adapter_makes_the_next_version(people, project, starter, version):
    first = trained(asked(people, project, version, starter)).version
    second = trained(asked(people, project, version, starter, adapter=first.adapter, seed=1)).version
    assert (second.adapter, second.number) == (first.adapter, 2)
    candidate = first.adapter.aliases.get(name="candidate")
    assert (candidate.version, candidate.previous) == (second, first)
    assert first.file.sha256 != second.file.sha256


@pytest.mark.parametrize(
    ("method", "values", "kind"),
    [
        ("textual_inversion", {"num_vectors": 1}, "textual_inversion"),
        ("hypernetwork", {}, "hypernetwork"),
        ("dreambooth", {"prior_mode": "adapter_off", "with_prior_preservation": True}, "dreambooth"),
        ("dreambooth_lora", {"with_prior_preservation": True, "num_class_images": 2}, "lora"),
    ],
)
def test_every_method_leaves_a_file_of_its_kind(people, project, starter, version, method, values, kind):
    quick = {"max_train_steps": 2, "checkpointing_steps": 1, **values}
    ModelFile.objects.filter(pk=starter.pk).update(defaults={**starter.defaults, "steps": 2})
    made = trained(asked(people, project, version, starter, method=method, **quick)).version
    assert (made.file.method, read_adapter(made.file.file).kind) == (kind, kind)
    assert made.adapter.method == method


def test_folds_find_the_steps_and_keep_a_curve_each(people, project, starter, version):
    run = trained(asked(people, project, version, starter, folds=2, max_train_steps=4, validation_steps=2))
    assert run.split["validation"] == []
    looked = run.points.exclude(held_out_loss=None).values_list("fold", flat=True)
    assert set(looked) == {1, 2}
    last = run.points.filter(fold=0).order_by("-step").first()
    assert (last.step, last.held_out_loss) == (run.step, None)
    assert run.step in (2, 3, 4)
    assert (run.verdict, run.verdict_params, run.total_steps) == ("folded", {"step": run.step}, run.step)
    assert f"{run.step} steps" in verdict_sentence(run)
    assert run.version.step == run.step
    assert set(run.folds) == {"1", "2"}
    assert set(run.folds.values()) <= {2, 4}
    best = run.points.filter(fold__gt=0, is_best=True).values_list("held_out_mean", flat=True)
    scores = run.version.scores
    assert scores["verdict"] == "folded"
    assert scores["held_out"] == {"mean": pytest.approx(sum(best) / 2), "low": None, "high": None}


class Interruption(Exception):
    """Stand for a worker that dies."""


def interrupted(run: TrainingRun, at: int, monkeypatch) -> None:
    """Train until a checkpoint, and die there as a killed worker does: nothing is recorded."""

    class Dying(Recorder):
        def __call__(self, event) -> None:
            super().__call__(event)
            if isinstance(event, Checkpointed) and event.step == at:
                raise Interruption

    assert run.claim()
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "Recorder", Dying)
        with pytest.raises(Interruption):
            tasks.train_run(run)


def test_a_killed_run_goes_on_from_its_checkpoint_to_the_same_weights(
    people, project, starter, version, monkeypatch, settings
):
    # Sums over several threads are no two times the same.
    settings.ENGINE_THREADS = 1
    whole = trained(asked(people, project, version, starter))
    killed = asked(people, project, version, starter)
    interrupted(killed, 2, monkeypatch)
    assert run_folder(killed.id).is_dir()
    assert TrainingRun.objects.get(pk=killed.pk).checkpoint_step == 2
    # As the reaper leaves it.
    killed.rows().update(status=Status.QUEUED, heartbeat_at=None)
    finished = trained(killed)
    assert (finished.attempt, finished.resumed_from) == (2, 2)
    one, other = (read_adapter(each.version.file.file).weights for each in (whole, finished))
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)
    curves = [list(each.points.values_list("step", "loss", "held_out_loss")) for each in (whole, finished)]
    assert curves[0] == curves[1]


def test_a_canceled_run_keeps_its_checkpoint_and_goes_on(people, project, starter, version, monkeypatch):
    run = asked(people, project, version, starter)

    class Stopping(Recorder):
        def __call__(self, event) -> None:
            if isinstance(event, Stepped) and event.step == 3:
                cancel_run(TrainingRun.objects.get(pk=run.pk), actor=people.editor)
                self.run._beaten_at = 0.0
            super().__call__(event)

    with monkeypatch.context() as patch:
        patch.setattr(tasks, "Recorder", Stopping)
        tasks.train(str(run.id))
    run.refresh_from_db()
    assert (run.status, run.checkpoint_step) == (Status.CANCELED, 2)
    assert not AdapterVersion.objects.exists()
    assert run_folder(run.id).is_dir()
    finished = trained(resume_run(run, actor=people.editor))
    assert finished.resumed_from == 2
    assert not run_folder(run.id).exists()


def test_rights_that_are_withdrawn_stop_a_run_at_its_next_step(people, project, starter, version, monkeypatch):
    run = asked(people, project, version, starter)
    steps = []

    class Withdrawing(Recorder):
        def __call__(self, event) -> None:
            if isinstance(event, Stepped):
                steps.append(event.step)
                if event.step == 2:
                    picture = version.items.first().picture
                    withdraw_rights(picture, actor=people.reviewer, reason="They asked.")
                self.watch.looked_at -= 10
            super().__call__(event)

    with monkeypatch.context() as patch:
        patch.setattr(tasks, "Recorder", Withdrawing)
        tasks.train(str(run.id))
    run.refresh_from_db()
    assert (run.status, run.error, steps) == (Status.BLOCKED, "rights_blocked", [1, 2])
    assert "1.png" in run.reason
    assert "撤回" in " ".join(run.error_params["reasons"]["ja"])
    entry = Entry.objects.get(chain=project.id, event="training.run.blocked")
    assert entry.data["decision"]["reasons"][0]["code"] == "withdrawn"
    assert not AdapterVersion.objects.exists()
    assert verify(project.id).ok


def test_rights_that_are_withdrawn_while_the_file_is_written_leave_no_version(
    people, project, starter, version, monkeypatch, settings
):
    run = asked(people, project, version, starter)
    folder = settings.MODELS_ROOT / "adapters"
    before = set(folder.glob("*")) if folder.is_dir() else set()

    def write(run, trained, material):
        examined = write_trained(run, trained, material)
        assert examined.path.is_file()
        withdraw_rights(version.items.first().picture, actor=people.reviewer, reason="They asked.")
        return examined

    monkeypatch.setattr(tasks, "write_trained", write)
    tasks.train(str(run.id))
    run.refresh_from_db()
    assert (run.status, run.error) == (Status.BLOCKED, "rights_blocked")
    assert not AdapterVersion.objects.exists()
    assert set(folder.glob("*")) == before
    assert Entry.objects.filter(chain=project.id, event="training.run.blocked").count() == 1


def test_a_run_asks_before_it_loads_anything(people, project, starter, version):
    run = asked(people, project, version, starter)
    withdraw_rights(version.items.first().picture, actor=people.reviewer, reason="They asked.")
    tasks.train(str(run.id))
    run.refresh_from_db()
    assert (run.status, run.stage) == (Status.BLOCKED, "")
    assert not run.points.exists()


def test_a_second_delivery_does_nothing(people, project, starter, version):
    run = trained(asked(people, project, version, starter))
    tasks.train(str(run.id))
    assert AdapterVersion.objects.count() == 1


def test_a_file_stays_only_with_its_version(people, project, starter, version, monkeypatch, settings):
    run = asked(people, project, version, starter)
    folder = settings.MODELS_ROOT / "adapters"
    before = set(folder.glob("*")) if folder.is_dir() else set()

    def late(run, trained, examined):
        TrainingRun.objects.filter(pk=run.pk).update(attempt=7)
        return save_version(run, trained, examined)

    monkeypatch.setattr(tasks, "save_version", late)
    tasks.train(str(run.id))
    assert not AdapterVersion.objects.exists()
    assert set(folder.glob("*")) == before


def test_a_picture_that_was_changed_on_disk_fails_the_run_in_words(people, project, starter, version, settings):
    run = asked(people, project, version, starter)
    path = settings.MEDIA_ROOT / version.items.first().picture.path
    original = path.read_bytes()
    path.write_bytes(original + b" ")
    try:
        tasks.train(str(run.id))
    finally:
        path.write_bytes(original)
    run.refresh_from_db()
    assert (run.status, run.error) == (Status.FAILED, "picture_changed")
    assert "changed on disk" in run.reason


def test_a_watch_keeps_the_answer_of_the_moment(people, project, starter, version):
    run = asked(people, project, version, starter)
    assert run.claim()
    watch = RunWatch(run)
    watch.check()
    assert run.decision["verdict"] == "allow"
    withdraw_rights(starter, actor=people.reviewer, reason="They asked.")
    with pytest.raises(Canceled):
        watch.look(every_seconds=0)
