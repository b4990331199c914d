"""Plots of the report, as SVG to stand in a page."""

import io
import re

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt  # noqa: E402  (the back end comes first)

BEFORE, AFTER = "#8a8f98", "#1f5fa8"
STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and needs no outlines
    "svg.hashsalt": "hrinet",  # the same data draw the same file
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#5b6068",
    "axes.axisbelow": True,
}
BINS = 40


def histogram(groups, unit, title):
    """Histograms over a common axis; groups are (name, colour, values), values may be empty."""
    values = [value for _, _, group in groups for value in group]
    if not values:
        return ""
    # One outlier does not flatten the rest: what is beyond stands in the last bin.
    ordered = sorted(values)
    high = min(ordered[-1], 1.5 * ordered[int(0.99 * (len(ordered) - 1))]) or 1.0
    beyond = sum(value > high for value in values)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.4, 2.6), layout="constrained")
        axes.hist(
            [[min(value, high) for value in group] for _, _, group in groups],
            bins=BINS,
            range=(0, high * (1 + 1e-9)),
            color=[colour for _, colour, _ in groups],
            label=[name for name, _, _ in groups],
            histtype="stepfilled",
            alpha=0.75,
        )
        axes.set_xlabel(unit + (f" ({beyond} beyond are in the last bar)" if beyond else ""))
        axes.set_ylabel("volumes")
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", color="#e3e5e8")
        if len(groups) > 1:
            axes.legend(*(part[::-1] for part in axes.get_legend_handles_labels()), frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    # A page holds several drawings: their inner names must differ.
    prefix = re.sub(r"\W", "", title) + "-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\1{prefix}", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
