"""The labelled names, relabelled by the policies, with invented names of kinds that the data lack."""

import csv
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faker import Faker

from domain.names import word_lists
from domain.names import words as names
from train.lexicon import census_family, census_given, faker_names, locales

NAMELESS = names.LEGAL | names.LITTLE | names.TITLES
MAORI_GIVEN = (
    "Aroha Hemi Hinemoa Hoani Hone Kahu Kahurangi Kiri Kura Mahina Manaaki Marama Matiu Mere Mereana Mikaere Moana "
    "Ngaio Ngaire Niko Paora Pita Rangi Rawiri Rewi Ria Roimata Ruia Tama Tamahou Tamati Tane Tangaroa Tariana Tāwhiri "
    "Te_Aroha Te_Rangi Tia Tipene Tui Wairere Whetu Wikitoria Wiremu Anahera Awhina Hēmi Hōne Kaia Tāne Māia"
).split()
MAORI_FAMILY = (
    "Ngata Parata Pomare Rangihau Ratana Ropata Tamihere Tapsell Tautari Te_Heuheu Te_Kanawa Tipoki Tūhoe Waititi Wharepapa "
    "Herewini Hohepa Kawiti Kereama Mahuta Ngarewa Paki Paraone Poutama Rapana Rewiti Ruru Taiaroa Takerei Tūroa Wihongi "
    "Whaanga Wetere Apirana Heke Hēnare Kīngi Nikora Paewai Rāpata Te_Ao Te_Whata Te_Paa"
).split()
PACIFIC_GIVEN = (
    "Sione Sefo Tevita Mele Losa Fetu Sina Ioane Semisi Viliami Ana Malia Talia Pita Lagi Tavita Ofa Salote Lupe "
    "Sitiveni Epeli Josefa Mosese Waisale Ilaisa Mereoni Laisa Unaisi Pelenise Feleti Siaosi Kolinio Eseta Taniela Makelesi Lupeolo "
    "Vaimoana Filipe Savelina Toakase Lisiate Paulo Kaisa Leota "
    "Siosaia Manu Ratu Adi Seini Litia Jone Apisai Inoke Vaea Tasi Fa'afetai Leilani Teuila Kalolaine Ulu"
).split()
PACIFIC_FAMILY = (
    "Faleolo Tuilagi Latu Fifita Taufa Vainikolo Leavasa Fa'asavalu Tuiasosopo Lealaiauloto Mataafa Tupou Fonua Havili "
    "Moala Kefu Tonga Faletau Naufahu Folau Masoe Leota Toleafoa Koroi Vunipola Ravouvou Tuimavave Nanai Seumalo Vakauta "
    "Kaufusi Leiataua Tamanivalu Ravulo Naiqama Qarase Vunibobo Tuivaga Lealamanua Tauiliili Papalii Sapolu Seiuli Leavai Kaho Fakafanua "
    "Tuita Veikune Ma'afu Halaholo Motu'apuaka "
    "Tuala Fiame Lolohea Pulu Afoa Taumoepeau Qereqeretabua Bainimarama Uluilakeba"
).split()
EAST_FAMILY = (
    "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Luo Zheng Xie Tang Deng Feng Ng Tan Lim Lee "
    "Wong Chan Lau Cheung Ho Kwok Teo Goh Chua Ong Koh Yap Chong Leung Cheng Kim Park Choi Jung Kang Yoon Nguyen Tran Le Pham "
    "Tanaka Sato Suzuki Takahashi Watanabe Yamamoto Nakamura Cai Peng Qian Shen Jiang"
).split()
EAST_SYLLABLES = (
    "xiao ming wei hui jun ling mei siew wai kit man chi hong yan ying jing hua li na fang qiang lei yang min jie hao yu xin "
    "zhi guo qing hai bo chun feng tao yi jia rui chen kai ka yee wing kwong hoi tsz ho shu ting pei sook boon kok huat cheng "
    "ji hyun seo joon young soo eun hee kyung thi van anh linh thanh hiro yuki ken taro ko"
).split()
# Family names that are also trades and places of work.
TRADE_FAMILY = (
    "Church House Glass Steel Steele Stone Park Parks Bank Banks Field Fields Brewer Carpenter Butcher Farmer Gardner Gardiner "
    "Painter Chandler Lodge Flowers Baker Cook Mason Miller Taylor Builder Gold Tree Bird Waters Hall Temple Abbott Bishop "
    "Marsh Street Market Inn Hotel Love Power Porter Shepherd Fisher Bakes Driver Smart Best Rich Price Sharp Young Major "
    "College Chambers Chalmers Weller Potter Glover Sawyer Turner Tanner Thatcher Mills Farms Garage Shipman Bridge Wood Woods"
).split()
PLACE_WORDS = "Downs Heights Valley Bay Beach Island Falls Springs Creek Ridge Village Pass Estate Station Hills Plains Harbour".split()
AFRICAN_GIVEN = (
    "Thabo Sipho Nomsa Lerato Themba Zanele Bongani Ayanda Tendai Farai Tatenda Chipo Rudo Tafadzwa Nyasha Simba Chinedu Ngozi Emeka Chioma "
    "Obinna Ifeanyi Adaeze Uche Adebayo Oluwaseun Folake Babatunde Yetunde Olumide Kwame Kofi Akua Abena Kwabena Ama Wanjiku Kamau Njeri "
    "Otieno Achieng Juma Amina Zawadi Baraka Neema Abebe Tigist Bekele Haile Selam Dawit Mulugeta Fatou Mamadou Aissatou Ousmane Lindiwe "
    "Blessing Precious Innocent Lovemore Prosper Gift Patience Fortune Memory Wisdom"
).split()
AFRICAN_FAMILY = (
    "Mokoena Dlamini Nkosi Khumalo Ndlovu Sithole Mahlangu Naidoo Zulu Mthembu Moyo Ncube Chirwa Banda Phiri Mutasa Chikwanha Okafor Okeke "
    "Nwosu Eze Adeyemi Ogunleye Balogun Afolabi Adekunle Mensah Owusu Asante Boateng Osei Kariuki Mwangi Wambui Odhiambo Kimani Mutua Nyong'o "
    "Tesfaye Alemu Girma Haile Diallo Traore Ndiaye Keita Sow Cisse Mabaso Tshabalala Molefe Motsepe"
).split()
INDIAN_GIVEN = "Harpreet Gurpreet Manjit Jaspreet Priya Anita Deepak Sanjay Rajesh Sunita Ravi Vijay Lakshmi Arjun Meena Amit Neha Kiran Suresh Nisha".split()
INDIAN_FAMILY = "Singh Kaur Patel Sharma Gupta Reddy Nair Menon Iyer Desai Mehta Joshi Chaudhary Gill Dhillon Sandhu Rao Verma Kumar Shah".split()
PARSI_GIVEN = "Rustom Cyrus Farokh Jehangir Kersi Zubin Freny Roshan Sohrab Behram Dinshaw Homi Nariman Perin Arvind Suresh Nita".split()
PARSI_FAMILY = "Engineer Contractor Printer Mistry Pilot Merchant Driver Vakil Doctor Batliwala Sodawala Canteenwala Daruwala".split()
ORGS = (
    "Ngāti {x} Trust Board;Te {x} Marae;Te Kura o {x};Te Rūnanga o {x};{x} Marae;Ngāi {x};Te Whare {x};Te Kōhanga Reo o {x};"
    "{x} Iwi Holdings;Te Puna {x};Whānau Ora ki {x};Te Roopu {x};Hapū o {x};Te Wānanga o {x}"
).split(";")
# Words that follow Te, in names of people and in names of bodies, in all orders.
TE_PERSON = (
    "Aroha Rangi Rauparaha Kooti Puea Atairangikaahu Wheoro Rata Aho Ao Haerenga Hira Kahu Karere Kauri Maire "
    "Mana Marama Moana Ngaru Ohorere Paerata Puoho Rangimarie Rangitaiki Reo Rina Tau Tiwha Toa Uira Wairua Waka Whetu "
    "Amokura Awhina Iwi Kahurangi Okiwa Poihipi Purewa Rerenga Ruki Tomo Urunga Wehi Wera Whiti Winika Ahu Aotahi"
).split()
TE_PERSON_FORMS = (
    "Te {x} {f};Te {x} {f};{g} Te {x};{g} Te {x};Te {x} {g} {f};{f}, Te {x};TE {X}, {g};Te {x}, {g};Te {x} Te {y};Te{x} {f};"
    "Mr Te {x} {f};Mrs Te {x} {f};{i} Te {x};T {f};te {xl} {fl};{g} {h} Te {x};Te {x} {i} {f};{F}, Te {x};{g} {f} Te {x};Te {x} o {f}"
).split(";")
TE_BODIES = (
    "Whānau Whare Kura Rūnanga Runanga Puna Kōhanga Kohanga Roopu Rōpū Marae Hauora Wānanga Wananga Tari Aka Pūkenga Hapori Kete "
    "Pātaka Papa Arawa Mauri Taura Pou Kaha Korowai Oranga Ohu Kāhui Poari Rourou Tumu Ōhanga"
).split()
TE_BODY_FORMS = (
    "Te {b} o {x};Te {b} o {x};Te {b} {x};Te {b} o Ngāti {x};Te {b} ā Iwi o {x};Te {b} Ora o {x};{x} {b};Te {b} Trust;Te {b} o {x} Trust;"
    "Ngāti {x};Ngati {x};Ngāi {x};Ngāti {x} ki {y};Ngāti {x} Iwi Authority;Te {b} Mana o {x};Te {b} me te {x};Ngāti {x} Fisheries;{x} Whānau;"
    "Te {b} Pono;Te {b} Reo o Te {x}"
).split(";")
GIVEN = (
    MAORI_GIVEN
    + PACIFIC_GIVEN
    + "Hana Sakura Yuki Lotus Ming Raj Taj Mumbai Delhi Saigon Hanoi Bangkok Tokyo Kyoto Seoul Punjab Bombay Istanbul Roma Napoli Pasifika Wei Rosa Bella Sophia Lily Luca Marco Ruby Sally Max Oscar Stella Daisy Charlie".split()
)
PLACES = (
    "Cafe {x};{x} Cafe;Café {x};{x}'s Kitchen;Studio {x};Salon {x};{x} Kebabs;Kebab {x};Bar {x};Hotel {x};{x} Motel;Casa {x};"
    "{x} Thai;Pizza {x};{x} Nails;{x}'s Place;Hair by {x};Little {x} Kindergarten;{x} King;{x} Bar & Grill;The {x};Sushi {x};Ramen {x};Curry {x};Pho {x};Taco {x};Noodle {x};Dim Sum {x};Thai {x};Wok {x};New {x};Royal {x};{x} Palace;{x} Garden;{x} Express;{x} House;{x} Cuisine;Taste of {x}"
).split(";")
PERSON_FORMS = (
    "{G} {S};{G} {S};{G} {S};{S}, {G};{S}, {G} {H};{SU}, {G};{SU}, {G} {H};{G} {H} {S};{g} {s};{GU} {SU};{i} {S};{i}. {S};"
    "{i} {j} {S};{i}.{j}. {S};{S}, {i};{S}, {i} {j};Mr {G} {S};Mrs {G} {S};The Hon {G} {S};Lord {S};Lady {G} {S};Baroness {S} of {T};Mr Justice {S};Hon Justice {G} {S};Uncle {G} {S};Aunty {G} {S};Sir {G} {S};Ms {G} {S};Dr {G} {S};Dr {i} {S};Miss {i} {S};"
    "{G} Y {S};{i} Y {S};Et {S};Me {S};{G} {S} {m};{G} {S} Senior;{G} {S} Junior;A V {S};A {S};{i}{j} {S};{S} {i}{j};"
    "Mr {i} {j} {S};{G} ap {S};{G} van der {S};{G} Bar-{S};{G} de {S};{G} St {S};{SU}, {G} {i};{G} {S} Snr;{G} {S}, PhD;{G} {i} {S};{G} {i}. {S};{G} {S}-{T};{G} (Liz) {S};{S} {G};{S} {i};{S} {i} {j};{SU} {i};Prof {G} {S};{GU} {i} {SU}"
).split(";")
COUPLE_FORMS = (
    "{i} & {j} {S};{i} and {j} {S};{G} & {H} {S};{G} and {H} {S};Mr & Mrs {S};Mr and Mrs {i} {S};{i}{j} & {k}{i} {S};"
    "{S} {i} & {j};{S}, {G} & {H};{G} {S} & {H} {T};{G} {S} and {H} {T};Mr {i} {S} & Mrs {j} {S};{S} & {T};{i} & {j} {SU};"
    "{SU} {i} & {SU} {j};Drs {S} & {T};{i}.{j}. & {k}. {S}"
).split(";")
TRADE_FORMS = (
    "{S} {W};{G} {S} {W};{G}'s {W};{S}'s {W};{S} & Sons {W};{S} Bros {W};{i} {S} {W};{i}{j} {W};{W} by {G};{S} {W} Services;"
    "{S} and Sons;{SU} {WU};{s} {w};Dr {i} {S} {W};Dr {S} {W};{G} {S} - {W};{G} {S} T/A {T} {W};{S} & Co;{S} & Associates;"
    "{S} {T} {W};{G} {T} {W} Ltd;{S} Group;{S} Family {W};The {W} Co;{W} {G};{G} & Co {W};{S} {W} (NZ);{S} {W} {V};Mr {W};Dr {W};Captain {W};Uncle {G}'s {W};Mrs {S}'s {W};{G} the {W};{G}s {W};{G}'s;{S}'s;{W} Direct;{S} {P};{T} Road {W};{V} {W}"
).split(";")
TRUST_FORMS = (
    "The {S} Family Trust;{S} Family Trust;{G} {S} Trust;The {S} Trust;{i} & {j} {S} Family Trust;{S} Superannuation Fund;"
    "Estate of {G} {S};Estate {G} {S};The Estate of the late {G} {S};{S} Whānau Trust;{S} Investment Trust;{G} {S} Family Trust;"
    "{i} {S} Trust;Trustees of the {S} Trust;{S} SMSF;ATF {S} Family Trust;{S} Tst;{S} Fam Tst;{S} F/T;{S} Tr.;{G} {S} Tr"
).split(";")


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    first_name: str
    last_name: str
    person: bool
    source: str
    weight: float = 1.0


