"""What the words of a name are for: legal forms, titles, trades. Pure; lower-case, without accents.

The lists are of common knowledge and stay short: what they miss, the trained models of classify and match see.
"""

import re
import unicodedata
from functools import lru_cache

# Several spellings of one legal form; the value is how it is compared. A form of several words comes after
# its words have been brought into line: 'Pty. Limited' is 'pty ltd' is 'P/L'.
LEGAL_WORDS = {
    **dict.fromkeys(("ltd", "limited", "ltda", "limitada", "ltee"), "ltd"),
    **dict.fromkeys(("pty", "proprietary", "pte"), "pty"),
    **dict.fromkeys(("inc", "incorporated", "incorporation"), "inc"),
    **dict.fromkeys(("corp", "corporation"), "corp"),
    **dict.fromkeys(("co", "coy", "company"), "co"),
    **dict.fromkeys(("cooperative", "coop"), "coop"),
    **dict.fromkeys(("gmbh", "mbh"), "gmbh"),
    **dict.fromkeys(("oy", "oyj"), "oy"),
    **dict.fromkeys(("plc", "llc", "llp", "lp", "lllp", "pllc", "pc", "ulc"), ""),
    **dict.fromkeys(
        ("ag", "sa", "sas", "sarl", "srl", "spa", "bv", "nv", "ab", "asa", "aps", "kg", "ohg"), ""
    ),
    **dict.fromkeys(
        ("kgaa", "eurl", "sl", "slu", "kft", "zrt", "rt", "doo", "ood", "eood", "sia", "uab"), ""
    ),
    **dict.fromkeys(
        ("bhd", "sdn", "tbk", "pt", "cv", "kk", "kabushiki", "kaisha", "pvt", "pjsc", "ojsc"), ""
    ),
    **dict.fromkeys(
        ("ооо", "оао", "зао", "пао", "ао", "ип", "тов", "еоод", "оод", "有限公司", "株式会社"), ""
    ),
}
LEGAL = frozenset(LEGAL_WORDS)
# Forms that are also common words or letters count only at the end of a name.
LEGAL_LAST = frozenset(("ag", "sa", "ab", "as", "pt", "co", "pc", "lp", "cv", "sl", "rt", "kk", "spa", "se"))
TRUSTS = frozenset(
    ("trust", "trusts", "trustee", "trustees", "ttee", "ttees", "atf", "superannuation", "estate")
)
TITLES = frozenset(
    "mr mrs ms miss mx mister messrs dr drs doctor doctors prof professor sen sir dame lady lord rev revd reverend fr "
    "father sister brother hon honourable senator mayor cr councillor judge justice capt captain col colonel maj "
    "major sgt lt pastor rabbi imam sheikh sheik herr frau mme mlle sr sra srta don dona congressman "
    "congresswoman representative".split()
)
POSTNOMINALS = frozenset(
    "am ao oam ac mp mla mlc mhr jr snr jnr ii iii iv md phd obe mbe cbe kcmg qc kc sc dds esq cpa ca mba bds jp "
    "cnzm onzm mnzm qso msc bsc ba rn do dc mlitt frcs mrcp".split()
)
LITTLE = frozenset("of the for and in on at by to a an de la le les du des del della di da dos van von der den "
                   "te ten ter el al bin binti ibn abu y e und et o as".split())  # fmt: skip
