"""Words for invented names, by the cultures met in a New Zealand practice."""


def _split(words: str) -> tuple[str, ...]:
    return tuple(words.split())


PEOPLE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "british": (
        _split(
            "John Mary David Susan Peter Karen Michael Helen Andrew Julie Stephen Margaret Mark Anne Paul Jane Robert"
            " Christine Ian Fiona Graham Judith Craig Nicola Bruce Wendy Murray Heather Colin Alison Trevor Jo Grant"
            " Philippa Hamish Olivia Jack Charlotte Liam Isla Thomas Amelia William Grace Lachlan Siobhán Ewan Zoë"
            " Brendan Renée Noel Chloé Desmond Imogen Rory Harriet Callum Poppy Alasdair Beatrix"
        ),
        (
            *_split(
                "Smith Brown Wilson Taylor Jones Thompson Walker Harris McKenzie MacDonald O'Brien O'Connor Fraser"
            ),
            *_split(
                "Campbell Stewart Robertson Hughes Fitzgerald Gallagher McLeod Sinclair Whitfield Ashworth"
            ),
            *_split(
                "Thornbury Pemberton Hargreaves Kilpatrick Dalrymple Lockhart Greenwood Blackwell Cartwright"
            ),
            *_split(
                "Farquhar Wetherill Braithwaite Ó'Sullivan Llewellyn Pritchard Rutherford Tremaine Underhill"
            ),
            *_split(
                "Winterbourne Yardley Abernethy Birdsall Chisholm Drummond Eastwick Fernhill Galbraith Holloway"
            ),
            "St John",
            "Van der Berg",
            "De Vries",
            "Le Roux",
            "Smith-Jones",
            "Hart-Davis",
        ),
    ),
    "maori": (
        _split(
            "Aroha Hēmi Kiri Tāne Mere Wiremu Hine Rangi Ngaio Tama Anahera Hōne Whetū Manaia Kahu Rāwiri Moana Pita"
            " Hinemoa Mānuka Tūī Āwhina Kauri Mārama"
        ),
        _split(
            "Ngata Parata Te_Kanawa Tūhoe Pōtiki Rāwhiti Te_Ahu Waitai Hēnare Taumata Whaanga Kōwhai Māhuta Tāmati"
            " Te_Moana Paewai Tūroa Hōhepa Karaka Wharepapa"
        ),
    ),
    "pacific": (
        _split(
            "Sione Mele Tevita Ana Semisi Lupe Fetu Tala Ioane Sina Viliami Salote Afa Leilani Tavita Masina"
            " Pouono Losa Manu Fa'afetai"
        ),
        _split(
            "Tuilagi Fa'alogo Taumoepeau Leota Folau Tu'ipulotu Vaifale Sopoaga Lolohea Fonoti Tupou Mata'afa Latu"
            " Aumua Fifita Ta'ase"
        ),
    ),
    "chinese": (
        _split("Wei Lina Xiaoming Mei Jun Yan Hao Ling Zhiqiang Xiu Jian Min Bo Hui Yuxuan Ming"),
        _split("Wang Li Zhang Chen Liu Yang Huang Zhao Wu Zhou Xu Sun Lin He Guo Lü"),
    ),
    "indian": (
        _split(
            "Priya Raj Anil Sunita Vikram Neha Arjun Kavita Harpreet Gurdeep Manish Deepa Jaspreet Lakshmi"
        ),
        _split("Patel Singh Sharma Kumar Kaur Gupta Reddy Nair Iyer Chaudhary Desai Bhatt Dhillon Rao"),
    ),
    "arabic": (
        _split("Ahmed Fatima Omar Layla Yusuf Amina Khalid Noor Hassan Zainab Tariq Samira"),
        _split("Al-Hassan Haddad Khalil El-Sayed Mansour Nasser Rahman Aziz Al-Masri Farouk Saleh Hamdan"),
    ),
}
CHINESE_SCRIPT = ("王伟", "李娜", "张敏", "刘洋", "陈静", "杨帆", "赵磊", "黄丽", "周杰明", "吴婷")

PLACES = _split(
    "Ōtāne Waikura Kererū_Bay Te_Awa Pūkeko_Flat Harakeke Northvale Rimu_Hill Southbrook Kahikatea Mānuka_Point"
    " Rangipai Westmere Takahē Papatoa Kōtuku Riverleigh Fernside Hautere Eastdale Tōtara_Park Wharetai Brookfield"
    " Maramai Gumtown Nikau_Grove Pātiki Waiparu Dunvale Ashgrove"
)
TRADES = _split(
    "Plumbing Electrical Builders Joinery Roofing Landscaping Dairy_Farms Orchards Vineyards Fencing Engineering"
    " Transport Logistics Motors Panelbeaters Cafe Bakery Catering Physiotherapy Dental Veterinary Pharmacy"
    " Architecture Surveyors Legal Consulting Software Marketing Design Print Properties Investments Holdings"
    " Developments Finance Insurance Cleaning Security Painting Flooring Tiling Earthmoving Forestry Fisheries"
    " Honey Wines Brewing Textiles Furniture Hardware Irrigation Refrigeration Childcare Fitness"
)
COINED = _split(
    "Blue_Heron Silver_Beech Kōkako Three_Peaks Longacre Tūī Cobalt Halcyon Pōhutukawa Redcliff Summit Southern"
    " Kea Nor'wester Lighthouse Cornerstone Tidewater Greenstone Meridian_Line Fantail Anchor_Stone Quill_&_Ink"
    " Bell_Bird Matai Copper_Kettle Two_Rivers Café_Lune Wild_Thyme Pounamu Ridgeline"
)
COMPANY_SUFFIXES = ("Ltd", "Limited", "Ltd.", "LIMITED", "Pty Ltd", "Group Ltd", "(NZ) Ltd", "Ltd t/a", "")
STREETS = _split("High Queen Rata Station Beach Church Victoria Kōwhai Mill Albert Domain Totara King River")
ROADS = ("Street", "Road", "Terrace", "Lane", "Avenue", "Place")
PUBLIC_BODIES = (
    "{place} District Council",
    "{place} Regional Council",
    "Ministry of {trade}",
    "{place} School",
    "{place} Primary School Board of Trustees",
    "{place} Hospital",
    "Department of {trade} - {place}",
    "{place} Rugby Football Club Inc",
    "{place} Community Trust",
)
MAIL_HOSTS = ("example.co.nz", "example.com", "example.net.nz", "mail.example.org", "example.nz")
REGIONS = (
    "Auckland",
    "Waikato",
    "Bay of Plenty",
    "Hawke's Bay",
    "Wellington",
    "Canterbury",
    "Otago",
    "Southland",
    "",
)


def spaced(word: str) -> str:
    """The words. An underscore in the lists joins two parts of one word."""
    return word.replace("_", " ")
