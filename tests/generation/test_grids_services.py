"""Grids that are asked for: once, all or nothing, with a job and a ledger row for each picture; later completed."""

import time
from threading import Barrier, Event, Thread

import pytest
from django.db import connection, connections, transaction

from assets.models import ModelFile, Rights
from assets.services import clear_rights
from assets.terms import add_term
from generation.composing import PictureRequest
from generation.grid_axes import read_axis
from generation.grid_plans import Order
from generation.grids import Place
from generation.models import Generation, Grid, GridCell, Output
from generation.services import generations
from generation.services.generations import repeat_request, save_output, submit_generation
from generation.services.grids import cancel_grid, redraw_grid, request_grid
from generation.starting import Shelf
from ledger.models import Entry
from ledger.services import verify
from projects.models import Role
from projects.problems import Problem
from projects.services import create_project, set_role
from tests.assets.chain import frozen, learned
from tests.generation.pictures import drawn


def order(project, starter, *axes: tuple[str, list[str]], **request) -> Order:
    """Return an order for a cat, from axes as a form sends them."""
    found = [read_axis(Shelf(project), kind, texts) for kind, texts in axes]
    files = {key: file for _axis, named in found for key, file in named.items()}
    values = {"slots": {"subject": "猫"}, "seed": 7, "num_inference_steps": 4, **request}
    base = PictureRequest(base_model=starter, **values)
    return Order(request=base, axes=tuple(axis for axis, _files in found), files=files)


def draw(job: Generation) -> Output:
    """Draw a picture as a worker does, in one colour."""
    assert job.claim()
    output = save_output(job, 0, drawn((90, 90, 120)))
    job.succeed()
    return output


@pytest.fixture
def adapter(people, project, starter) -> ModelFile:
    """Return an adapter whose rights nobody has cleared yet."""
    found = learned(people, project, starter, frozen(people, project, ["CC0-1.0"]))
    Rights.objects.filter(model_file=found).update(state=Rights.State.PENDING)
    return found


@pytest.fixture
def grid(people, project, starter) -> Grid:
    """Return a grid of four cells that waits."""
    asked = order(project, starter, ("seed", ["1-2"]), ("num_inference_steps", ["4, 5"]))
    return request_grid(people.editor, project, asked, key="one")[0]


def jobs_of(grid: Grid) -> dict[Place, Generation | None]:
    """Return the jobs of a grid's cells, by their places."""
    return {cell.place: cell.generation for cell in grid.cells.select_related("generation")}


def test_each_cell_is_an_ordinary_job_of_one_picture_with_its_ledger_row(project, grid):
    jobs = jobs_of(grid)
    assert {place: (job.spec["seed"], job.spec["num_inference_steps"], job.count) for place, job in jobs.items()} == {
        (0, 0, 0): (1, 4, 1),
        (1, 0, 0): (2, 4, 1),
        (0, 1, 0): (1, 5, 1),
        (1, 1, 0): (2, 5, 1),
    }
    output = draw(jobs[Place(1, 1, 0)])
    entry = Entry.objects.get(chain=project.id, seq=output.ledger_seq)
    assert (entry.event, entry.data["spec"]["seed"]) == ("generation.output.created", 2)
    assert verify(project.id).ok


def test_the_ledger_says_what_varies_from_what_request(project, grid):
    events = list(Entry.objects.filter(chain=project.id).order_by("seq").values_list("event", flat=True))
    assert events[-5:] == ["generation.requested"] * 4 + ["generation.grid.requested"]
    entry = Entry.objects.filter(chain=project.id).latest("seq")
    assert entry.subject == f"grid:{grid.id}"
    assert [axis["kind"] for axis in entry.data["axes"]] == ["seed", "num_inference_steps"]
    assert [each["key"] for each in entry.data["axes"][0]["values"]] == [1, 2]
    assert (entry.data["cells"], entry.data["pictures"], entry.data["closed"]) == (4, 4, {})
    assert entry.data["request"]["slots"] == {"subject": "猫"}