def read_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as file:
        return [
            Row(
                names.without_note(names.tidy(r["name"]))[0],
                r["first_name"],
                r["last_name"],
                r["label"] == "PERSON",
                r["source"],
            )
            for r in csv.DictReader(file)
        ]


def under_policy(row: Row) -> bool:
    """Whether the row is a PERSON: no couple is, nor anything with a legal form or a trust."""
    bare = {word.strip(".,()") for word in names.fold(row.name).split()}
    return (
        row.person and not names.is_joined(row.name) and not bare & {"pty", "ltd", "limited", "inc", "trust"}
    )


class Plain:
    """Recognises a certain name of a person in any register: 'SMITH, John', 'A B Smith', 'Dr A Smith'."""

    def __init__(self) -> None:
        self._given = faker_names("first") | set(census_given())
        self._family = faker_names("last") | set(census_family())

    def is_person(self, name: str) -> bool:
        bare = [word.strip(".,()") for word in name.casefold().replace(".", ". ").split()]
        if names.is_joined(name) or not re.fullmatch(r"[^\W\d_]+(?:[ .,'-]+[^\W\d_]+)*\.?", name):
            return False
        own = [word for word in bare if word not in names.TITLES and word not in names.POSTNOMINALS]
        if not own or set(own) & (word_lists.TRADES | names.LEGAL | names.TRUSTS | names.LITTLE):
            return False
        before, comma, after = name.casefold().partition(", ")
        if comma:
            first = [w.strip(".") for w in after.split() if w.strip(".") not in names.TITLES]
            return (
                len(before.split()) <= 2 and bool(first) and (first[0] in self._given or len(first[0]) <= 2)
            )
        after = [
            word for word in own[1:] if len(word) == 1 or (len(word) < 4 and word.upper() in name.split())
        ]
        if after and len(after) == len(own) - 1 and own[0] in self._family and len(own[0]) > 3:
            return True
        initials = [
            word for word in own[:-1] if len(word) == 1 or (len(word) == 2 and word.upper() in name.split())
        ]
        titled = len(own) < len(bare) and (len(own) == 1 or own[0] in self._given or len(own[0]) == 1)
        return (titled or 0 < len(initials) == len(own) - 1) and own[-1] in self._family and len(own[-1]) > 2


