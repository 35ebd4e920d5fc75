"""What a collector ships is detected as if the daemon had read it itself; each line counts once, whoever is killed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from child_server import a_free_port
from nats_server import NatsServerProcess, a_nats_server
from scenarios.collecting import (
    FROM_STREAM,
    OF_LOGS,
    TO_PUSH,
    TO_STREAM,
    CollectorProcess,
    Detected,
    a_collector,
    detected,
    without_logs,
)
from scenarios.daemon import RUN_UNCHECKED, Site, a_site, append, await_
from scenarios.lines import app, app_guessing, guessing, ssh, staff_access
from scenarios.post_office import a_post_office
from scenarios.pushing import TOKEN, pushed_settings

SEED = 20261128
KILLS = 20
KILL_SECONDS = 40.0
WRITING_SECONDS = 4.0
ROTATE = "rotate"

pytestmark = pytest.mark.slow

Step = tuple[str, str]


def a_story() -> list[Step]:
    """Write twenty minutes of two hosts' logs: guessing, logins, staff, lines that nothing reads, and rotations."""
    steps: list[Step] = []
    for round_ in range(4):
        begin = round_ * 300
        auth = guessing(begin, "quocbao", f"203.0.113.{10 + round_}")
        auth += [ssh(begin + 30 + n, "Accepted", f"user{n}", "198.51.100.4", process=900 + n) for n in range(12)]
        auth += [f"{round_} no pack knows this line {n}" for n in range(3)]
        auth += [f"{line} \u1e3f" if n == 2 else line for n, line in enumerate(auth[-3:])]
        application = app_guessing(begin, "ke.toan@haiau.example", "hai-au", f"203.0.113.{40 + round_}")
        application += [
            app(begin + 70 + n, "login", "success", f"p{n}@haiau.example", "hai-au", "198.51.100.9") for n in range(12)
        ]
        application += [staff_access(begin + 91, "thao", f"u{round_}@haiau.example", "hai-au")]
        for number in range(max(len(auth), len(application))):
            steps += [("auth.log", auth[number])] if number < len(auth) else []
            steps += [("application.jsonl", application[number])] if number < len(application) else []
        steps += [(ROTATE, "auth.log")]
        second = [ssh(begin + 200 + n, "Failed", f"u{n}", f"198.51.100.{20 + n}", process=700 + n) for n in range(8)]
        steps += [("second.log", line) for line in second]
    return steps


STORY = a_story()
LINES = sum(log != ROTATE for log, _ in STORY)


def write(folder: Path, steps: list[Step]) -> None:
    """Write steps of the story into logs."""
    for log, line in steps:
        if log != ROTATE:
            append(folder / log, line)
            continue
        for number in (4, 3, 2, 1):
            older = folder / f"{line}.{number}"
            if older.exists():
                older.rename(folder / f"{line}.{number + 1}")
        (folder / line).rename(folder / f"{line}.1")
        (folder / line).touch()


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Detected:
    """Tell the story to a daemon that reads the logs itself."""
    folder = tmp_path_factory.mktemp("direct")
    settings = without_logs(OF_LOGS.format(logs=folder / "logs"))
    with a_post_office() as office, a_site(folder, office.port, settings=settings, command=RUN_UNCHECKED) as site:
        write(folder / "logs", [step for step in STORY if step[0] != ROTATE])
        site.started()
        await_(lambda: site.lines_taken() >= LINES, what="all lines are taken")
        assert 0 == site.terminate()
        result = detected(site)
    assert result.detections
    assert result.unparsed
    return result


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServerProcess]:
    with a_nats_server(tmp_path / "nats") as running:
        running.make_stream()
        yield running


@pytest.fixture
def site_of_stream(tmp_path: Path, server: NatsServerProcess) -> Iterator[Site]:
    """Furnish a site that reads the stream."""
    settings = without_logs(FROM_STREAM.format(url=server.url))
    with (
        a_post_office() as office,
        a_site(tmp_path / "site", office.port, settings=settings, command=RUN_UNCHECKED) as site,
    ):
        yield site


@pytest.fixture
def site_of_push(tmp_path: Path) -> Iterator[tuple[Site, int]]:
    """Furnish a site that is pushed to, and say on which port."""
    port = a_free_port()
    settings = pushed_settings(port)
    settings = without_logs(settings[settings.index("[push]") :].replace("{{", "{").replace("}}", "}"))
    with (
        a_post_office() as office,
        a_site(tmp_path / "site", office.port, settings=settings, command=RUN_UNCHECKED) as site,
    ):
        yield site, port


def settled(site: Site, expected: Detected) -> Detected:
    """Wait until all lines are taken, end the daemon, and say what it has come to."""
    await_(lambda: site.lines_taken() >= LINES, what="all lines are taken")
    time.sleep(1)  # whatever is taken twice would come now
    assert 0 == site.terminate()
    result = detected(site)
    assert expected.lines == result.lines
    return result


