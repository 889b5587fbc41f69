"""The settings that a command needs."""

from runtime import demo as demonstration
from runtime import logs
from runtime.embedded import services as embedded_services
from runtime.settings import Settings, SettingsError, load, read


def configured(*own: str) -> Settings:
    """The settings that are set. If no server is set: those of the demo, or of the embedded services, that run in
    TANDEM_DATA; StartError if nothing runs there. Settings named in `own` keep this process's values if they are set, also
    while a demo runs."""
    settings = load()
    logs.configure(settings.log_level, settings.log_format)
    if not settings.embedded:
        return settings
    parts = embedded_services.get_running(settings.tandem_data)
    demos = demonstration.find_settings(settings.tandem_data)
    if not demos:
        return settings.joined(parts)
    kept = settings.model_fields_set.intersection(own)
    return load(**{name: value for name, value in demos.items() if name not in kept})


def find_admin_url() -> str:
    """The address of the database's owner: DATABASE_ADMIN_URL, or that of the demo that runs here."""
    settings, _ = read()
    found = settings.database_admin_url or configured().database_admin_url
    if found is None:
        raise SettingsError("DATABASE_ADMIN_URL: set it to the address of the database's owner")
    return found