def test_a_repeated_key_is_the_same_grid_whatever_it_asks_for(people, project, starter, grid):
    other = order(project, starter, ("seed", ["1-9"]))
    assert request_grid(people.editor, project, other, key="one") == (grid, False)
    assert Generation.objects.count() == 4
    assert request_grid(people.owner, project, other, key="one")[1]


def test_a_key_of_another_project_is_refused(people, project, starter, grid):
    elsewhere = create_project(people.owner, slug="autumn", name="Autumn")
    set_role(elsewhere, actor=people.owner, user=people.editor, role=Role.EDITOR)
    with pytest.raises(Problem) as caught:
        request_grid(people.editor, elsewhere, order(elsewhere, starter, ("seed", ["1"])), key="one")
    assert (caught.value.code, caught.value.status) == ("key_reused", 409)


def test_a_mistake_in_one_cell_writes_nothing(people, project, starter):
    before = Entry.objects.count()
    with pytest.raises(Problem):
        request_grid(people.editor, project, order(project, starter, ("guidance_scale", ["1, 2, 99"])), key="one")
    assert not Grid.objects.exists()
    assert not Generation.objects.exists()
    assert Entry.objects.count() == before


def test_closed_cells_are_kept_with_their_reason_and_not_drawn(people, project, starter, adapter):
    asked = order(project, starter, ("seed", ["1-2"]), ("adapter", ["", str(adapter.id)]))
    grid, _is_new = request_grid(people.editor, project, asked, key="one")
    jobs = jobs_of(grid)
    assert [job is None for job in jobs.values()] == [False, False, True, True]
    [(key, decision)] = grid.closed.items()
    assert set(grid.cells.filter(generation=None).values_list("closed_by", flat=True)) == {key}
    assert decision["verdict"] != "allow"
    entry = Entry.objects.filter(chain=project.id).latest("seq")
    assert entry.data["closed"] == {key: [[0, 1, 0], [1, 1, 0]]}


def test_a_grid_with_nothing_but_closed_cells_is_refused_with_the_reasons(people, project, starter, adapter):
    with pytest.raises(Problem) as caught:
        request_grid(people.editor, project, order(project, starter, ("adapter", [str(adapter.id)])), key="one")
    assert (caught.value.code, caught.value.status) == ("rights_blocked", 409)
    assert "Umbrella LoRA" in str(caught.value)
    assert not Grid.objects.exists()


def test_cells_of_one_recipe_share_one_job(people, project, starter, adapter):
    clear_rights(adapter, reviewer=people.reviewer)
    axes = ("adapter_weight", ["0.5, 0.7"]), ("adapter", ["", str(adapter.id)])
    jobs = jobs_of(request_grid(people.editor, project, order(project, starter, *axes), key="one")[0])
    assert jobs[Place(0, 0, 0)] == jobs[Place(1, 0, 0)]
    assert len({job.id for job in jobs.values()}) == 3


def test_cancelling_stops_what_waits_and_keeps_what_is_drawn(people, grid):
    first = draw(jobs_of(grid)[Place(0, 0, 0)])
    assert cancel_grid(grid, actor=people.editor) == 3
    assert cancel_grid(grid, actor=people.editor) == 0
    states = [job.status for job in jobs_of(grid).values()]
    assert states == ["succeeded", "canceled", "canceled", "canceled"]
    assert Output.objects.get() == first


def test_what_is_missing_is_asked_for_again_and_nothing_else(people, project, grid):
    before = jobs_of(grid)
    draw(before[Place(0, 0, 0)])
    failed = before[Place(1, 0, 0)]
    assert failed.claim()
    failed.fail("out_of_memory")
    assert redraw_grid(people.owner, grid) == 1
    after = jobs_of(grid)
    assert [place for place in after if after[place] != before[place]] == [Place(1, 0, 0)]
    assert after[Place(1, 0, 0)].spec == failed.spec
    assert after[Place(1, 0, 0)].requested_by == people.owner
    assert Entry.objects.filter(chain=project.id).latest("seq").event == "generation.grid.redrawn"
    assert redraw_grid(people.owner, grid) == 0