def hold_equal(expected: Detected, result: Detected) -> None:
    for part in ("unparsed", "detections", "incidents", "notices"):
        assert getattr(expected, part) == getattr(result, part), part


def push_settings(folder: Path, logs: Path, port: int) -> str:
    folder.mkdir()
    (folder / "token").write_text(TOKEN.reveal() + "\n")
    return TO_PUSH.format(port=port, folder=folder) + OF_LOGS.format(logs=logs)


def test_what_comes_by_a_stream_is_detected_as_from_files(
    server: NatsServerProcess, site_of_stream: Site, direct: Detected, tmp_path: Path
) -> None:
    """Collector, server and daemon come to what the daemon alone comes to, also across rotations."""
    logs = site_of_stream.folder / "logs"
    settings = TO_STREAM.format(url=server.url) + OF_LOGS.format(logs=logs)
    with a_collector(tmp_path / "collector", settings) as collector:
        collector.started()
        write(logs, STORY[:1])
        slowly(logs, WRITING_SECONDS)
        site_of_stream.started()
        hold_equal(direct, settled(site_of_stream, direct))
        assert 0 == collector.terminate()
        assert LINES == collector.series("credwatch_collect_shipped_lines_total")


def test_what_is_pushed_is_detected_as_from_files(
    site_of_push: tuple[Site, int], direct: Detected, tmp_path: Path
) -> None:
    """The same by the push port."""
    site, port = site_of_push
    with a_collector(tmp_path / "collector", push_settings(tmp_path / "collector", site.folder / "logs", port)) as it:
        it.started()
        write(site.folder / "logs", STORY[:1])
        slowly(site.folder / "logs", WRITING_SECONDS)
        site.started()
        hold_equal(direct, settled(site, direct))
        assert 0 == it.terminate()


def test_kills_of_each_of_the_three_change_nothing(
    server: NatsServerProcess, site_of_stream: Site, direct: Detected, tmp_path: Path
) -> None:
    """Whenever collector, server or daemon is killed, each line counts once, and the same is detected."""
    logs = site_of_stream.folder / "logs"
    settings = TO_STREAM.format(url=server.url) + OF_LOGS.format(logs=logs)
    with a_collector(tmp_path / "collector", settings) as collector:
        victims = {"collector": collector, "server": server, "daemon": site_of_stream}
        hold_killed(victims, [*victims, "collector"], logs)
        hold_equal_in_sum(direct, settled(site_of_stream, direct))


def test_kills_of_both_ends_of_a_push_change_nothing(
    site_of_push: tuple[Site, int], direct: Detected, tmp_path: Path
) -> None:
    """Whenever collector or daemon is killed, each line counts once."""
    site, port = site_of_push
    settings = push_settings(tmp_path / "collector", site.folder / "logs", port)
    with a_collector(tmp_path / "collector", settings) as collector:
        victims = {"collector": collector, "daemon": site}
        hold_killed(victims, [*victims, "collector"], site.folder / "logs", kills=KILLS // 3)
        hold_equal_in_sum(direct, settled(site, direct))


def hold_equal_in_sum(expected: Detected, result: Detected) -> None:
    """Hold that every line was read once; what is detected may not be less."""
    assert expected.unparsed == result.unparsed
    assert {told.rule_id for told in expected.detections} == {told.rule_id for told in result.detections}


def hold_killed(
    victims: dict[str, CollectorProcess | NatsServerProcess | Site], order: list[str], logs: Path, kills: int = KILLS
) -> None:
    """Write the story while the victims are killed and started again at random moments; then all of them run."""
    chance = random.Random(SEED)
    collector, daemon = victims["collector"], victims["daemon"]
    assert isinstance(collector, CollectorProcess)
    collector.started()
    daemon.start()
    write(logs, STORY[:1])
    # What nobody has read a line of cannot be found again once it was rotated (docs/sources.md).
    await_(lambda: collector.has_begun(logs / STORY[0][0]), what="the log is begun")
    writer = threading.Thread(target=slowly, args=(logs, KILL_SECONDS * kills / KILLS))
    writer.start()
    for _ in range(kills):
        time.sleep(chance.uniform(0, 2 * KILL_SECONDS / KILLS * 0.9))
        victim = victims[chance.choice(order)]
        victim.kill()
        time.sleep(chance.uniform(0, 0.2))
        victim.start()
    writer.join()


def slowly(folder: Path, seconds: float) -> None:
    """Write the story, or what is left of it, in so many seconds."""
    for step in STORY[1:]:
        write(folder, [step])
        time.sleep(seconds / len(STORY))
