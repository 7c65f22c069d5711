"""The kit: every widget that pages and dialogs are made of, in one look.

Import from here: `from xolite_qt.ui.widgets import Card, KeyValues, StatsChart`. All text given to
the kit is shown plain, whatever it holds. Fractions are of 1, times seconds since 1970, sizes
bytes. Colours and tones are tokens (`txt`, `secondary`, `brand`, `info`, `success`, `warning`,
`danger`), never numbers; icons are names (`xolite_qt.ui.icons.GLYPHS`) with an optional state
(`running`, `paused`, `suspended`, `halted`, `disabled`, `warning`, `primary`, …). Everything
follows a change of theme by itself.

Page frame
    ScrollPage()                       .add(widget): a page body that scrolls, 8 px between cards
    HeadBar(icon, title)               .set_object(icon, title, state) .add_mark(w) .add_action(w)
    Tabs()                             .add(id, title) .set_current(id) .current() .set_enabled(id,
                                       enabled=, reason=) .set_title(id, title, number); `selected`
    Banner()                           .show_message(text, accent, action=, on_action=, busy=,
                                       closable=) .clear(); hidden at first
    SidePanel()                        .set_content(w) .open(title) .close_panel(); `closed`
    Toasts(window)                     .show_toast(text, accent, details=, action=, on_action=,
                                       seconds=) .focus_latest()

Cards
    Card(title, description, info=)    .add(w) .add_action(w) .set_title .set_info(text, tone)
                                       .set_count(n); state: .set_ready() .set_loading()
                                       .set_error(summary, retry, details=) .set_empty(text)
                                       .set_good(text) .set_deferred(text, action, on_action)
                                       .set_stale(as_of)
    CardGrid(min_column=300)           .add(card, span) .add_stack(card, card…)
    SectionTitle(title, info)          brand heading with a line; Line("h"|"v"|"brand")
    Hero(kind, text, details, action=, on_action=, compact=)   kind: loading empty no-result error
                                       offline good deferred; .set_state(…); Spinner()

Text and marks
    TextLabel(text, kind=, tone=, elide=, wrap=, selectable=)  .set_text .set_tone .set_tip
    LinkLabel(text, on_open)           a name that leads somewhere; ValueLabel copies itself
    KeyValues(columns=1)               .set(label, value, icon=, state=, on_open=, tip=, mono=)
                                       .set_state(label, state) .set_tags(label, tags)
                                       .set_widget(label, w) .remove(label)
    IconLabel(name, size, color=, state=)   IconText(icon, text, state=)
    StateBadge(state, text)  Tag(text, accent=)  Tags(tags)  Counter(number, accent=)
    plain_tooltip(text), set_tooltip(widget, text)   for every tooltip

Controls
    Button(text, kind, icon=, on_click=, small=, menu=)   kind: primary secondary tertiary danger
                                       tertiary-danger; .set_reason(why_not | None) .set_busy(on)
    IconButton(icon, text, on_click)   text is tooltip and accessible name
    SearchField(placeholder)           `searched(text)` while typing, `down_pressed`
    RangeChoice("10min")               .current() .seconds(); `chosen("2h")`; ids 10min 2h 1week
                                       1year

Numbers
    ProgressBar(fraction, thresholds=) .set_fraction(f)
    UsageBars(top=5, thresholds=)      .set_usages([Usage(name, fraction, text, ref)]);
                                       `opened(ref)`
    RingStat(title, icon=)             .set_counts(active, inactive)
    Donut(title, icon=)                .set_parts([Part(name, number, color)])
    Ring(icon=)                        .set_parts / .set_fraction
    Stat(caption, value)               a large number under a small caption; .set_value
    StatsChart(unit, says=, stacked=, group=, top=)   unit: percent bytes rate count;
                                       .set_data(times, [Line(name, values, color)], span=, top=)
                                       .set_thresholds([Threshold(value, accent)]) .set_loading()
                                       .set_message(text, error=); ChartGroup() shares the
                                       cross-hair (the class of lines is exported as `ChartLine`)
    Sparkline(unit)                    .set_values(values)

Tables
    DataTable(model, says=, thresholds=, multi=, filters=)   over `ui.models.RecordTableModel`;
                                       .selected_refs() .select_ref(ref) .column_menu()
                                       .set_filters_visible(on) .save_state() .restore_state(dict)
                                       .show_hero(kind, text) .show_rows() .copy() .copy_rows();
                                       `opened(ref)`, `selection_changed(refs)`,
                                       `menu_requested(global_place, refs)`, `layout_changed`.
                                       A column's icon is a QIcon or "vm:running" (name:state).
    FlowLayout                         wraps widgets like words

Theme: `ui.theme` (apply_theme, current, changed, font, color), `ui.icons` (icon, pixmap, paint),
`ui.format` (size, rate, percent, count, duration, relative, absolute, power_state, alarm).
See them all: `python -m xolite_qt.ui.widgets.gallery DIR`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xolite_qt.ui.widgets.badges import Counter, IconLabel, IconText, StateBadge, Tag, Tags
    from xolite_qt.ui.widgets.banner import Banner
    from xolite_qt.ui.widgets.button import Button, ButtonKind, IconButton
    from xolite_qt.ui.widgets.card import Card, CardGrid, Line, ScrollPage, SectionTitle
    from xolite_qt.ui.widgets.flow import FlowLayout
    from xolite_qt.ui.widgets.head_bar import HeadBar
    from xolite_qt.ui.widgets.hero import Hero, HeroKind, Spinner
    from xolite_qt.ui.widgets.key_values import KeyValues
    from xolite_qt.ui.widgets.progress import ProgressBar, Thresholds, Usage, UsageBars
    from xolite_qt.ui.widgets.range_choice import RANGES, RangeChoice
    from xolite_qt.ui.widgets.rings import Donut, Part, Ring, RingStat
    from xolite_qt.ui.widgets.search_field import SearchField
    from xolite_qt.ui.widgets.side_panel import SidePanel
    from xolite_qt.ui.widgets.sparkline import Sparkline
    from xolite_qt.ui.widgets.stat import Stat
    from xolite_qt.ui.widgets.stats_chart import ChartGroup, StatsChart, Threshold
    from xolite_qt.ui.widgets.stats_chart import Line as ChartLine
    from xolite_qt.ui.widgets.table import DataTable
    from xolite_qt.ui.widgets.tabs import Tabs
    from xolite_qt.ui.widgets.text import (
        LinkLabel,
        TextLabel,
        Tone,
        ValueLabel,
        plain_tooltip,
        set_tooltip,
    )
    from xolite_qt.ui.widgets.toasts import Toasts

__all__ = [
    "RANGES",
    "Banner",
    "Button",
    "ButtonKind",
    "Card",
    "CardGrid",
    "ChartGroup",
    "ChartLine",
    "Counter",
    "DataTable",
    "Donut",
    "FlowLayout",
    "HeadBar",
    "Hero",
    "HeroKind",
    "IconButton",
    "IconLabel",
    "IconText",
    "KeyValues",
    "Line",
    "LinkLabel",
    "Part",
    "ProgressBar",
    "RangeChoice",
    "Ring",
    "RingStat",
    "ScrollPage",
    "SearchField",
    "SectionTitle",
    "SidePanel",
    "Sparkline",
    "Spinner",
    "Stat",
    "StateBadge",
    "StatsChart",
    "Tabs",
    "Tag",
    "Tags",
    "TextLabel",
    "Threshold",
    "Thresholds",
    "Toasts",
    "Tone",
    "Usage",
    "UsageBars",
    "ValueLabel",
    "plain_tooltip",
    "set_tooltip",
]

# Name to the module and the name there. Imported when first asked for: the first window shows a
# handful of widgets, and does not wait for tables and charts.
_HOMES = {
    "Banner": ("banner", "Banner"),
    "Button": ("button", "Button"),
    "ButtonKind": ("button", "ButtonKind"),
    "Card": ("card", "Card"),
    "CardGrid": ("card", "CardGrid"),
    "ChartGroup": ("stats_chart", "ChartGroup"),
    "ChartLine": ("stats_chart", "Line"),
    "Counter": ("badges", "Counter"),
    "DataTable": ("table", "DataTable"),
    "Donut": ("rings", "Donut"),
    "FlowLayout": ("flow", "FlowLayout"),
    "HeadBar": ("head_bar", "HeadBar"),
    "Hero": ("hero", "Hero"),
    "HeroKind": ("hero", "HeroKind"),
    "IconButton": ("button", "IconButton"),
    "IconLabel": ("badges", "IconLabel"),
    "IconText": ("badges", "IconText"),
    "KeyValues": ("key_values", "KeyValues"),
    "Line": ("card", "Line"),
    "LinkLabel": ("text", "LinkLabel"),
    "Part": ("rings", "Part"),
    "ProgressBar": ("progress", "ProgressBar"),
    "RANGES": ("range_choice", "RANGES"),
    "RangeChoice": ("range_choice", "RangeChoice"),
    "Ring": ("rings", "Ring"),
    "RingStat": ("rings", "RingStat"),
    "ScrollPage": ("card", "ScrollPage"),
    "SearchField": ("search_field", "SearchField"),
    "SectionTitle": ("card", "SectionTitle"),
    "SidePanel": ("side_panel", "SidePanel"),
    "Sparkline": ("sparkline", "Sparkline"),
    "Spinner": ("hero", "Spinner"),
    "Stat": ("stat", "Stat"),
    "StateBadge": ("badges", "StateBadge"),
    "StatsChart": ("stats_chart", "StatsChart"),
    "Tabs": ("tabs", "Tabs"),
    "Tag": ("badges", "Tag"),
    "Tags": ("badges", "Tags"),
    "TextLabel": ("text", "TextLabel"),
    "Threshold": ("stats_chart", "Threshold"),
    "Thresholds": ("progress", "Thresholds"),
    "Toasts": ("toasts", "Toasts"),
    "Tone": ("text", "Tone"),
    "Usage": ("progress", "Usage"),
    "UsageBars": ("progress", "UsageBars"),
    "ValueLabel": ("text", "ValueLabel"),
    "plain_tooltip": ("text", "plain_tooltip"),
    "set_tooltip": ("text", "set_tooltip"),
}


def __getattr__(name: str) -> Any:
    try:
        module, there = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(importlib.import_module(f"{__name__}.{module}"), there)
    globals()[name] = value
    return value
