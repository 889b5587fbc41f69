import json
import logging

import pytest
import structlog

from runtime import logs


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_what_looks_like_a_secret_is_hidden_at_any_depth(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", "json")
    structlog.get_logger().info(
        "connected",
        access_token="hush",
        headers={"Authorization": "Bearer hush", "Accept": "a"},
        address="redis://u:hush@h/0",
        tokens=2,
    )
    (line,) = lines(capsys)
    assert "hush" not in json.dumps(line)
    assert (line["tokens"], line["headers"]) == (2, {"Authorization": "[hidden]", "Accept": "a"})


def test_libraries_go_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING", "json")
    logging.getLogger("other").info("quiet")
    logging.getLogger("other").warning("loud %s", "postgresql://u:hush@h/x", extra={"client_secret": "hush"})
    (line,) = lines(capsys)
    assert (line["event"], line["client_secret"]) == ("loud postgresql://u:[hidden]@h/x", "[hidden]")
