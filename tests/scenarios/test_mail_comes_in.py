"""A daemon whose mail comes by IMAP: it begins without the server, says so, and takes the mail in when it comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dovecot_server import DOVECOT, USER, DovecotServer
from incoming_mail import SERVER, a_mail
from scenarios.daemon import RUN_UNCHECKED, Site, a_site, await_
from scenarios.post_office import a_post_office
from scenarios.site_files import SETTINGS

pytestmark = [pytest.mark.real, pytest.mark.skipif(DOVECOT is None, reason="needs the Debian package dovecot-imapd")]


@pytest.fixture
def dovecot() -> Iterator[DovecotServer]:
    """Make one that does not run yet."""
    with TemporaryDirectory(prefix="credwatch-dovecot-") as folder:
        Path(folder).chmod(0o755)
        server = DovecotServer(Path(folder) / "server")
        yield server
        server.stop()


def imap_of(server: DovecotServer) -> str:
    return (
        f'[inbox]\nauthserv_id = "{SERVER}"\n[inbox.imap]\nhost = "localhost"\nport = {server.tls_port}\n'
        f'ca_file = "{server.authority.file}"\nusername = "{USER}"\npassword_file = "{server.password_file}"\n'
        "poll_seconds = 1\n"
    )


def has_report(site: Site) -> bool:
    return "customer_report" in site.kinds()


def test_no_start_waits_for_the_server(dovecot: DovecotServer, tmp_path: Path) -> None:
    """READY comes without it; log and metric tell of it; when it is there, its mail is a case, and the part is well."""
    up = 'credwatch_part_up{part="inbox_imap"}'
    settings = SETTINGS + imap_of(dovecot)
    with a_post_office() as office, a_site(tmp_path, office.port, settings=settings, command=RUN_UNCHECKED) as site:
        site.started()
        await_(lambda: site.metric(up) == 0, what="the metric tells")
        assert "Connection refused" in next(line for line in site.log().splitlines() if "part.down" in line)
        dovecot.start()
        dovecot.deliver([a_mail("Có người lạ đăng nhập.", Subject="Sự cố")])
        await_(lambda: has_report(site), what="the mail is taken in")
        await_(lambda: site.metric(up) == 1, what="the metric tells of the end")
        await_(lambda: {"CredwatchTaken"} <= dovecot.flags()[0], what="the mail is marked")
        assert not site.metric('credwatch_part_deaths_total{part="inbox_imap"}')
        assert 0 == site.terminate()
