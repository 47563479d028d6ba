"""The `autograder` command. It only reads arguments; what needs torch is loaded when it is used."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import click

from autograder import __version__
from autograder.errors import AutograderError, GraderError, UsageError
from autograder.language import LANGUAGES, _, current, of_the_course, use

if TYPE_CHECKING:
    from autograder.results import Result

course_option = click.option(
    "--course",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder that holds solutions/ and assignments/.  [default: found by itself]",
)
language_option = click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    help="The language of what students read.  [default: the course's, else the locale's]",
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=os.cpu_count() or 1,
    show_default="as many as processors",
    help="Submissions graded at once.",
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "real", "simulated"]),
    help="Where checks on a GPU run; auto: on a real one where it can be used, else on a simulated "
    "one.  [default: the course's, else simulated]",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="autograder")
def commands() -> None:
    """Grade PyTorch assignments: LSTM, attention, Vision Transformer, adversarial autoencoder.

    Students: `autograder check`. TAs: `autograder grade SUBMISSIONS -o OUT`.
    """


@commands.command()
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="Where to write results."
)
@jobs_option
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    help="Draw the inputs from this seed.  [default: the one that OUT was graded with, else random]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 3600),
    default=10,
    show_default=True,
    help="Seconds for an import, and for one check. A submission gets six times as much.",
)
@click.option("--fresh", is_flag=True, help="Start over: grade again what is graded already.")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Grade this submission again, and keep the results of all others (repeatable).",
)
@click.option(
    "--expect",
    multiple=True,
    metavar="ASSIGNMENT",
    help="Count this assignment as zero where it is missing (repeatable, or with commas).",
)
@click.option(
    "--require-tier",
    type=click.Choice(list("ABCD")),
    help="Refuse to grade with less isolation than this.",
)
@click.option("--trust", is_flag=True, help="Grade where submissions cannot be isolated (tier E).")
@device_option
@language_option
@course_option
def grade(
    submissions: Path,
    out: Path,
    jobs: int,
    seed: int | None,
    timeout: float,
    fresh: bool,
    only: tuple[str, ...],
    expect: tuple[str, ...],
    require_tier: str | None,
    trust: bool,
    device: str | None,
    lang: str | None,
    course: Path | None,
) -> None:
    """Grade every file, folder and zip in SUBMISSIONS, and write marks with reasons to OUT.

    SUBMISSIONS may be what Canvas, Gradescope, Moodle, nbgrader or GitHub Classroom give you, also as
    the zip that you downloaded: then each student is a submission.

    OUT/results.jsonl is the truth, OUT/grades.csv a table of it; OUT/feedback/<submission>/ holds
    what a student may see.

    The same command again goes on where it was stopped or killed, and grades again only what has
    changed: a submission, its checks, a solution, the grader itself, the seed; and what ended in a
    timeout or a crash. OUT/results.sqlite remembers the rest.
    """
    import secrets

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from autograder.course import Course
    from autograder.grade import Settings, choose
    from autograder.grade import grade as grade_class
    from autograder.limits import DEFAULT
    from autograder.platforms import described
    from autograder.record import PUBLIC_SEED
    from autograder.reports.files import Output
    from autograder.reports.terminal import Printer, class_table
    from autograder.store import Store
    from autograder.submission import Inside

    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; give -o a folder.")
    if submissions.is_dir() and out.resolve().is_relative_to(submissions.resolve()):
        raise UsageError(f"{out} lies inside {submissions}, and would be graded next time.")
    if fresh and only:
        raise UsageError("--only grades again in any case, and --fresh is for all; leave out one.")
    if seed == PUBLIC_SEED:
        raise UsageError(
            f"{seed} is the seed of what students check against, so that an answer could be copied "
            "from there; choose another, or none."
        )
    use(lang)
    found = Course.find(course)
    of_the_course(found.settings.language)
    expected = [name.strip() for names in expect for name in names.split(",") if name.strip()]
    chosen = choose(found, submissions, only, expected)
    store = Store(out / "results.sqlite", fresh=fresh)
    if seed is None:
        seed = 1 + secrets.randbelow(2**31) if store.seed is None else store.seed
    settings = Settings(
        seed=seed,
        jobs=jobs,
        only=only,
        expect=tuple(expected),
        device=device or found.settings.device,
        least_tier=require_tier or found.settings.require_tier,
        trust=trust,
        shortcuts_fail=found.settings.shortcuts == "fail",
        limits=replace(
            DEFAULT,
            import_seconds=timeout,
            check_seconds=timeout,
            submission_seconds=6 * timeout,
        ),
    )
    output: Output | None = None
    landed_results: Sequence[Result] = ()
    console, errors = Printer(), Console(stderr=True)
    interrupted, unchanged = False, 0
    if line := described(place.upload for _, place in chosen if isinstance(place, Inside)):
        click.echo(line, err=True)
    if len(chosen) > 1 and {name for name, _place in chosen} <= found.check_files.keys():
        click.echo(
            f"autograder: each file in {submissions} is graded as a submission of its own; if they are "
            "one student's, give the folder that holds this one.",
            err=True,
        )
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("loading torch", total=None)

        def landed(results: Sequence[Result], count: int) -> None:
            nonlocal output
            output = output or Output(out, found.settings, again=only)
            output.add(results)
            bar.update(task, description="grading", total=count, advance=1)

        try:
            unchanged = grade_class(found, chosen, settings, store, landed)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            store.close()
            if output:
                landed_results = output.close()
    if landed_results:
        console.print(class_table(landed_results, min(console.width, 120)))
        console.print(
            f"Seed {settings.seed}. Results are in {out}.", highlight=False, soft_wrap=True
        )
    if unchanged:
        errors.print(
            f"{unchanged} of {len(chosen)} are as they were graded before; --fresh grades them "
            "again.",
            highlight=False,
            soft_wrap=True,
        )
    if interrupted:
        errors.print("Interrupted; what was graded until then is complete.")
        sys.exit(130)
    broken = [r for r in landed_results if r.grader_error]
    if broken:
        names = ", ".join(sorted({f"{r.submission} ({r.assignment})" for r in broken}))
        raise GraderError(
            f"the grader failed on {names}: {broken[0].grader_error}; "
            "these marks are open, please report this."
        )


@commands.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
def diff(old: Path, new: Path) -> None:
    """Show whose mark changed between two gradings, OLD and NEW, and why.

    Each is a folder that `autograder grade` wrote to, or a results.jsonl. The exit status is 0 when
    both hold the same marks, and 1 when they do not.
    """
    from autograder.reports.diff import changes, read, table
    from autograder.reports.terminal import Printer

    before, after = read(old), read(new)
    found = changes(before, after)
    count = len({r.submission for r in before} & {r.submission for r in after})
    Printer(highlight=False).print(table(found, count))
    sys.exit(1 if any(change.marked for change in found) else 0)


@commands.command()
@click.argument(
    "kind", metavar="FORMAT", type=click.Choice(["canvas", "csv", "junit", "gradescope"])
)
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "-o", "--to", type=click.Path(path_type=Path), help="The file (or folder) to write.  [in OUT]"
)
@click.option(
    "--gradebook",
    type=click.Path(path_type=Path, dir_okay=False),
    help="canvas: put the marks into this gradebook, as it was exported from Canvas.",
)
@click.option(
    "--column",
    multiple=True,
    metavar="[ASSIGNMENT=]TITLE",
    help="canvas: the column of an assignment, or of all together (repeatable).",
)
@language_option
@course_option
def export(
    kind: str,
    out: Path,
    to: Path | None,
    gradebook: Path | None,
    column: tuple[str, ...],
    lang: str | None,
    course: Path | None,
) -> None:
    """Write what goes back, from the results in OUT: FORMAT is canvas, csv, junit or gradescope.

    OUT is a folder that `autograder grade` wrote to. canvas: a gradebook to import, OUT/canvas.csv;
    csv: a row for each submission, with ids and lateness, OUT/students.csv; junit: OUT/junit.xml;
    gradescope: OUT/gradescope/<student>/results.json.
    """
    from autograder.course import Course
    from autograder.reports.export import export as write_export

    use(lang)
    settings = Course.find(course).settings
    of_the_course(settings.language)
    target, notes = write_export(kind, out, to, gradebook, column, settings)
    for note in notes:
        click.echo(f"autograder: {note}", err=True)
    click.echo(f"wrote {target}")


@commands.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--watch", is_flag=True, help="Stay, and check again whenever you save.")
@click.option("--plot", is_flag=True, help="Draw what was expected and what came, as a PNG file.")
@click.option(
    "--classroom",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the result to this file as well, as JSON for GitHub Classroom.",
)
@device_option
@language_option
def check(
    files: tuple[Path, ...],
    watch: bool,
    plot: bool,
    classroom: Path | None,
    device: str | None,
    lang: str | None,
) -> None:
    """Check your own FILES; without any, the assignments in the current folder.

    Your answer is compared with what the reference showed for the same inputs; no solution is
    needed. The exit status is 0 when all points are reached.
    """
    use(lang)
    if watch and plot:
        raise UsageError(_("--plot draws once, and --watch stays; leave out one of them."))
    if watch:
        from autograder.watch import watch_files

        sys.exit(0 if watch_files(files, device) else 1)

    from autograder.own import check_files, plot_files
    from autograder.reports.classroom import classroom as for_classroom
    from autograder.reports.classroom import unfinished
    from autograder.reports.files import write_json
    from autograder.reports.terminal import Printer, show_result

    console = Printer(highlight=False)
    complete = True
    if classroom:
        write_json(classroom, unfinished())
    results = []
    checked = (
        plot_files(files, device)
        if plot
        else ((result, None) for result in check_files(files, device))
    )
    for result, picture in checked:
        show_result(console, result)
        if picture:
            console.print(_("The picture is in {file}.").format(file=picture), soft_wrap=True)
            _open(picture)
        complete &= result.score == result.max_score
        results.append(result)
    if classroom:
        write_json(classroom, for_classroom(results))
    sys.exit(0 if complete else 1)


@commands.command()
@click.option("--check", "only_check", is_flag=True, help="Write nothing; fail if one is stale.")
@course_option
def stubs(only_check: bool, course: Path | None) -> None:
    """Write the stubs in assignments/ from solutions/."""
    from autograder.course import Course
    from autograder.pool import Warm
    from autograder.stubs import generated, stale, write

    found = Course.find(course)
    with Warm(found.check_files) as warm:
        assignments = found.described(warm.summaries)
    texts = generated(found, assignments)
    changed = stale(texts) if only_check else write(texts)
    _report_files(changed, only_check, len(texts), "autograder stubs")


@commands.command()
@click.option("--check", "only_check", is_flag=True, help="Write nothing; fail if one is stale.")
@course_option
def record(only_check: bool, course: Path | None) -> None:
    """Record what the reference and known mistakes show at the public seed, beside the stubs."""
    from autograder import mistakes
    from autograder.course import Course
    from autograder.diagnose import Catalogue
    from autograder.examine import examine_reference
    from autograder.pool import Warm
    from autograder.record import PUBLIC_SEED, drift, save

    found = Course.find(course)
    changed = []
    with Warm(found.check_files) as warm:
        for name, assignment in found.described(warm.summaries).items():
            checks = found.check_files[name]
            source = found.solution(name).read_bytes()
            reference = examine_reference(warm, assignment, source, PUBLIC_SEED)
            path = found.assignments / f"{name}.safetensors"
            if reason := drift(path, checks, reference, assignment.axes):
                changed.append(path)
                if only_check:
                    click.echo(f"{path}: {reason}")
                else:
                    path.write_bytes(save(reference, assignment, checks))
            path = found.assignments / f"{name}.mistakes.npz"
            if mistakes.recorded_digest(path) != (now := mistakes.digest(found, name)):
                changed.append(path)
                if not only_check:
                    catalogue = Catalogue(warm, found, assignment, PUBLIC_SEED)
                    path.write_bytes(mistakes.save(catalogue, assignment, now))
                    catalogue.close()
        count = 2 * len(warm.summaries)
    _report_files(changed, only_check, count, "autograder record")


@commands.command()
@click.argument("out", type=click.Path(path_type=Path))
@language_option
@course_option
def otter(out: Path, lang: str | None, course: Path | None) -> None:
    """Write notebooks for students, and all that otter-grader needs to grade them, to OUT.

    OUT/student/ is what students get. OUT/ASSIGNMENT.zip goes to `otter run -a`, made by `otter
    generate` from OUT/ASSIGNMENT/. OUT/master/ is for `otter assign`, and holds the solutions.
    """
    from autograder.course import Course
    from autograder.otter_files import write

    use(lang)
    found = Course.find(course)
    of_the_course(found.settings.language)
    for path in write(found, out, current()):
        click.echo(f"wrote {path}")


@commands.command()
@click.argument("assignments", nargs=-1, metavar="[ASSIGNMENT…]")
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Repeat over so many seeds.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="The first seed."
)
@click.option(
    "--mutants/--no-mutants",
    default=True,
    show_default=True,
    help="Mutate the solutions as well.",
)
@click.option(
    "--matrix",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write mistakes × checks to this file, as CSV.",
)
@jobs_option
@course_option
def doctor(
    assignments: tuple[str, ...],
    seeds: int,
    seed: int,
    mutants: bool,
    matrix: Path | None,
    jobs: int,
    course: Path | None,
) -> None:
    """Prove that the grader itself is right: what it must accept, catch and name.

    For each ASSIGNMENT (without any, all): the solution, the stub, worthless answers, every variant
    in solutions/variants/, and mutants of the solution. The exit status is 0 when all proofs hold.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from autograder.course import Course
    from autograder.doctor import Doctor
    from autograder.pool import Warm
    from autograder.reports.doctor import kill_matrix, matrix_file, summary, unsteady
    from autograder.reports.terminal import Printer

    found = Course.find(course)
    if unknown := set(assignments) - set(found.check_files):
        raise UsageError(
            f"there is no assignment {', '.join(sorted(unknown))}; "
            f"there are {', '.join(found.check_files)}."
        )
    if matrix and not matrix.resolve().parent.is_dir():  # said now, and not after some minutes
        raise UsageError(f"there is no folder {matrix.parent}; make it, or choose another.")
    console, errors = Printer(highlight=False), Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    reports = []
    with (
        Warm(found.check_files, preload=["nbformat"]) as warm,
        Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar,
    ):
        for assignment in found.described(warm.summaries).values():
            if assignments and assignment.name not in assignments:
                continue
            for number in range(seeds):
                one = Doctor(warm, found, assignment, seed + number, jobs)
                mutate = mutants and number == 0
                task = bar.add_task(f"{assignment.name}", total=one.count(mutate=mutate))
                try:
                    reports.append(one.examine(lambda t=task: bar.advance(t), mutate=mutate))  # type: ignore[misc]
                finally:
                    one.close()
                    bar.remove_task(task)
    for report in reports[::seeds]:
        console.print(kill_matrix(report))
    console.print(summary(reports))
    if matrix:
        matrix.write_text(matrix_file(reports), "utf-8")
        console.print(f"The kill matrix is in {matrix}.")
    problems = [problem for report in reports for problem in report.problems] + unsteady(reports)
    for problem in problems:
        console.print(f"✗ {problem}", style="red", soft_wrap=True, markup=False)
    if not problems:
        console.print("✓ all proofs hold.", style="green")
    sys.exit(1 if problems else 0)