def entity_keys(texts: list[str]) -> list[str]:
    """Equal for two names that may be one entity's, so that no fold tests what another has seen."""
    keys = []
    for text in texts:
        own = [word for word in re.findall(r"\w+", names.fold(text)) if word not in NAMELESS]
        keys.append(" ".join(sorted(own)) or text)
    return keys


def made_up(seed: int = 7) -> list[Row]:
    """Kinds of names that practices have and the data lack or file either way."""
    chance = random.Random(seed)
    words = NameWords(chance)
    rows = [
        Row(words.fill(form), "", "", True, "made_person", 0.3) for form in PERSON_FORMS for _ in range(40)
    ]
    rows += [
        Row(words.fill(form), "", "", False, "made_couple", 0.3) for form in COUPLE_FORMS for _ in range(20)
    ]
    rows += [
        Row(words.fill(form), "", "", False, "made_trade", 0.3) for form in TRADE_FORMS for _ in range(40)
    ]
    rows += [
        Row(words.fill(form), "", "", False, "made_trust", 0.3) for form in TRUST_FORMS for _ in range(15)
    ]
    rows += [Row(name, "", "", True, "made_locale", 0.3) for name in locale_names(seed)]
    rows += [Row(name, "", "", True, "made_pacific", 0.8) for name in pacific_names(chance)]
    rows += [Row(name, "", "", True, "made_te", 0.6) for name in te_names(chance, TE_PERSON_FORMS, 22)]
    rows += [Row(name, "", "", False, "made_te_body", 0.6) for name in te_names(chance, TE_BODY_FORMS, 18)]
    rows += [
        Row(form.format(x=x), "", "", False, "made_marae", 0.3)
        for form in ORGS
        for x in chance.sample(MAORI_FAMILY, 6)
    ]
    rows += [
        Row(form.format(x=x), "", "", False, "made_place", 0.5)
        for form in PLACES
        for x in chance.sample(GIVEN, 8)
    ]
    rows += [Row(name, "", "", True, "made_east", 0.5) for name in eastern_names(chance)]
    rows += [Row(name, "", "", False, "made_trade", 0.4) for name in traders(chance)]
    rows += [
        Row(words.fill("{G} ") + chance.choice(TRADE_FAMILY), "", "", True, "made_trade_family", 0.5)
        for _ in range(200)
    ]
    rows += [Row(name, "", "", True, "made_african", 0.4) for name in african_names(chance)]
    rows += [
        Row(f"{given} {family}", "", "", True, "made_trade_family", 0.5)
        for family in PARSI_FAMILY
        for given in chance.sample(PARSI_GIVEN, 5)
    ]
    rows += [Row(name.title(), "", "", False, "made_eponym", 0.5) for name in sorted(word_lists.EPONYMS)]
    rows += [Row(name, "", "", False, "made_foreign", 0.3) for name in foreign_businesses(seed)]
    rows += [Row(acronym, "", "", False, "made_acronym", 0.3) for acronym in acronyms(chance)]
    return [
        Row(names.without_note(names.tidy(r.name.replace("_", " ")))[0], "", "", r.person, r.source, r.weight)
        for r in rows
    ]


