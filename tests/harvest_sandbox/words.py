"""Invented names and texts that an account is made of."""

from __future__ import annotations

from typing import Final

FIRST_NAMES: Final = (
    "Ada", "Bo", "Chidi", "Dana", "Eun", "Femi", "Goran", "Hana", "Ines", "Jun", "Kavi", "Lior",
    "Mira", "Noa", "Ola", "Pilar", "Quill", "Rana", "Søren", "Tomás", "Uma", "Vera", "Wen", "Zoë",
)  # fmt: skip
LAST_NAMES: Final = (
    "Alder", "Birch", "Cedar", "Damson", "Elm", "Fir", "Gorse", "Hazel", "Ivy", "Juniper",
    "Kelp", "Larch", "Maple", "Nettle", "Oak", "Pine", "Quince", "Rowan", "Sorrel", "Thorn",
    "Ulmus", "Vetch",
)  # fmt: skip
FIRMS: Final = (
    "Example Works", "Sample & Daughters", "Placeholder Foods", "Specimen Optics", "Model Railways",
    "Prototype Motors", "Draft Brewery", "Pattern Textiles", "Mock Turtle Press", "Blueprint Homes",
    "Fixture Lighting", "Template Studios", "Beispiel GmbH", "Ejemplo S.A.",
    "Exemple «Été»", "例示株式会社",
)  # fmt: skip
CURRENCIES: Final = ("EUR", "USD", "GBP", "CHF", "JPY")
PROJECTS: Final = (
    "Website", "Shop relaunch", "Brand book", "Annual report", "Mobile app", "Data warehouse",
    "Support", "Photo shoot", "Audit", "Trade fair", "Newsletter", "Intranet",
)  # fmt: skip
TASKS: Final = (
    "Design", "Programming", "Project management", "Research", "Writing", "Testing", "Meetings",
    "Travel", "Training", "Illustration",
)  # fmt: skip
ROLES: Final = ("Designer", "Developer", "Writer", "Producer", "Nobody yet")
NOTES: Final = (
    "Weekly meeting",
    None,
    "",
    'Fixed the menu; it\'s "done"',
    "Two lines:\nthe second",
    "Émile's façade, naïve café",
    "שלום, עדכון שבועי",
    "مراجعة التصميم",
    "Ship it 🚀👩🏽‍💻",
    "Tab\tand back\\slash",
    "Review",
    "第二次校對",
    "Call with the client\r\nabout the offer",
    "100 % of <b>nothing</b> & more",
    "Preparation",
)
EXPENSE_CATEGORIES: Final[tuple[tuple[str, str | None, float | None], ...]] = (
    ("Meals", None, None),
    ("Lodging", None, None),
    ("Mileage", "mile", 0.575),
    ("Printing", "page", 0.05),
    ("Old stock", None, None),
)
SERVICES: Final = (
    ("trello.com", "https://trello.com/c/"),
    ("github.com", "https://github.com/example/issues/"),
    ("example.com", None),
)
ZONES: Final = ("Amsterdam", "Eastern Time (US & Canada)", "Kyiv", "Tokyo", "UTC")
LINE_BREAKS: Final = "Dear reader,\r\n\r\nplease find it attached.\r\n\r\nExample Works"
