import base64
from pathlib import Path

import pytest

from runtime.embedded.services import Services
from runtime.settings import Settings, SettingsError, load

KEY = "k1:" + base64.b64encode(bytes(32)).decode()
EXTERNAL = {"database_url": "postgres://app:pw@db/tandem", "redis_url": "redis://cache/0", "tandem_keys": KEY}
OPERATIONS = Path(__file__).resolve().parents[2] / "docs/OPERATIONS.md"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_addresses_the_services_are_embedded_and_xero_is_simulated() -> None:
    settings = load()
    assert settings.embedded
    assert settings.simulated


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_each_form_of_a_postgres_address_is_normalised(scheme: str) -> None:
    settings = load(**{**EXTERNAL, "database_url": f"{scheme}://app:pw@db/tandem"})
    assert settings.database_url == "postgresql+asyncpg://app:pw@db/tandem"
    assert settings.listen_url == settings.database_url


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({**EXTERNAL, "database_url": "mysql://u:hush@h/x"}, "DATABASE_URL"),
        ({**EXTERNAL, "redis_url": "amqp://u:hush@h"}, "REDIS_URL"),
        ({"redis_url": "redis://h"}, "DATABASE_URL"),
        ({"database_url": "postgres://h/x"}, "REDIS_URL"),
        ({**EXTERNAL, "tandem_keys": ""}, "TANDEM_KEYS"),
        ({**EXTERNAL, "tandem_keys": "k1:aHVzaA=="}, "TANDEM_KEYS"),
        ({"xero_client_id": "x"}, "XERO_CLIENT_SECRET"),
        ({"xero_api_url": "api.xero.com"}, "XERO_API_URL"),
        ({"allowed_origins": "https://a.example, *"}, "ALLOWED_ORIGINS"),
        ({"port": "70000"}, "PORT"),
        ({"log_level": "loud"}, "LOG_LEVEL"),
        ({"allowed_headers": "x-request-id, *"}, "ALLOWED_HEADERS"),
        ({"graphiql": "perhaps"}, "GRAPHIQL"),
        ({"oidc_issuer": "http://id.example.com", "oidc_audience": "x"}, "OIDC_ISSUER"),
        ({"oidc_issuer": "https://id.example.com"}, "OIDC_AUDIENCE"),
        ({"oidc_algorithms": "RS256,HS256"}, "OIDC_ALGORITHMS"),
        ({"oidc_algorithms": "none"}, "OIDC_ALGORITHMS"),
        ({"oidc_scopes": "admins=OWNER"}, "OIDC_SCOPES"),
        ({"oidc_leeway_seconds": "3600"}, "OIDC_LEEWAY_SECONDS"),
    ],
)
def test_a_wrong_setting_is_named_without_secrets(values: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(**values)
    assert str(refused.value).startswith(f"{named}: ")
    assert "hush" not in str(refused.value)
    assert "aHVzaA" not in str(refused.value)


def test_the_environment_and_an_env_file_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=8100\nGRAPHIQL=on\n")
    monkeypatch.setenv("PORT", "8200")
    settings = load()
    assert (settings.port, settings.graphiql) == (8200, True)


def test_printing_settings_shows_no_secret() -> None:
    settings = load(**EXTERNAL, xero_client_id="id", xero_client_secret="hush", xero_webhook_keys="hush")
    assert "hush" not in repr(settings)
    assert ":pw@" not in repr(settings)
    assert KEY not in repr(settings)


def test_joining_embedded_services_uses_their_addresses(services: Services) -> None:
    joined = load().joined(services)
    assert joined.database_url == services.app_url
    assert [key.get_secret_value() for key in joined.tandem_keys] == [services.key]


def test_operations_lists_every_setting_with_its_meaning() -> None:
    section = OPERATIONS.read_text().split("## Settings\n")[1].split("\n## ")[0]
    rows = {line.split("`")[1]: line for line in section.splitlines() if line.startswith("| `")}
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        assert field.description
        assert field.description in rows[name.upper()]
