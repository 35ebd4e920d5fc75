"""What keeps the daemon from listening is found before the start."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from certificates import Authority
from credwatch.app.settings import Settings
from credwatch.checks.listening import listening_problems
from credwatch.sources.push.tokens import new_token

_, HASH = new_token("shipped")


def _problems(folder: Path, push: dict[str, Any], *sources: dict[str, Any], **further: Any) -> list[str]:
    settings = further | {
        "daemon": {"state_directory": folder},
        "gate": {"enabled": False},
        "metrics": {"enabled": False},
        "push": {"port": 0} | push,
        "source": sources,
    }
    return [f"{it.where}: {it.message}" for it in listening_problems(Settings.model_validate(settings))]


def test_push_that_can_listen_has_no_problem(tmp_path: Path) -> None:
    """With TLS on any address, or without on loopback; where nobody pushes, nothing is looked at."""
    certificate, key = Authority(tmp_path).issued("credwatch.example")
    source = {"id": "shipped", "kind": "push", "token_hashes": [HASH]}
    tls = {"certificate": certificate, "certificate_key": key}
    assert [] == _problems(tmp_path, {}, source)
    assert [] == _problems(tmp_path, {"address": "0.0.0.0"} | tls, source)
    assert [] == _problems(tmp_path, {"certificate": "/nonexistent"})


def test_what_is_wrong_with_push_is_told(tmp_path: Path) -> None:
    """A taken port, tokens in clear, a certificate that is not there, client names that nobody vouches for."""
    source = {"id": "shipped", "kind": "push", "client_names": ["web1.example"]}
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert [
            f"push: cannot listen on 127.0.0.1:{port}: Address already in use",
            "source shipped: client_names: no client certificate is believed",
        ] == _problems(tmp_path, {"port": port}, source)
    source = {"id": "shipped", "kind": "push", "token_hashes": [HASH]}
    clear = _problems(tmp_path, {"address": "0.0.0.0"}, source)
    assert ["push: tokens and lines cross the network in clear"] == clear
    missing = _problems(tmp_path, {"certificate": tmp_path / "none.pem"}, source)
    assert [f"push: {tmp_path}/none.pem: cannot be used as a certificate: No such file or directory"] == missing


def test_what_is_wrong_with_syslog_is_told(tmp_path: Path) -> None:
    """A port that is taken, for connections and for datagrams, and a certificate that is none."""
    (tmp_path / "none.pem").write_text("nothing")
    with socket.create_server(("127.0.0.1", 0)) as other, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        ports = {"tcp_port": other.getsockname()[1], "udp_port": datagrams.getsockname()[1]}
        problems = _problems(tmp_path, {}, {"id": "net", "kind": "syslog"} | ports)
    assert [
        f"source net: cannot listen on 127.0.0.1:{ports[way]}: Address already in use"
        for way in ("tcp_port", "udp_port")
    ] == problems
    source = {"id": "net", "kind": "syslog", "tls_port": 0, "certificate": tmp_path / "none.pem"}
    assert 1 == len(_problems(tmp_path, {}, source))


def test_what_is_in_the_way_of_pages_and_endpoints_is_told(tmp_path: Path) -> None:
    """A port that another program has, a file where a socket is to be, a folder and a group that are not there."""
    system = {"id": "tickets", "token_hashes": [HASH], "scopes": ["read"]}
    api = {"enabled": True, "ticket_system": [system]}
    portal = {"enabled": True, "public_url": "https://security.example"}
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        busy = f"cannot listen on 127.0.0.1:{port}: Address already in use"
        assert [f"portal: {busy}", f"access_api: {busy}"] == _problems(
            tmp_path, {}, portal=portal | {"port": port}, access_api=api | {"port": port}
        )
    (tmp_path / "file").touch()
    where, away = tmp_path / "file", tmp_path / "none" / "api.sock"
    told = _problems(
        tmp_path,
        {},
        portal=portal | {"socket": where},
        access_api=api | {"socket": away, "socket_group": "no-such-group"},
    )
    assert 3 == len(told)
    assert told[0].startswith(f"{where}: ")
    assert f"access_api.socket: {away.parent}: the folder does not exist" == told[1]
    assert "access_api.socket_group: there is no group 'no-such-group'" == told[2]


def test_what_is_in_the_way_of_a_mail_server_is_told(tmp_path: Path) -> None:
    """A file where the socket for LMTP is to be, a group that is not there, a port that another program has."""
    (tmp_path / "lmtp.sock").touch()
    lmtp = {"socket": tmp_path / "lmtp.sock", "socket_group": "nobody-of-the-kind"}
    group, file = _problems(tmp_path, {}, inbox={"lmtp": lmtp})
    assert "inbox.lmtp.socket_group: there is no group 'nobody-of-the-kind'" == group
    assert file.endswith("the inbox.lmtp cannot listen: a file that is no socket is in the way")
    with socket.create_server(("127.0.0.1", 0)) as other:
        (problem,) = _problems(tmp_path, {}, inbox={"lmtp": {"port": other.getsockname()[1]}})
    assert problem.startswith("inbox.lmtp: cannot listen on 127.0.0.1")
