"""The state of the Train page."""

from explorer.shared.links import train as page

VIEWS: dict[str, str] = {"new": "New training", "runs": "Trainings", "compare": "Compare"}
current, change, bound = page.current, page.change, page.bound
