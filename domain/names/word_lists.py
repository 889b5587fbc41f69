"""Lists of common knowledge: words for trades and bodies, brands like people's names, short forms, nicknames.

The words are in lower case and without accents, unless a comment says otherwise. The lists stay short, because the
trained models know the rest.
"""

import re

# Trades, shops and bodies: a person seldom has such a name.
TRADES = frozenset(
    """abattoir academy accountancy accountant accountants accounting actuaries acupuncture adventist advertising
    advisory agencies agency air airconditioning airlines airport airways alarms alehouse alliance anaesthetics
    anglican apartments apiaries apotheke apparel appliances apteek aquarium arborist arborists archdiocese
    architect architects architecture art arts ashram assembly assets athletics auctioneers auctions audiology
    auditors authority auto autobody automotive autos aviation backerei backpackers bakery bakkerij bank banking
    baptist bar barber barbers barbershop bathrooms bazaar beautician beauty bedding beverages bindery biryani
    bistro bistrot blinds board boarding boats boatyard bobcat bodega boerdery bookkeeping books borough
    boucherie boulangerie boutique bowls brasserie brewery brewing bricklaying bridal broadcasting brokers bros
    brothers builder builders building buildings bureau butcher butchery cabinets cafe cakes campground cantina
    capital car caravan cardiology cards care carniceria carpentry carpets cars cartage catering cathedral
    cattery center centre chabad chambers chandlery charters chemist chemists childcare chippy chiropractic
    chiropractors chocolates choir church cidery cinema civil cleaners cleaning clinic clothing club coaches
    coalition coffee college collision commercial commission committee communications community computers
    computing concrete congregation conservation consortium construction constructions consultancy consultant
    consultants consulting contracting contractors convent conveyancing cookies corporate cosmetic costumes
    council counselling courier couriers cranes creative creche creperie cricket crushing curry curtains cycles
    cycling dairies dairy dance daycare dealers decorating decorators deli demolition dental dentist dentistry
    dentists dentures department depot dermatology design designs developments dhaba diggers diocese discount
    dispensary distillery distribution distributors district diving downs drainage drilling driving drovers
    dumpling dumplings earthmoving earthworks eatery education eglise electrical electrician electrics
    electronics elevators emporium endodontics energy engineering engineers enterprise enterprises entertainment
    equipment equities estates events excavation excavations exports express eyecare fabrication falls farm
    farmacia farming farms fashion federation feeds fellowship fencers fencing ferreteria fertilisers finance
    financial fisheries fishing fishmonger fishmongers fitness flooring floors florist flowers food foods
    football forestry foundation framers framing freight fruit funerals furniture gaa gallery garage gardening
    gardens gas gasthaus gelateria gelato gifts glass glaziers glazing global golf grain graphics greengrocer
    greengrocers grill grocery grooming group guild gurdwara gurudwara guttering gutters gym gymnastics
    gynaecology h.u.f haberdashery hair hairdressing hapu harbour hardware hatchery haulage health healthcare
    hearing heating heights herald hire hockey hoists holdings holidaypark homes homewares hops horticulture
    hospice hospital hostel hotel house hub huf iglesia igreja ihc import imports industrial industries
    information inn institute insulation insurance interiors international investments irrigation iwi izakaya
    jaycees jewellers jewellery joiners joinery kebab kebabs kedai kennels kerk kindergarten kirana kirche
    kitchen kitchens kitchenware kiwanis kohanga konditorei kopitiam kura laboratories laboratory labour labs
    lagoon landscapers landscapes landscaping laundry lawn lawns lawyers league legal legals lending library
    lighting lingerie lithographics livestock locksmiths lodge lodges logistics lutheran machinery magazine
    maintenance management mandir manufacturing marae marina marine market marketing markets mart masjid massage
    mattresses meadows meats mechanical mechanix media medical medicine metal metals methodist metzgerei
    midwives milk minerals mining ministries ministry mithai mobile models monastery montessori mortgages mosque
    motel motorcycles motors mowing municipal municipality museum music nails netball network ngai ngati noodle
    noodles nurseries nursery nursing obstetrics office oil oncology ophthalmology optical optician opticians
    optics optometrist optometrists orchard orcharding orchards orchestra organics orthodontics osteopathy
    osteria outlet paediatrics paint painters painting panaderia panelbeaters panelbeating paper parish partners
    partnership pasefika pasifika pastoral pathology patisserie paving payroll pediatrics peluqueria pentecostal
    performance periodontics petcare pharmacie pharmacy photography physio physios physiotherapy pictures
    piercing pizza pizzeria planning plasterers plastering plastics playcentre playgroup plumber plumbers
    plumbing plunket podiatry pools poultry practice presbyterian preschool press primary print printers
    printery printing probus produce production productions products project projects promotions properties
    property psychiatry psychology pub publications publishing quarries quarry radio radiology rafting railways
    ramen ranch realty records recruitment recycling refrigeration removalists removals rentals repairs research
    resort resources restaurant restoran retail retreat ristorante roastery roofers roofing rooms rotary rowing
    rsa rsl rspca rugby rugs runanga rural saddlery sailing sailmakers sales salon salvage sawmill scaffolding
    school schools science scrap seafood secretarial securities security seeds sekolah services servicing
    shearers shearing sheetmetal shipping shire shoes shop shops shul shutters signage signs signwriters
    skincare slagerij slaghuis smokehouse society software solar solicitors solutions sons spa spca sport sports
    springs stables station stationery stations steel stevedores stockyards stonemasons storage store stores
    stud studio studios stylist superette supermarket supplies supply support surf surgery surplus surveying
    surveyors surveys sushi swimming synagogue syndicate systems tabernacle tailors tainui takeaways tandoori
    tanning tapas taproom taqueria tattoo tavern taxation taxis tearoom tearooms technical technologies
    technology telecom television tennis textiles theatre therapy tilers tiles tiling timber timbers
    toastmasters toko tools tourism tours towage towing toyota toys traders trades trading training transport
    trattoria travel tree trees trucking trucks tuition turf tyres u3a union university upholsterers upholstery
    urology valuers vending ventures vet vetcare veterinary vets vihara village villas vineyard vineyards
    viticulture wages wananga warehouse warung water waterproofing wealth web welding wellness whanau wholesale
    wholesalers windows wine winery wines woodwork workshop wreckers yacht yayasan ymca yoga youth ywca zoo""".split()
)
# Words of other languages for company, bank, school, shop, place of worship and the like. No person has such a name: of 213
# development names with such a word, all are organisations.
FOREIGN_FORM = re.compile(
    "公司|会社|會社|株式|有限|集团|集團|銀行|银行|企業|企业|学校|學校|大学|大學|医院|醫院|協会|协会|餐厅|餐廳|饭店|飯店|酒店|酒楼|酒樓|食堂|超市|商店|"
    "商行|中心|诊所|診所|药房|藥房|工作室|事務所|事务所|教会|教會|幼儿园|幼稚園|茶餐|火锅|火鍋|寿司|ラーメン|居酒屋|クリニック|サービス|組合|神社|寺$|堂$|屋$|店$|家$|処|そば|うどん|"
    "주식회사|전자|건설|산업|물산|상사|은행|학교|식당|교회|학원|병원|마트|카페|미용실|세탁소|บริษัท|จำกัด|ธนาคาร|โรงเรียน|ร้าน|โรงแรม|มูลนิธิ|^วัด|"
    "شركة|شرکت|مؤسسة|بنك|بانک|مدرسة|مطعم|مخبز|مكتب|مركز|جمعية|مسجد|صيدلية|محلات|رستوران|חברה|חברת|בנק|מסעדת|מסעדה|מאפיית|קפה |מכון|בית ספר|"
    "ТОВ |ООО |ЗАО |ОАО |ПАО |компани|\\b(?:банк|завод|пекарня|салон|магазин|ресторан|кафе|школа|аптека|церковь|храм|семья|фонд|студия)\\b|"
    "Α\\.?Ε\\.?$|Ε\\.?Π\\.?Ε\\.?$|ταβέρνα|φούρνος|εταιρεία|εκκλησία|सेवा|ट्रेडर्स|किराना|स्टोर|भंडार|मंदिर|एंड संस|कंपनी|बैंक|विद्यालय|கோவில்|ஸ்டோர்ஸ்|கோயில்|பள்ளி|நிறுவனம்|"
    "\\b(?:masjid|gurdwara|gurudwara|mandir|chabad|boerdery|slaghuis|b[äa]ckerei|boulangerie|p[âa]tisserie|izakaya|trattoria|ristorante|osteria|"
    "pizzeria|kirana|dhaba|restoran|sekolah|yayasan|iglesia|igreja|kirche|[ée]glise|moskee|apotheke|farmacia|pharmacie|panader[íi]a|huf|h\\.u\\.f)\\b",
    re.IGNORECASE,
)
# Businesses that many ledgers hold and whose names could be a person's, or two partners'.
EPONYMS = frozenset(
    name.strip()
    for name in """a j hackett;a l goodbody;abercrombie fitch;addleshaw goddard;aird berlis;aj hackett;al goodbody;
    alannah hill;alexander mcqueen;alfa romeo;allen gledhill;allen overy;allens arthur;allied pickfords;
    anderson lloyd;ann taylor;anthony harper;arby's;arnold bloch;arnotts;arthur andersen;arthur barnett;
    arthur cox;arthur j gallagher;arthur young;ashurst;aston martin;aunt betty's;aurecon;austin martin;
    baker botts;baker mckenzie;baker tilly;ballantynes;barfoot thompson;barnardos;barry callebaut;
    bayleys;bdo spicers;beca carter;bed bath;bell gully;ben jerry's;ben sherman;bentleys;
    berkshire hathaway;betty crocker;bird bird;black decker;blake cassels;boehringer ingelheim;
    bowman gilfillan;brancott;briggs stratton;briscoes;bristol myers;brooks bros;brooks brothers;
    brown root;brown thomas;buddle findlay;burger king;burson marsteller;calvin klein;captain morgan;
    carl zeiss;carl's;carl's jr;cath kidston;cavell leitch;century 21;chapman tripp;charles river;
    charles schwab;charles tyrwhitt;christian dior;clayton utz;clemenger bbdo;cliffe dekker;
    clifford chance;cloudy bay;coldwell banker;colgate palmolive;colonel sanders;cooper brothers;
    corrs chambers;country road;crane brothers;crate barrel;crowe horwath;cushman wakefield;dale carnegie;
    david jones;david lloyd;davis langdon;davis polk;debenhams;deloitte;denny's;diane von furstenberg;
    dick smith;dick smith electronics;dillon eustace;dla piper;dominion breweries;donna karan;
    douglas elliman;dr barnardo's;dr martens;dr oetker;dr pepper;drew napier;dun bradstreet;
    duncan cotterill;eddie bauer;edward jones;edward nathan;eli lilly;emma bridgewater;ernest adams;
    ernst leitz;ernst young;estee lauder;eversheds;famous amos;findex;first national;fisher paykel;
    fletcher building;fletcher easysteel;ford motor;fortnum mason;franklin templeton;fred hollows;
    fred perry;freshfields;fritz hansen;gallaway cook;georg jensen;gilbert tobin;giorgio armani;
    glaxo smith;glen moray;gloria jean's;goldman sachs;gordon ramsay holdings;grace bros;grace removals;
    grant thornton;guthrie bowron;guy laroche;h j smith;haines norton;hall chadwick;hall wilcox;hall's;
    hallenstein brothers;hamilton island;hamilton jet;hans wegner;harcourts;hardee's;harkness henry;
    harley davidson;harley-davidson;harris scarfe;harrisons crosfield;harrods;harry ramsden's;
    harvey norman;heart kids;henry schein;herbert smith;herbert smith freehills;hewlett packard;hirepool;
    hj smith;holding redlich;hudson recruitment;hugo boss;inchcape;j h whittaker;j p morgan;j.p morgan;
    jack daniel's;jack daniels;jackson stone;jacob's creek;jacobs douwe;james hardie;jamie's italian;
    jardine matheson;jasmax;jb hi-fi;jean paul gaultier;jh whittaker;jim beam;jim's mowing;jimmy choo;
    john deere;john holland;john lewis partnership;john mcphee;john smith's;john swire;johnnie walker;
    johnny walker;johnson controls;johnson johnson;johnson stokes;jones day;jones lang;jose cuervo;
    jp morgan;kate spade;keller williams;kellogg brown;kelly services;kelly tarlton's;kennards;
    kenneth cole;kensington swan;khaitan;kim crawford;king wood;king wood mallesons;kirkcaldie stains;
    kirkland ellis;knight frank;l j hooker;laing o'rourke;lander rogers;lane neave;latham watkins;
    laura ashley;lehman brothers;lend lease;leo burnett;les mills;lincoln sentry;lindauer;linfox;
    linklaters;lj hooker;lloyd's;lord taylor;louis vuitton;louise kennedy;macy's;madame tussauds;
    mainfreight;mallesons stephen;marc jacobs;marie curie;markhams;marks and spencer;marks spencer;
    marsh mclennan;mary potter;mason hayes;massey ferguson;maurice blackburn;max factor;max fashions;
    max mara;mayer brown;mccann fitzgerald;mccarthy tetrault;mercedes benz;mercedes-benz;merck sharp;
    merrill lynch;michael hill;michael kors;minter ellison;mitre 10;moore stephens;morgan stanley;
    mother teresa;mott macdonald;mr apple;mrs fields;mrs mac's;nando's;neiman marcus;
    nelson mandela foundation;noel leeming;norton rose;ogilvy mather;orla kiely;osborne clarke;
    oscar wylde;osler hoskin;papa john's;parsons brinckerhoff;paul weiss;penfolds;perry ellis;
    peter alexander;peter lehmann;philip morris;pierre cardin;pitcher partners;placemakers;porter hire;
    pottery barn;price waterhouse;procter gamble;pumpkin patch;r m williams;r.m williams;rajah tann;
    ralph lauren;ray white;raymond james;rebel sport;reckitt benckiser;richardson sons;rider levett;
    rm williams;robert bosch;robert half;roberto cavalli;rodd gunn;roger david;rolls royce;rolls-royce;
    royal doulton;russell mcveagh;saatchi saatchi;saffery champness;saint vincent de;salvatore ferragamo;
    samuel adams;sara lee;sarah lee;savills;seed heritage;selfridges;shine lawyers;simmons simmons;
    simpson grierson;sir edmund hillary;sir john monash;skadden arps;slater gordon;slaughter may;
    smith caughey;smith caughey's;smith city;smith kline;smith nephew;smith williamson;st john;
    st vincent de paul;staples rodway;starbucks;stella mccartney;stephenson turner;stikeman elliott;
    sullivan cromwell;t m lewin;t rowe price;tall poppy;ted baker;texas instruments;thomas cook;
    thomas pink;thomas sabo;tim hortons;tm lewin;tom ford;tommy bahama;tommy hilfiger;tompkins wake;
    tonkin taylor;tony robbins;tony roma;tony roma's;tory burch;trelise cooper;turner townsend;uncle ben;
    van heusen;victoria's secret;villa maria;vivienne westwood;walter barnett;walter thompson;
    warren mahoney;washington h soul;waterford wedgwood;wattie's;watts hughes;webb henderson;
    webber wentzel;wells fargo;wendy's;white case;william buck;william fry;william hill;williams sonoma;
    willis towers;wilson parking;wolf blass;wong partnership;woods bagot;wynn williams;young rubicam;
    yves saint""".split(";")
)
# Short forms, and the long form that replaces them in comparisons.
SHORT = {
    short: long
    for group in (
        "association assn assoc asscn ass;department dept;government govt gov;international intl internat;national natl;"
        "manufacturing mfg manuf manufacturers;university univ;australia aust aus austr australasia;"
        "queensland qld;victoria vic;tasmania tas;brothers bros;mount mt;saint st;centre center ctr cntr;services service "
        "svcs svc;management mgmt mgt;hospital hosp;engineering eng engrg engrs engineers;building bldg;construction const "
        "constr constructions;investments invest invests investment;properties props property;holdings holding "
        "hldgs;group grp;and &;company coy co;federation fed;institute inst;laboratories labs laboratory lab;technology "
        "tech technologies;systems system sys;solutions soln;communications comms communication;development dev "
        "developments;enterprises enterprise;industries industry ind inds;products product prods;supplies supply;"
        "council cncl;road rd;avenue ave;north nth;south sth;school sch;branch br;division "
        "div;union unions;superannuation super;partners partner ptnrs;accountants accts accounting;contractors contracting "
        "contractor;consulting consultants consultancy consultant;great gt;hour hr hrs;first 1st;second 2nd;third 3rd;family fam;trust tst;northern nthn;southern sthn;eastern estn;western wstn;partnership pship ptnrship;resources resource;trading traders;transport trans;trustees trustee ttee ttees;rentals rental;nominees nominee;ventures venture;"
        "fourth 4th;fifth 5th;sixth 6th;seventh 7th;eighth 8th;ninth 9th;tenth 10th"
    ).split(";")
    for long, *shorts in [group.split()]
    for short in shorts
}
# Given names that the censuses and lists behind domain.names.lexicon hardly hold.
MORE_GIVEN = frozenset(
    "tane hemi aroha kiri mere wiremu hine ngaio tama anahera hone whetu manaia kahu rawiri moana hinemoa marama mereana tamati matiu hoani "
    "wikitoria mahina kahurangi roimata manaaki pania tumanako ariki uenuku sione mele tevita semisi lupe fetu ioane viliami salote leilani "
    "tavita masina losa afa pouono tala ana sina siosaia apisai inoke litia seini jone epeli sitiveni mosese xiaoming zhiqiang yuxuan jianguo meiling weiming xiuying "
    "haoran yan hao ling xiu jian hui harpreet gurpreet jaspreet manpreet gurdeep hardeep sukhwinder lakshmi venkatesh priya sunita deepak "
    "raj anil vikram neha arjun kavita manish deepa ravi sanjay rajesh vijay amit kiran suresh omar layla ahmed fatima yusuf amina khalid noor hassan zainab tariq samira mustafa mariam abdulrahman thabo sipho chinedu ngozi adebayo kwame".split()
)
# Words for the kind of an entity, in addition to its legal form. One owner may have several: a trust, a fund and a company.
ENTITIES = frozenset(
    "trust trustees superannuation smsf fund estate holdings investments properties nominees developments enterprises "
    "rentals ventures capital group partnership syndicate unit discretionary testamentary".split()
)
NICKNAMES = {
    name: frozenset(other for group in groups if name in group for other in group)
    for groups in [
        [
            frozenset(group.split())
            for group in (
                "sandra sandy sandi;harold harry hal;kimberly kimberley kim;benjamin benji;charlotte lottie charlie;elizabeth betsy;gabriel gabe;"
                "gillian jillian jill gill;leslie lesley les;lucas luke ruka;marcus marc mark maaka;maureen mo;maxine max;mitchell mitch;murray muz;"
                "nigel nige;oliver olly;rosalind roz;stephanie stevie;susannah sue;vanessa ness;henry henare;paul paora;isaac ihaka;joseph joe hohepa;"
                "rachel rahera;john sione ioane;david tevita;james semisi;george siaosi;michael mikaele;"
                "william will bill billy willie liam wiremu viliami;robert rob bob bobby robbie bert;richard rick dick ricky richie rich;"
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
                "paco;alejandro alex;eduardo eddie;guillermo william;georgios yiorgos giorgos george;ioannis yannis giannis yianni john;dimitrios "
                "dimitris jim;nikolaos nikos nick;konstantinos kostas con;evgeny yevgeny evgeniy yevgeniy evgenii eugene;sergey sergei "
                "serge;dmitry dmitri dimitri;yuri yury;ekaterina katerina katya;aleksandr alexander;aleksandra alexandra;natalia natalya "
                "natalie;sean shaun shawn;padraig patrick;seamus james;siobhan joan;mairead margaret;caitlin kathleen"
            ).split(";")
        ]
    ]
    for name in {name for group in groups for name in group}
}  # fmt: skip
