"""The health history of a terminal as a chart: three small panels on one time axis."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from fleet_server.terminals.models import TerminalHealth
from fleet_server.terminals.states import HOT

SPANS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7j": timedelta(days=7), "30j": timedelta(days=30)}
MAX_POINTS = 600


def samples(session: Session, terminal_id: str, span: timedelta, now: datetime) -> list[TerminalHealth]:
    """Oldest first, thinned out to what a chart can show."""
    query = select(TerminalHealth).where(TerminalHealth.terminal == terminal_id, TerminalHealth.at >= now - span)
    rows = list(session.exec(query.order_by(col(TerminalHealth.at))))
    step = len(rows) // MAX_POINTS + 1
    return rows[::step]


def option(rows: list[TerminalHealth]) -> dict[str, Any]:
    """ECharts option: memory, processor and free disk in %, temperature where the machine has a sensor."""
    panels: list[tuple[str, str, float, list[tuple[int, float]]]] = []
    sensor = any(row.temperature is not None for row in rows)
    if sensor:
        panels.append(("Température", " °C", 100, _points(rows, "temperature", 1)))
    panels.append(("Processeur", " %", 100, _points(rows, "cpu", 100)))
    panels.append(("Mémoire", " %", 100, _points(rows, "memory", 100)))
    panels.append(("Disque libre", " %", 100, _points(rows, "disk_free", 100)))
    height, gap = 44, 30
    tops = [22 + number * (height + gap) for number in range(len(panels))]
    last = len(panels) - 1
    drawn: dict[str, Any] = {
        "grid": [{"left": 58, "right": 64, "top": top, "height": height} for top in tops],
        "xAxis": [
            {"type": "time", "gridIndex": number, "splitLine": {"show": False},
             "axisLabel": {"show": number == last, "hideOverlap": True}}
            for number in range(len(panels))
        ],
        "yAxis": [
            {"gridIndex": number, "min": 0, "max": most, "interval": most, "axisLabel": {"formatter": "{value}" + unit}}
            for number, (_, unit, most, _) in enumerate(panels)
        ],
        "series": [
            {"type": "line", "name": name, "xAxisIndex": number, "yAxisIndex": number, "showSymbol": len(points) < 3,
             "data": points, "lineStyle": {"width": 1.6, "color": "bl:loire"}, "itemStyle": {"color": "bl:loire"},
             "endLabel": {"show": True, "formatter": f"{points[-1][1]:.0f}{unit}" if points else "", "color": "bl:ink"}}
            for number, (name, unit, _, points) in enumerate(panels)
        ],
        "graphic": [
            {"type": "text", "left": 58, "top": top - 20, "style": {"text": name, "fill": "bl:ink"}}
            for top, (name, *_) in zip(tops, panels, strict=True)
        ],
    }  # fmt: skip
    if sensor:
        drawn["series"][0]["markLine"] = _THRESHOLD
    return drawn


_THRESHOLD = {
    "silent": True, "symbol": "none", "data": [{"yAxis": HOT}], "lineStyle": {"color": "bl:warn", "type": [4, 4]},
    "label": {"formatter": f"alerte {HOT:.0f} °C", "position": "insideStartTop", "color": "bl:warn"},
}  # fmt: skip


def _points(rows: list[TerminalHealth], name: str, factor: float) -> list[tuple[int, float]]:
    return [
        (int(row.at.timestamp() * 1000), round(value * factor, 1))
        for row in rows
        if (value := getattr(row, name)) is not None
    ]
