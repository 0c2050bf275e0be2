"""The state of the Home page, which the URL mirrors."""

from typing import Literal

from explorer.shared import state

Step = Literal["distances", "axis", "uses"]
STEPS: tuple[Step, ...] = ("distances", "axis", "uses")


class HomeState(state.PageState):
    """The open step of the first screen."""

    step: Step = "distances"


page = state.Page("home", HomeState)
current, change = page.current, page.change
