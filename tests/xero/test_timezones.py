"""Xero's names of time zones as IANA's."""

import zoneinfo

import pytest

from xero import timezones
from xero.timezones import iana


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("NEWZEALANDSTANDARDTIME", "Pacific/Auckland"),
        ("GMTSTANDARDTIME", "Europe/London"),
        ("E. Europe Standard Time", "Europe/Chisinau"),
        ("CENTRALSTANDARDTIME(MEXICO)", "America/Mexico_City"),
        ("UTC+12", "Etc/GMT-12"),
        ("UTC11", "Etc/GMT+11"),
        ("RUSSIATIMEZONE3", "Europe/Samara"),
        ("Pacific/Auckland", "Pacific/Auckland"),
    ],
)
def test_a_known_time_zone_is_translated(name: str, zone: str) -> None:
    assert iana(name) == (zone, True)


@pytest.mark.parametrize("name", [None, "", "MARSSTANDARDTIME"])
def test_an_unknown_time_zone_becomes_utc_and_is_reported(name: str | None) -> None:
    assert iana(name) == ("UTC", False)


def test_every_zone_of_the_table_exists() -> None:
    assert set(timezones._IANA.values()) <= zoneinfo.available_timezones()
