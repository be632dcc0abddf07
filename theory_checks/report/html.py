"""The verdicts with their evidence as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from purifyjax.files import write_text
from theory_checks.report import figures as drawn
from theory_checks.report.console import number, seed_ranges, summary
from theory_checks.report.environment import Environment
from theory_checks.report.strip import interval_strip
from theory_checks.report.stylesheet import CSS
from theory_checks.verdict import Measurement, Verdict

_SYMBOL = {">=": "≥", "<=": "≤"}
# Characters that neither HTML nor XML allows, escaped or not.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_html(
    path: str | os.PathLike[str],
    verdicts: Sequence[Verdict],
    figures: Mapping[str, Path],
    *,
    profile: str,
    config: Mapping[str, Any],
    environment: Environment,
    command: str,
    setting: str = "",
) -> None:
    """Write the report to `path`, atomically.

    Args:
      path: the file, usually `report.html`.
      verdicts: one per claim, in the order of the report.
      figures: PNG files by name, from `draw_figures`; they are embedded.
      profile: name of the profile that was run.
      config: the experiments' configurations, by name.
      environment: from `environment.environment()`.
      command: the command line that repeats the run.
      setting: the sizes, γ and τ of the run in one line.
    """
    shown: dict[str, str] = {}
    claims = [_claim(verdict, figures, shown) for verdict in verdicts]
    rest = [name for name in figures if name not in shown]
    body = [
        _head(verdicts, profile, environment, command, setting),
        _configs(config),
        _overview(verdicts),
        *claims,
        *(['<section class="card"><h2>More figures</h2>'] if rest else []),
        *(_figure(name, figures[name]) for name in rest),
        *(["</section>"] if rest else []),
    ]
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>Theory checks: {_text(profile)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )
    write_text(path, page)


def _head(verdicts: Sequence[Verdict], profile: str, environment: Environment, command: str, setting: str) -> str:
    device, precision = environment.device, environment.precision
    facts = {
        "profile": profile,
        **({"setting": setting} if setting else {}),
        "device": f"{device['count']} × {device['kind']} ({device['platform']})",
        "precision": f"{precision['dtype']}, matrix products: {precision['matmul']}",
        "versions": ", ".join(f"{name} {version}" for name, version in environment.versions.items()),
        "revision": environment.git_revision or "not a git checkout",
    }
    return (
        f'<header>\n<h1>Theory checks</h1>\n<p class="muted">{_text(summary(verdicts))}</p>\n'
        f"{_facts(facts)}\n<h3>Reproduce</h3>\n<pre>{_text(command)}</pre>\n</header>"
    )


def _configs(config: Mapping[str, Any]) -> str:
    return "\n".join(
        f"<details><summary>Configuration of {_text(name)}</summary>\n{_facts(_flat(value))}\n</details>"
        for name, value in config.items()
    )


def _overview(verdicts: Sequence[Verdict]) -> str:
    rows = "\n".join(
        f'<tr><td><a href="#{_anchor(v.id)}">{_text(v.title)}</a></td><td>{_badge(v.outcome)}</td>'
        f"{_numbers(v.binding)}<td>{_text(seed_ranges(v.seeds))}</td></tr>"
        for v in verdicts
    )
    return (
        '<section class="card scroll">\n<table>\n<thead><tr><th>claim</th><th>verdict</th>'
        f"{_NUMBER_HEADS}<th>seeds</th></tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</section>"
    )


def _claim(verdict: Verdict, figures: Mapping[str, Path], shown: dict[str, str]) -> str:
    """One claim's section; `shown` maps each embedded figure to the claim that it was shown at."""
    lines = [
        f'<section class="card claim {verdict.outcome}" id="{_anchor(verdict.id)}">',
        f'<div class="head"><h2>{_text(verdict.title)} <code class="muted">{_text(verdict.id)}</code></h2>'
        f"{_badge(verdict.outcome)}</div>",
        f"<blockquote><p>{_text(verdict.statement)}</p>",
        f'<p class="muted">{_text(verdict.source)}</p></blockquote>',
    ]
    if verdict.note:
        lines.append(f'<p class="note">{_text(verdict.note)}</p>')
    if verdict.outcome == "inconclusive" and not verdict.reachable:
        lines.append('<p class="muted">Theory says that this size cannot show the claim.</p>')
    lines.append(f'<p class="muted">Measured on the experiment <code>{_text(verdict.experiment)}</code>.</p>')
    lines += [_part(part, verdict) for part in verdict.parts]
    if verdict.details:
        details = {name: number(value) for name, value in verdict.details.items()}
        lines.append(f"<h3>Also measured</h3>\n{_facts(details)}")
    for name, path in figures.items():
        if not drawn.illustrates(name, verdict.id, verdict.experiment):
            continue
        if name in shown:
            # Embedding a picture once keeps the page small.
            lines.append(f'<p><a href="#{_anchor(name, "figure")}">Figure: {_text(drawn.caption(name))}</a></p>')
        else:
            lines.append(_figure(name, path))
            shown[name] = verdict.id
    return "\n".join([*lines, "</section>"])


def _part(part: Measurement, verdict: Verdict) -> str:
    decides = " (decides)" if len(verdict.parts) > 1 and part is verdict.binding else ""
    per_seed = "\n".join(
        f'<tr><td>{seed.seed}</td><td class="number">{number(seed.value)}</td>'
        f'<td class="number">{_interval(seed.low, seed.high)}</td></tr>'
        for seed in part.seeds
    )
    return (
        f'<h3>{_text(part.quantity)}{decides}</h3>\n<div class="scroll"><table>\n<thead><tr><th>verdict</th>'
        f"{_NUMBER_HEADS}</tr></thead>\n<tbody><tr><td>{_badge(part.outcome)}</td>{_numbers(part)}</tr></tbody>"
        f"\n</table></div>\n{interval_strip(part)}\n<details><summary>Seed by seed</summary>\n"
        '<div class="scroll"><table>\n<thead><tr><th>seed</th><th class="number">value</th>'
        '<th class="number">95% interval</th></tr></thead>\n<tbody>\n'
        f"{per_seed}\n</tbody>\n</table></div>\n</details>"
    )


_NUMBER_HEADS = '<th class="number">measured</th><th class="number">95% interval</th><th class="number">bound</th>'


def _numbers(part: Measurement) -> str:
    cells = (
        number(part.measured),
        _interval(*part.interval),
        f"{_SYMBOL[part.relation]} {number(part.bound)}",
    )
    return "".join(f'<td class="number">{cell}</td>' for cell in cells)


def _interval(low: float, high: float) -> str:
    return f"[{number(low)}, {number(high)}]"


def _badge(outcome: str) -> str:
    return f'<span class="badge {outcome}">{outcome}</span>'


def _figure(name: str, path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    caption = _text(drawn.caption(name))
    return (
        f'<figure id="{_anchor(name, "figure")}"><img alt="{_text(name)}: {caption}" '
        f'src="data:image/png;base64,{data}"/><figcaption>{caption}</figcaption></figure>'
    )


def _facts(facts: Mapping[str, Any]) -> str:
    items = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts.items())
    return f"<dl>{items}</dl>" if items else ""


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted names."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for name, item in value.items():
        flat |= _flat(item, f"{prefix}.{name}" if prefix else str(name))
    return flat


def _anchor(name: str, kind: str = "claim") -> str:
    return f"{kind}-" + re.sub(r"[^A-Za-z0-9]+", "-", name)


def _text(value: Any) -> str:
    return html.escape(_FORBIDDEN.sub("\ufffd", str(value)))