class NameWords:
    """Fills a form: G, H given names, I the initial of H, P a word of places, m, n numbers, N and K a name and its short form, S, T family names, i, j, k initials, W, V trades; U upper case, small: lower."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        given, family = census_given(), census_family()
        self._given = ([word.title() for word in given], list(given.values()))
        self._family = ([word.title() for word in family], [share + 0.001 for share in family.values()])
        self._trades = sorted(word_lists.TRADES)
        self._nicknamed = sorted(name for name, group in word_lists.NICKNAMES.items() if len(group) > 1)

    def fill(self, form: str) -> str:
        pick = self._chance.choices
        given, other = pick(*self._given, k=2)
        family, second = pick(*self._family, k=2)
        trade, also = self._chance.sample(self._trades, 2)
        long = self._chance.choice(self._nicknamed)
        short = self._chance.choice(sorted(word_lists.NICKNAMES[long] - {long}))
        i, j, k = pick("ABCDEFGHIJKLMNOPRSTVW", k=3)
        place = self._chance.choice(PLACE_WORDS)
        m, n = self._chance.sample(range(2, 30), 2)
        return form.format(
            G=given, H=other, I=other[0], P=place, m=m, n=n, N=long.title(), K=short.title(), S=family, T=second, i=i, j=j, k=k, W=trade.title(), V=also.title(), g=given.lower(),
            s=family.lower(), w=trade, GU=given.upper(), SU=family.upper(), WU=trade.upper(),
        )  # fmt: skip


def locale_names(seed: int) -> Iterator[str]:
    for locale in locales():
        makes = Faker(locale)
        makes.seed_instance(seed)
        for _ in range(14 if locale[:2] in LATIN else 40 if locale[:2] not in UNSPACED else 120):
            yield f"{makes.first_name()} {makes.last_name()}" if locale[:2] not in UNSPACED else makes.name()


UNSPACED = ("zh", "ja", "ko")
LATIN = frozenset(
    "az cs da de en es et fi fr ga ha hr hu id ig is it lt lv nl no pl pt ro sk sl sv tr tw uz vi yo zu".split()
)


FOREIGN = {
    "ar_SA": "شركة {};مؤسسة {};شركة {} للتجارة", "fa_IR": "شرکت {};بانک {}", "he_IL": "חברת {};{} בעמ", "ru_RU": "ООО {};ЗАО {};завод {}",
    "uk_UA": "ТОВ {};банк {}", "zh_CN": "{}科技有限公司;{}银行;北京{}公司", "zh_TW": "{}企業;{}股份有限公司", "ja_JP": "株式会社{};{}株式会社;{}銀行",
    "ko_KR": "주식회사 {};{}은행;{} 주식회사", "th_TH": "บริษัท {} จำกัด;โรงเรียน{};ธนาคาร{}", "el_GR": "{} Α.Ε.;{} ΕΠΕ", "hi_IN": "{} बैंक;{} कंपनी;{} विद्यालय",
}  # fmt: skip


def foreign_businesses(seed: int) -> Iterator[str]:
    for locale, forms in FOREIGN.items():
        makes = Faker(locale)
        makes.seed_instance(seed)
        for form in forms.split(";"):
            for _ in range(12):
                yield form.format(makes.last_name())


def traders(chance: random.Random) -> Iterator[str]:
    """Businesses by the names of people whom the English-speaking registers hold few of."""
    trades = sorted(word_lists.TRADES)
    for givens, families in ((MAORI_GIVEN, MAORI_FAMILY), (PACIFIC_GIVEN, PACIFIC_FAMILY), (AFRICAN_GIVEN, AFRICAN_FAMILY),
                             (INDIAN_GIVEN, INDIAN_FAMILY), (EAST_FAMILY, EAST_FAMILY)):  # fmt: skip
        for _ in range(50):
            given, family, trade = (
                chance.choice(givens),
                chance.choice(families),
                chance.choice(trades).title(),
            )
            yield chance.choice(
                (
                    f"{given} {family} {trade}",
                    f"{given} {family} {trade}",
                    f"{given}'s {trade}",
                    f"{family} {trade}",
                    f"{family} & Sons {trade}",
                )
            )


def african_names(chance: random.Random) -> Iterator[str]:
    for _ in range(200):
        (given, second), family = chance.sample(AFRICAN_GIVEN, 2), chance.choice(AFRICAN_FAMILY)
        yield chance.choice(
            (
                f"{given} {family}",
                f"{given} {family}",
                f"{given} {second} {family}",
                f"{family}, {given}",
                f"{given[0]} {family}",
            )
        )


def eastern_names(chance: random.Random) -> Iterator[str]:
    for _ in range(400):
        family, one, two = chance.choice(EAST_FAMILY), *chance.sample(EAST_SYLLABLES, 2)
        given = chance.choice(
            (
                f"{one.title()}{two}",
                f"{one.title()} {two.title()}",
                f"{one.title()}-{two}",
                f"{one.title()}-{two.title()}",
                one.title(),
            )
        )
        yield chance.choice(
            (f"{family} {given}", f"{given} {family}", f"{family.upper()} {given}", f"{family}, {given}")
        )


def te_names(chance: random.Random, forms: list[str], of_each: int) -> Iterator[str]:
    """Names with Te and Ngāti of people or of bodies, with and without macrons."""
    for form in forms:
        for _ in range(of_each):
            (x, y), (g, h), f = (
                chance.sample(TE_PERSON, 2),
                chance.sample(MAORI_GIVEN, 2),
                chance.choice(MAORI_FAMILY),
            )
            place = chance.choice((x, f.removeprefix("Te_")))
            words = {
                "x": x if "{b}" not in form else place,
                "y": y,
                "g": g,
                "h": h,
                "f": f,
                "i": g[0],
                "b": chance.choice(TE_BODIES),
            }
            name = form.format(**words, X=x.upper(), F=f.upper(), xl=x.lower(), fl=f.lower()).replace(
                "_", " "
            )
            yield name if chance.random() < 0.6 else names.fold(name).title()


def acronyms(chance: random.Random) -> Iterator[str]:
    for _ in range(250):
        letters = "".join(chance.choices("ABCDEFGHIKLMNOPRSTVWZ", k=chance.choice((2, 3, 3, 3, 4, 4))))
        yield chance.choice(
            (letters, letters, f"{letters} NZ", f"{letters} Group", f"{letters} Australia", f"{letters} 2000")
        )


def pacific_names(chance: random.Random) -> Iterator[str]:
    for given, family in ((MAORI_GIVEN, MAORI_FAMILY), (PACIFIC_GIVEN, PACIFIC_FAMILY)):
        for _ in range(120):
            yield f"{chance.choice(given)} {chance.choice(family)}"
        for _ in range(60):
            one, other = chance.sample(given, 2)
            last = chance.choice(family)
            yield chance.choice(
                (
                    f"{one} {other} {last}",
                    f"{one} {other[0]} {last}",
                    f"{last}, {one}",
                    f"{last}, {one} {other}",
                )
            )
        for _ in range(20):
            yield f"{chance.choice(family).upper()}, {chance.choice(given)}"
        for title in ("Mr", "Mrs", "Ms", "Miss", "Dr", "Matua", "Whaea"):
            yield f"{title} {chance.choice(given)} {chance.choice(family)}"
            yield f"{title} {chance.choice(given)[0]}. {chance.choice(family)}"
            yield f"{chance.choice(given)[0]} {chance.choice(family)}"