def _open(file: Path) -> None:
    """Show a file to who runs the command, where there is a display."""
    displays = sys.platform == "darwin" or any(
        k in os.environ for k in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if sys.stdout.isatty() and displays and "SSH_CONNECTION" not in os.environ:
        click.launch(str(file))


@commands.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--zip", "packed", is_flag=True, help="Write OUT.zip instead of a folder.")
@language_option
@course_option
def handout(out: Path, packed: bool, lang: Literal["en", "ko"] | None, course: Path | None) -> None:
    """Write what students get to OUT: stubs, texts, recordings, and the toolkit itself.

    No solution is in it. With --lang, all of it is in that language, and the commands speak it.
    """
    from autograder.bundle import handout
    from autograder.course import Course

    click.echo(f"wrote {handout(Course.find(course), out, lang, packed=packed)}")


@commands.command()
@click.argument("out", metavar="OUT.zip", type=click.Path(path_type=Path))
@course_option
def gradescope(out: Path, course: Path | None) -> None:
    """Write the zip that Gradescope builds its autograder from. It holds the solutions."""
    from autograder.bundle import gradescope
    from autograder.course import Course

    click.echo(f"wrote {gradescope(Course.find(course), out)}")


def _report_files(changed: Sequence[Path], only_check: bool, count: int, command: str) -> None:
    if only_check and changed:
        names = ", ".join(str(path) for path in changed)
        raise UsageError(f"stale: {names}; run '{command}' and commit what it writes.")
    for path in changed:
        click.echo(f"wrote {path}")
    if not changed:
        click.echo(f"{count} files are current.")


def main() -> NoReturn:
    """Run the command; every error of ours ends as one sentence, not as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # not every terminal and pipe can show a ✓
    try:
        status = commands.main(prog_name="autograder", standalone_mode=False)
    except click.UsageError as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show()
        else:
            command = error.ctx.command_path if error.ctx else "autograder"
            said = error.format_message().rstrip(".").replace("\n", " ")
            end = "" if said.endswith("?") else f"; '{command} --help' lists what there is."
            click.echo(f"autograder: {said}{end}", err=True)
        status = 2
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except GraderError as error:
        click.echo(f"autograder: internal error: {error}", err=True)
        status = 1
    except AutograderError as error:
        click.echo(f"autograder: {error}", err=True)
        status = 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        status = 130
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        reason = reason[:1].lower() + reason[1:]
        where = f"{error.filename} could not be read or written: " if error.filename else ""
        click.echo(f"autograder: {where}{reason}.", err=True)
        status = 2
    sys.exit(status if isinstance(status, int) else 0)
