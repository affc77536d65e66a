"""The page of a check of a posterior."""

from skflow._pages import Card, Page, Picture, page_of
from skflow.diagnostics.displays._expected import ExpectedCoverageDisplay
from skflow.diagnostics.displays._local import LocalTwoSampleDisplay
from skflow.diagnostics.displays._rank import RankDisplay
from skflow.diagnostics.displays._replicated import PosteriorPredictiveDisplay
from skflow.diagnostics.measures._finding import shown_p
from skflow.diagnostics.report._posterior import PosteriorCheck

DISPLAYS = {
    "calibration": RankDisplay,
    "coverage": ExpectedCoverageDisplay,
    "two samples": LocalTwoSampleDisplay,
    "two samples at x_o": LocalTwoSampleDisplay,
    "predictive": PosteriorPredictiveDisplay,
}
WIDTH, HEIGHT = 5.4, 2.6  # of the picture, and of a row of panels
TO_DO = {
    "calibration": "more simulations, a longer fit or more members; look which parameter is off",
    "coverage": "more simulations or a longer fit; see that x carries what it should",
    "two samples": "simulate more, most where it fails, or fit with a more flexible density",
    "two samples at x_o": "simulate near x_o: SimulationPosterior.refine does",
    "predictive": "the simulator does not make such data: look at it before the posterior",
}


@page_of.register
def _(check: PosteriorCheck) -> Page:
    cards = []
    for name, found in check.findings.items():
        picture = Picture(_drawing(DISPLAYS[name], found), (4.6, 4.2))
        bad = check.p_values[name] <= check.level
        note = f"{shown_p(check.p_values[name])}, corrected for the number of checks"
        to_do = TO_DO[name] if bad else ""
        cards.append(Card(name, str(found), to_do, note, picture, bad=bad))
    summary, *_, verdict = str(check).splitlines()
    cards.sort(key=lambda card: not card.bad)
    return Page("Check of a posterior", verdict, summary, cards, check.verdict == "bad")


def _drawing(display, found):
    def draw(figure):
        shown = display.from_finding(found, ax=figure.subplots())
        n = shown.axes_.size if hasattr(shown, "axes_") else 1
        if n > 1:  # the display would put them side by side, too small for a page
            columns = 1 if n == 2 else 2 if n % 2 == 0 else 3
            figure.clear()
            figure.set_size_inches(WIDTH, HEIGHT * n / columns)
            shown.plot(figure.subplots(n // columns, columns))

    return draw
