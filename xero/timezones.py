"""Xero's names of time zones (squeezed Windows names) as IANA names. The pairs come from Unicode CLDR."""

import zoneinfo

_UTC = "UTC"
# IANA name, then the Windows names that mean it, without spaces, points and 'StandardTime'.
_TABLE = """
Africa/Cairo EGYPT
Africa/Casablanca MOROCCO
Africa/Johannesburg SOUTHAFRICA
Africa/Juba SOUTHSUDAN
Africa/Khartoum SUDAN
Africa/Lagos WCENTRALAFRICA
Africa/Nairobi EAFRICA
Africa/Sao_Tome SAOTOME
Africa/Tripoli LIBYA
Africa/Windhoek NAMIBIA
America/Adak ALEUTIAN
America/Anchorage ALASKAN
America/Araguaina TOCANTINS
America/Argentina/Buenos_Aires ARGENTINA
America/Asuncion PARAGUAY
America/Bahia BAHIA
America/Bogota SAPACIFIC
America/Cancun EASTERN(MEXICO)
America/Caracas VENEZUELA
America/Cayenne SAEASTERN
America/Chicago CENTRAL
America/Cuiaba CENTRALBRAZILIAN
America/Denver MOUNTAIN
America/Grand_Turk TURKSANDCAICOS
America/Guatemala CENTRALAMERICA
America/Halifax ATLANTIC
America/Havana CUBA
America/Indiana/Indianapolis USEASTERN
America/La_Paz SAWESTERN
America/Los_Angeles PACIFIC
America/Mazatlan MOUNTAIN(MEXICO)
America/Mexico_City CENTRAL(MEXICO)
America/Miquelon SAINTPIERRE
America/Montevideo MONTEVIDEO
America/New_York EASTERN
America/Nuuk GREENLAND
America/Phoenix USMOUNTAIN
America/Port-au-Prince HAITI
America/Punta_Arenas MAGALLANES
America/Regina CANADACENTRAL
America/Santiago PACIFICSA
America/Sao_Paulo ESOUTHAMERICA
America/St_Johns NEWFOUNDLAND
America/Tijuana PACIFIC(MEXICO)
America/Whitehorse YUKON
Asia/Almaty CENTRALASIA
Asia/Amman JORDAN
Asia/Baghdad ARABIC
Asia/Baku AZERBAIJAN
Asia/Bangkok SEASIA
Asia/Barnaul ALTAI
Asia/Beirut MIDDLEEAST
Asia/Chita TRANSBAIKAL
Asia/Colombo SRILANKA
Asia/Damascus SYRIA
Asia/Dhaka BANGLADESH
Asia/Dubai ARABIAN
Asia/Hebron WESTBANK
Asia/Hovd WMONGOLIA
Asia/Irkutsk NORTHASIAEAST
Asia/Jerusalem ISRAEL
Asia/Kabul AFGHANISTAN
Asia/Kamchatka KAMCHATKA RUSSIATIMEZONE11
Asia/Karachi PAKISTAN
Asia/Kathmandu NEPAL
Asia/Kolkata INDIA
Asia/Krasnoyarsk NORTHASIA
Asia/Magadan MAGADAN
Asia/Novosibirsk NCENTRALASIA
Asia/Omsk OMSK
Asia/Pyongyang NORTHKOREA
Asia/Qyzylorda QYZYLORDA
Asia/Riyadh ARAB
Asia/Sakhalin SAKHALIN
Asia/Seoul KOREA
Asia/Shanghai CHINA
Asia/Singapore SINGAPORE
Asia/Srednekolymsk RUSSIATIMEZONE10
Asia/Taipei TAIPEI
Asia/Tashkent WESTASIA
Asia/Tbilisi GEORGIAN
Asia/Tehran IRAN
Asia/Tokyo TOKYO
Asia/Tomsk TOMSK
Asia/Ulaanbaatar ULAANBAATAR
Asia/Vladivostok VLADIVOSTOK
Asia/Yakutsk YAKUTSK
Asia/Yangon MYANMAR
Asia/Yekaterinburg EKATERINBURG
Asia/Yerevan CAUCASUS
Atlantic/Azores AZORES
Atlantic/Cape_Verde CAPEVERDE
Atlantic/Reykjavik GREENWICH
Australia/Adelaide CENAUSTRALIA
Australia/Brisbane EAUSTRALIA
Australia/Darwin AUSCENTRAL
Australia/Eucla AUSCENTRALW
Australia/Hobart TASMANIA
Australia/Lord_Howe LORDHOWE
Australia/Perth WAUSTRALIA
Australia/Sydney AUSEASTERN
Etc/GMT+11 UTC11 UTC-11
Etc/GMT+12 DATELINE
Etc/GMT+2 UTC02 UTC-02 MIDATLANTIC
Etc/GMT+8 UTC08 UTC-08
Etc/GMT+9 UTC09 UTC-09
Etc/GMT-12 UTC+12
Etc/GMT-13 UTC+13
Europe/Astrakhan ASTRAKHAN
Europe/Berlin WEUROPE
Europe/Bucharest GTB
Europe/Budapest CENTRALEUROPE
Europe/Chisinau EEUROPE
Europe/Istanbul TURKEY
Europe/Kaliningrad KALININGRAD
Europe/Kyiv FLE
Europe/London GMT
Europe/Minsk BELARUS
Europe/Moscow RUSSIAN
Europe/Paris ROMANCE
Europe/Samara RUSSIATIMEZONE3
Europe/Saratov SARATOV
Europe/Volgograd VOLGOGRAD
Europe/Warsaw CENTRALEUROPEAN
Indian/Mauritius MAURITIUS
Pacific/Apia SAMOA
Pacific/Auckland NEWZEALAND
Pacific/Bougainville BOUGAINVILLE
Pacific/Chatham CHATHAMISLANDS
Pacific/Easter EASTERISLAND
Pacific/Fiji FIJI
Pacific/Guadalcanal CENTRALPACIFIC
Pacific/Honolulu HAWAIIAN
Pacific/Kiritimati LINEISLANDS
Pacific/Marquesas MARQUESAS
Pacific/Norfolk NORFOLK
Pacific/Port_Moresby WESTPACIFIC
Pacific/Tongatapu TONGA
UTC UTC
"""
_IANA = {windows: names[0] for names in map(str.split, _TABLE.splitlines()) for windows in names[1:]}


def iana(name: str | None) -> tuple[str, bool]:
    """The IANA name, and whether Xero's name was known. An unknown or missing name gives UTC; the caller should report it."""
    text = (name or "").strip()
    if text in zoneinfo.available_timezones():
        return text, True
    squeezed = "".join(text.upper().replace(".", "").split()).replace("STANDARDTIME", "")
    found = _IANA.get(squeezed)
    return (found, True) if found else (_UTC, False)