def test_a_job_that_was_tried_again_on_its_own_page_takes_its_place(people, project, grid):
    failed = jobs_of(grid)[Place(0, 0, 0)]
    assert failed.claim()
    failed.fail("out_of_memory")
    again = submit_generation(people.editor, project, repeat_request(failed), key=f"retry {failed.id}")
    redraw_grid(people.editor, grid)
    assert jobs_of(grid)[Place(0, 0, 0)] == again


def test_closed_cells_are_drawn_once_the_rights_allow_it(people, project, starter, adapter):
    asked = order(project, starter, ("seed", ["1-2"]), ("adapter", ["", str(adapter.id)]))
    grid, _is_new = request_grid(people.editor, project, asked, key="one")
    assert redraw_grid(people.editor, grid) == 0
    clear_rights(adapter, reviewer=people.reviewer)
    assert redraw_grid(people.editor, grid) == 2
    assert all(jobs_of(grid).values())
    assert not grid.cells.exclude(closed_by="").exists()


def test_words_that_are_known_meanwhile_count_when_a_cell_is_drawn_again(people, project, grid):
    add_term(people.editor, project, ja="猫", reading="ねこ", en="cat", synonyms=[], slot="subject")
    cancel_grid(grid, actor=people.editor)
    redraw_grid(people.editor, grid)
    assert {job.spec["prompt"] for job in jobs_of(grid).values()} == {"cat"}


def test_a_cell_has_a_job_or_a_reason(grid):
    from django.db import IntegrityError, transaction

    for wrong in ({"generation": None}, {"closed_by": "a" * 64}):
        with pytest.raises(IntegrityError), transaction.atomic():
            grid.cells.filter(x=0, y=0).update(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        GridCell.objects.create(grid=grid, x=0, y=0, z=0, generation=grid.cells.first().generation)


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_the_same_moment_make_one_grid(people, project, starter):
    asked = order(project, starter, ("seed", ["1-3"]))
    gate, found = Barrier(2), []

    def press() -> None:
        gate.wait()
        found.append(request_grid(people.editor, project, asked, key="one"))
        connections.close_all()

    threads = [Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(is_new for _grid, is_new in found) == [False, True]
    assert Generation.objects.count() == 3
    connection.close()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_cell_that_is_tried_again_on_its_own_page_at_the_same_moment_is_drawn_once(people, project, grid):
    failed = jobs_of(grid)[Place(0, 0, 0)]
    assert failed.claim()
    failed.fail("out_of_memory")
    is_written, found = Event(), []

    def try_again() -> None:
        with transaction.atomic():
            found.append(submit_generation(people.editor, project, repeat_request(failed), key=f"retry {failed.id}"))
            is_written.set()
            time.sleep(0.5)
        connections.close_all()

    def draw_missing() -> None:
        assert is_written.wait(10)
        found.append(redraw_grid(people.editor, grid))
        connections.close_all()

    threads = [Thread(target=target) for target in (try_again, draw_missing)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again, count = found
    assert count == 1
    assert jobs_of(grid)[Place(0, 0, 0)] == again
    assert Generation.objects.filter(idempotency_key=f"retry {failed.id}").count() == 1
    connection.close()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_ways_to_try_again_do_not_wait_for_each_other(people, project, grid, monkeypatch):
    early, late = (jobs_of(grid)[Place(x, 0, 0)] for x in (0, 1))
    for job in (early, late):
        assert job.claim()
        job.fail("out_of_memory")
    save, is_written, found = generations.save_adapters, Event(), []

    def save_slowly(generation: Generation, request: PictureRequest) -> None:
        save(generation, request)
        if generation.idempotency_key == f"retry {late.id}" and not is_written.is_set():
            is_written.set()
            time.sleep(0.8)

    def try_again() -> None:
        found.append(submit_generation(people.editor, project, repeat_request(late), key=f"retry {late.id}"))
        connections.close_all()

    def draw_missing() -> None:
        assert is_written.wait(10)
        redraw_grid(people.editor, grid)
        connections.close_all()

    monkeypatch.setattr(generations, "save_adapters", save_slowly)
    threads = [Thread(target=target) for target in (try_again, draw_missing)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    jobs = jobs_of(grid)
    assert jobs[Place(1, 0, 0)] == found[0]
    assert jobs[Place(0, 0, 0)] != early
    connection.close()
