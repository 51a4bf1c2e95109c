"""A faithfulness report -> matplotlib axes."""

from skattn.inspection._render._axes import clean, colours_on, panels_in
from skattn.utils._optional import import_pyplot


def draw_report(report, ax):
    """Three panels: comprehensiveness, sufficiency, tau with leave-one-out."""
    plt = import_pyplot("FaithfulnessReport.plot")
    panels = panels_in(plt, ax, 3, (3.6, 3.1))
    titles = {
        "comprehensiveness": "Without the top words,\nprobability falls by (more is better)",
        "sufficiency": "With the top words alone,\nit falls by (less is better)",
        "tau_leave_one_out": "Kendall's tau with\nleave-one-out",
    }
    names = [name for name, _ in report.rows()]
    theme = colours_on(panels[0])
    for panel, (metric, title) in zip(panels, titles.items(), strict=True):
        for place, name in enumerate(names):
            mean, low, high = report.intervals[name][metric]
            ours = name in report.leads
            colour = theme["accent" if ours else "muted"]
            panel.plot([low, high], [place, place], color=colour, lw=3 if ours else 1.8)
            panel.plot(mean, place, "o", color=colour, ms=8 if ours else 5.5)
        panel.axvline(0, color=theme["field"], lw=0.9, zorder=0)
        panel.set_title(title, fontsize=10, loc="left")
        panel.set_yticks(range(len(names)), names if panel is panels[0] else [])
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.grid(axis="x", color=theme["line"], lw=0.8)
        clean(panel)
    for label in panels[0].get_yticklabels()[: len(report.leads)]:
        label.set(color=theme["accent"], weight="bold")
    if ax is None:
        verdicts = "\n".join(report.verdicts.values())
        panels[0].figure.suptitle(verdicts, x=0.01, ha="left", weight="bold", fontsize=11.5)
    return panels