# Between a person's own names.
PARTICLES = frozenset(
    "de la le du del della di da dos das van von der den te ten ter el al bin binti bint ibn abu ap st san".split()
)
TRADES = frozenset(
    """accountancy accountant accountants accounting acupuncture advertising agencies agency air airconditioning
    alarms apparel appliances arborist architect architects architecture art arts auto automotive autos aviation
    bakery bank banking bar barbers bathrooms beauty beverages bistro boats boatyard books bookkeeping boutique
    brewery bricklaying brothers builder builders building buildings butcher butchery cabinets cafe car cards care
    carpentry carpets cars catering centre center chambers charters chemist chemists childcare chiropractic
    church cinema civil cleaning cleaners clinic clothing club coaches coffee college commercial committee
    communications community computers computing concrete conservation constructions construction consultancy
    consultant consultants consulting contractors contracting council couriers creative cycles dairy dairies dance
    decorating decorators deli demolition dental dentist dentists dentistry department design designs
    developments distribution distributors diving drainage drilling driving earthmoving earthworks education
    electrical electrician electronics electrics energy engineering engineers enterprises entertainment
    equipment events excavation excavations exports express fabrication farm farming farms fashion federation
    fencing fertilisers finance financial fisheries fishing fitness flooring floors florist flowers foods food
    forestry foundation framing freight fruit funerals furniture gallery garage gardening gardens gas glass
    glazing global golf graphics group grocery guttering gym hair hairdressing hardware haulage health healthcare
    heating hire holdings homes horticulture hospital hotel house import imports industrial industries
    information inn insurance insulation interiors international investments irrigation jewellers jewellery
    joinery kindergarten kitchens labour landscapes landscaping laundry lawn lawyers legal library lighting
    livestock locksmiths lodge logistics machinery maintenance management manufacturing marine market marketing
    markets massage meats mechanical media medical metal metals milk mining minerals ministries mobile models
    montessori motel motorcycles motors mowing museum music nails network nurseries nursery nursing office oil
    optical optician opticians optometrist optometrists orchard orchards organics orthodontics osteopathy paint
    painters painting panelbeaters paper partners partnership pastoral paving payroll performance pharmacy
    photography physio physiotherapy pictures pizza planning plastering plastics plumber plumbers plumbing
    podiatry pools practice preschool press primary print printers printing produce production productions
    products project projects promotions properties property psychology publications publishing pub rafting
    ranch realty recruitment recycling refrigeration removals rentals repairs research resources restaurant
    retail roofing rugby rural sales salon scaffolding school schools science seafood secretarial security
    services servicing shearing sheetmetal shipping shoes shop shops shutters signs skincare society software
    solar solicitors solutions sons sport sports stables station stations steel stonemasons storage store stores
    studio studios supermarket supplies supply support surgery surveyors surveying surveys sushi systems tailors
    takeaways tattoo tavern taxis technical technologies technology telecom textiles theatre tiles tiling timber
    tools tourism tours toyota trades trading training transport travel tree trees trucking trucks tuition tyres
    union university upholstery ventures veterinary vets vineyard vineyards water waterproofing web welding
    wellness whanau wholesale wholesalers windows wine winery wines woodwork workshop yoga youth zoo café kebab kebabs kitchen grill daycare""".split()
)
# Words for company, bank, school and the like, where words are not parted by spaces or stand first.
FOREIGN_FORM = re.compile(
    "公司|会社|會社|株式|有限|集团|集團|銀行|银行|企業|企业|学校|學校|大学|大學|医院|醫院|協会|协会|주식회사|은행|학교|บริษัท|จำกัด|"
    "ธนาคาร|โรงเรียน|شركة|شرکت|مؤسسة|بنك|بانک|مدرسة|חברה|בנק|ТОВ |ООО |ЗАО |ОАО |ПАО |компани|банк|завод|Α\\.?Ε\\.?$|कंपनी|बैंक|विद्यालय"
)
# Businesses that many ledgers hold and whose names could be a person's, or two partners'.
EPONYMS = frozenset(
    "harvey norman;ray white;russell mcveagh;bell gully;chapman tripp;minter ellison;buddle findlay;simpson grierson;"
    "duncan cotterill;anthony harper;david jones;thomas cook;morgan stanley;merrill lynch;knight frank;james hardie;"
    "philip morris;charles schwab;kenneth cole;john lewis;marie curie;clayton utz;allens arthur;arnold bloch;"
    "mallesons stephen;herbert smith;allen overy;baker mckenzie;grant thornton;crowe horwath;william buck;bentleys;"
    "findex;harcourts;jones lang;cushman wakefield;lend lease;john holland;laing o'rourke;leighton;fletcher building;"
    "fletcher easysteel;john deere;massey ferguson;harley davidson;rolls royce;aston martin;alfa romeo;mercedes benz;"
    "jack daniels;johnnie walker;jim beam;laura ashley;calvin klein;ralph lauren;tommy hilfiger;hugo boss;louis vuitton;"
    "christian dior;yves saint;estee lauder;max mara;paul smith;ted baker;karen walker;kathmandu;max factor;"
    "smith kline;glaxo smith;eli lilly;johnson johnson;wells fargo;jp morgan;j p morgan;goldman sachs;lehman brothers;"
    "washington h soul;dick smith;jaycar;warren mahoney;stephenson turner;tonkin taylor;beca carter;"
    "wilson parking;hudson recruitment;robert walters;robert half;michael page;kelly services;allied pickfords;"
    "rebel sport;trelise cooper;pumpkin patch;max fashions;jb hi-fi;rodd gunn;crane brothers;roger david;"
    "lj hooker;l j hooker;hamilton island;tiffany;sir john monash;st john;st vincent de paul;saint vincent de".split(
        ";"
    )
)
# Two people or more: joined by a word or sign that stands between their names.
JOINED = re.compile(r"(?<=\w)\s*(?:&|\+)\s*(?=\w)|\s(?:and|or|und|et|y|me)\s", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:['’`.\-][^\W_]+)*")


def tidy(text: str) -> str:
    """NFKC, what nobody sees gone, one kind of apostrophe, single spaces."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    normal = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    seen = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in normal)
    return " ".join(seen.split())


_QUOTES = {ord(c): "'" for c in "’‘`´ʻʼ"}


@lru_cache(maxsize=16384)
def fold(text: str) -> str:
    """Casefolded and without accents: 'Māori' and 'maori' are one."""
    lower = text.casefold()
    if lower.isascii():
        return lower
    decomposed = unicodedata.normalize("NFKD", lower.translate(_PLAIN))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


_PLAIN = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ß": "ss", "ð": "d", "þ": "th", "ı": "i"}
)


def words(text: str) -> list[str]:
    """As written, without the punctuation around them: "O'Brien" and 'J.P' stay whole."""
    return _WORD.findall(text)


def find_legal_form(text: str) -> str | None:
    """As written: 'Pty Ltd' of 'Acme Pty Ltd'. A form that is also a word counts only at the end."""
    if match := re.search(r"\bP\s?/\s?L\b|\bP\.L\.?(?=\s|$)|\bA/S\b|\bT/A\b", text, re.IGNORECASE):
        return match.group()
    if match := FOREIGN_FORM.search(text):
        return match.group().strip()
    parts = text.split()
    marks = [_is_legal(part, at == len(parts) - 1 and at > 0) for at, part in enumerate(parts)]
    if True not in marks:
        return None
    start = marks.index(True)
    end = start
    while end < len(marks) and marks[end]:
        end += 1
    return " ".join(parts[start:end]).strip(" ,()")


def _is_legal(part: str, last: bool) -> bool:
    plain = fold(part).replace(".", "").strip(",()")
    return plain in LEGAL and (last or plain not in LEGAL_LAST)


# Short forms, and the one form under which both are compared.
SHORT = {
    short: long
    for group in (
        "association assn assoc asscn ass;department dept;government govt gov;international intl internat;national natl;"
        "manufacturing mfg manuf manufacturers;university univ;australia aust aus austr australasia;"
        "queensland qld;victoria vic;tasmania tas;brothers bros;mount mt;saint st;centre center ctr cntr;services service "
        "svcs svc;management mgmt mgt;hospital hosp;engineering eng engrs engineers;building bldg;construction const "
        "constr constructions;investments invest invests investment;properties props property;holdings holding "
        "hldgs;group grp;and &;company coy co;federation fed;institute inst;laboratories labs laboratory lab;technology "
        "tech technologies;systems system sys;solutions soln;communications comms communication;development dev "
        "developments;enterprises enterprise;industries industry ind inds;products product prods;supplies supply;"
        "council cncl;road rd;avenue ave;north nth;south sth;school sch;branch br;division "
        "div;union unions;superannuation super;partners partner ptnrs;accountants accts accounting;contractors contracting "
        "contractor;consulting consultants consultancy consultant;first 1st;second 2nd;third 3rd;resources resource;trading traders;transport trans"
    ).split(";")
    for long, *shorts in [group.split()]
    for short in shorts
}
NICKNAMES = {
    name: frozenset(other for group in groups if name in group for other in group)
    for groups in [
        [
            frozenset(group.split())
            for group in (
                "william will bill billy willie liam wiremu;robert rob bob bobby robbie bert;richard rick dick ricky richie rich;"
                "james jim jimmy jamie hemi;john jack johnny jon johnnie hone hoani;thomas tom tommy tamati;michael mike mick mickey "
                "mikaere;david dave davey rawiri;charles charlie chuck chas;edward ed eddie ted ned teddy;george geo hori;henry "
                "harry hal hank;joseph joe joey;daniel dan danny;samuel sam sammy;samantha sam sammy;benjamin ben benny;andrew andy drew "
                "anaru;anthony tony anton antony;christopher chris kit topher;nicholas nick nicky nicolas;matthew matt matiu;peter pete "
                "pita;patrick pat paddy;patricia pat patty tricia trish;gregory greg;geoffrey geoff jeff jeffrey;stephen steve steven "
                "stevie tipene;phillip phil philip;kenneth ken kenny;ronald ron ronnie;donald don donny;raymond ray;lawrence larry "
                "laurie laurence;leonard len lenny leo;frederick fred freddie;francis frank fran;frances fran fanny;alexander alex "
                "sandy alec alick xander;alexandra alex sandra lexi;albert al bert;alfred alf fred;alan allan allen al;arthur art;"
                "bernard bernie;bradley brad;bruce;clifford cliff;douglas doug;ernest ernie;gerald gerry jerry;gerard gerry;herbert herb "
                "bert;jacob jake;jeremy jerry jem;jonathan jon jonny;joshua josh;malcolm mal;martin marty;maxwell max;maximilian max;"
                "nathan nate nat;nathaniel nate nat;norman norm;oliver ollie;oswald ozzie;percival percy;reginald reg reggie;roderick rod;"
                "rodney rod;russell russ;sidney sid sydney;stanley stan;stuart stu stewart;terence terry terrence;theodore ted theo;"
                "timothy tim;tobias toby;victor vic;vincent vince;walter wally walt;zachary zach zac;abigail abby;amanda mandy;angela "
                "angie;ann anne annie anna nan hannah;barbara barb babs;beatrice bea trixie;bridget biddy bridie;caroline carrie carol "
                "carolyn;catherine cathy kate katie kathy kath katherine kathleen kathryn cath kitty kat katarina;christine chris "
                "chrissie tina christina;cynthia cindy;deborah deb debbie debra;diana di diane;dorothy dot dottie dolly;eleanor ellie "
                "nell nora;elizabeth liz beth betty eliza lizzie bess libby lisa elisabeth;emily em emma;florence flo;gabrielle gabby;"
                "georgina george gina;gwendoline gwen;helen nell nellie;isabella bella izzy isabel;jacqueline jackie jacqui;janet jan "
                "jane;janice jan;jennifer jen jenny;jessica jess jessie;joan joanie;joanna jo joanne;josephine jo josie;judith judy judi;"
                "julia julie jules;laura laurie;lillian lil lily;linda lyn lindy;louise lou lulu;lucy lucille;lynette lyn lynn;madeleine "
                "maddie;margaret maggie meg peg peggy marg margie greta madge rita mere;marjorie marge;martha mattie;mary molly polly "
                "maria marie mere;matilda tilly;melissa mel;melanie mel;michelle shelly mitch;natalie nat;natasha tasha;nicola nicky "
                "nicole nikki;pamela pam;penelope penny;philippa pip pippa;priscilla cilla;rebecca becky bec becca;rosemary rose rosie;"
                "sarah sally sara sadie;stephanie steph;susan sue susie suzanne suzie susanna;teresa terry tess tessa theresa;valerie "
                "val;vanessa nessa;veronica ronnie vera;victoria vicky vicki tori;virginia ginny;vivienne viv vivian;wilhelmina mina;"
                "winifred win winnie;yvonne eve;muhammad mohammed mohammad mohamed muhammed mohd;hussein hussain husain;ahmed ahmad;"
                "yusuf youssef joseph yousef;ibrahim abraham;giuseppe joe joseph;giovanni john;jose joseph pepe;juan john;francisco frank "
                "paco;alejandro alex;eduardo eddie;guillermo william"
            ).split(";")
        ]
    ]
    for name in {name for group in groups for name in group}
}  # fmt: skip
