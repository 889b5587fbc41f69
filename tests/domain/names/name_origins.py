"""Names of people by origin, and of bodies with words that people's names have. Made up of lists that no training uses."""

from collections.abc import Iterator

GIVEN = {
    "Māori": "Te_Uenuku Tiakina Kaea Tūmanako Pania Te_Kani Haeata Rongomai Te_Ariki Wairata Hinewai Tāwera Puhiwai Te_Paea Mātai Rereata",
    "Pacific": "Etuate Soane Lesieli Falakiko Meleane Lanuola Saia Tulua Penisimani Sulia Kelepi Lavinia Isikeli Vika Tomasi Lineti",
    "Chinese": "Jianguo Xiuying Guoqiang Meiling Zihan Haoran Yuchen Weiming Shufen Peiyun Kwok-Wai Siu-Ming Chia-Hao Yating Xinyi Boyang",
    "Indian": "Aarav Ishita Venkatesh Padmini Sukhwinder Gagandeep Raghunath Shreya Pranav Kaveri Hardeep Nandini Srinivas Madhavi Tejinder Ritika",
    "Arabic": "Abdulrahman Mariam Khaled Nadia Mustafa Huda Walid Rania Bilal Salma Ibrahim Yasmin Tarek Dalia Faisal Sumaya",
    "European": "Giulia Matthias Ingrid Stanislav Marguerite Piotr Annelies Konstantina Håkon Siobhan Branislav Francesca Joost Mirela Aurélie Tomasz",
}  # fmt: skip
FAMILY = {
    "Māori": "Tamati Whakaata Te_Wiata Rangiaho Manihera Hetaraka Pukeroa Te_Amo Kereopa Nepia Hakaraia Marino Te_Rito Paraire Tautahi Koopu",
    "Pacific": "Vaka'uta Taukeiaho Halafihi Lauaki Fotuaika Tafea Malolo Vea Pahulu Taumalolo Tevaga Faumuina Ropati Ieremia Salesa Tavake",
    "Chinese": "Fang Bai Yuan Jin Dong Cao Pan Ren Zhong Shao Hou Tian Gu Meng Qiu Yuen",
    "Indian": "Krishnamurthy Bajwa Deshpande Mukherjee Subramanian Malhotra Grewal Chatterjee Bhardwaj Kulkarni Randhawa Pillai Agarwal Banerjee Rathore Saini",
    "Arabic": "Al-Rashid Khoury Hamad Abdallah Qureshi Al-Farsi Shaheen Darwish Sabbagh Osman Al-Amin Najjar Barakat Zaher Salman Kassem",
    "European": "Kowalczyk Rossi Bergström Dubois Hoffmann Novák Papandreou Vermeulen Lindqvist Ferrari Horvat Jankowski Moreau Petrović Schneider De_Bruijn",
}  # fmt: skip
FORMS = (
    "{g} {f}",
    "{f}, {g}",
    "{g} {f}",
    "Mr {g} {f}",
    "{F}, {g}",
    "{g} {h} {f}",
    "{g} {i} {f}",
    "Ms {i} {f}",
)
ORGANISATIONS = (
    "Te Whānau o Waipareira", "Te Rūnanga o Ngāti Whātua", "Te Kura Kaupapa o Rākau", "Ngāti Rereata Trust", "Te Puna Hauora", "Ngāi Te Wairata",
    "Te Kōhanga Reo o Pania", "Te Hapori o Haeata", "Whānau Ora o Kaea", "Te Aka Mauri", "Ngati Kereopa Incorporation", "Te Tari o Nepia",
    "Fale Pasifika o Vaka", "Tongan Rugby Union", "Golden Dragon Restaurant", "Punjab Sweets", "Al-Rashid Halal Meats", "Rossi Pizzeria",
    "Kowalczyk Motors", "Bajwa Transport", "Fang Nails", "Lauaki Builders", "Shaheen Travel", "Dubois Catering", "Meng Dental", "Grewal Orchards",
)  # fmt: skip
FLOOR = 0.98


def people(origin: str) -> Iterator[str]:
    """Each given name with each third family name, in turns in each form."""
    given, family = ([word.replace("_", " ") for word in lists[origin].split()] for lists in (GIVEN, FAMILY))
    number = 0
    for at, first in enumerate(given):
        for last in family[at % 2 :: 2]:
            second = given[(at + 5) % len(given)]
            form = FORMS[number % len(FORMS)]
            yield form.format(g=first, f=last, F=last.upper(), h=second, i=second[0])
            number += 1
