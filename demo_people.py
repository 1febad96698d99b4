"""The demo people of a development system; apart from the application, so that printing them loads nothing."""

DOMAIN = "demo.hakiyetu.example"
PASSWORD = "mvua-ya-masika-njema"  # public on purpose, and refused in production

# Name before the @, full name, role, phone.
PEOPLE = (
    ("achieng", "Achieng Otieno", "client", "254711000000"),
    ("baraka", "Baraka Mwangi", "advocate", "254733100100"),
    ("zawadi", "Zawadi Njeri", "advocate", "254733200200"),
    ("dalmas", "Dalmas Kiprop", "finance", None),
    ("esther", "Esther Wanjiru", "admin", None),
)
# Name, fee in shillings, minutes of a slot, practice areas, a line about them.
ADVOCATES = {
    "baraka": (3000, 60, ["family", "land"], "Twelve years of family and land matters in Nairobi."),
    "zawadi": (4500, 45, ["employment", "tenancy"], "Employment and tenancy, in English, Swahili and Kikuyu."),
}
