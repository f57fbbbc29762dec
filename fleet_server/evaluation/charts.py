"""What the charts of Fréquentation draw: ECharts options as data. Colours are names of the theme (`bl:loire`)."""

from datetime import date
from typing import Any

from fleet_server.evaluation.counting import Tally
from fleet_server.web.french import day


def visits(days: dict[date, Tally]) -> dict[str, Any]:
    """Bars by day: engaged visits below, the others above. The zero is in sight."""
    engaged = [tally.engaged for tally in days.values()]
    others = [max(0, tally.visits - tally.engaged) for tally in days.values()]
    bar = {"type": "bar", "stack": "visites", "barMaxWidth": 22}
    return {
        "grid": {"left": 36, "right": 8, "top": 34, "bottom": 26},
        "legend": {
            "top": 0,
            "left": 0,
            "itemWidth": 11,
            "itemHeight": 11,
            "icon": "rect",
            "textStyle": {"color": "bl:ink-2"},
        },
        "xAxis": {"type": "category", "data": [day(when) for when in days], "axisLabel": {"hideOverlap": True}},
        "yAxis": {"type": "value", "min": 0, "minInterval": 1},
        "series": [
            {"name": "engagées", "data": engaged, "itemStyle": {"color": "bl:s1"}, **bar},
            {"name": "autres", "data": others, "itemStyle": {"color": "bl:s3"}, **bar},
        ],
    }


def pages(named: list[tuple[str, int]]) -> dict[str, Any]:
    """Horizontal bars, the most consulted on top, each with its number at the end."""
    shown = named[:8][::-1]
    return {
        "grid": {"left": 8, "right": 44, "top": 4, "bottom": 4, "containLabel": True},
        "xAxis": {"type": "value", "min": 0, "show": False},
        "yAxis": {"type": "category", "data": [name for name, _ in shown], "splitLine": {"show": False}},
        "series": [
            {
                "name": "vues",
                "type": "bar",
                "barMaxWidth": 16,
                "data": [views for _, views in shown],
                "itemStyle": {"color": "bl:s1"},
                "label": {"show": True, "position": "right", "color": "bl:ink"},
            }
        ],
    }
