"""The verdicts with their evidence as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from purifyjax.commands.seeds import seed_ranges
from purifyjax.files import write_text
from purifyjax.provenance import Environment
from theory_checks.report.console import number, summary
from theory_checks.report.drawing import Drawn
from theory_checks.report.markup import escaped
from theory_checks.report.strip import interval_strip
from theory_checks.report.stylesheet import CSS
from theory_checks.report.timing import timing_section
from theory_checks.verdict import ANSWERS, Measurement, SeedValue, Verdict

_SYMBOL = {">=": "≥", "<=": "≤"}


def write_html(
    path: str | os.PathLike[str],
    verdicts: Sequence[Verdict],
    figures: Mapping[str, Drawn],
    *,
    profile: str,
    config: Mapping[str, Any],
    environments: Sequence[Environment],
    command: str,
    setting: str = "",
    papers: Mapping[str, str] | None = None,
    tables: Sequence[pd.DataFrame] = (),
    pending: Sequence[str] = (),
    timing: pd.DataFrame | None = None,
) -> None:
    """Write the report to `path`, atomically.

    Args:
      path: the file, usually `report.html`.
      verdicts: one per claim that is judged, in the order of the report.
      figures: by name; they are embedded.
      profile: name of the profile that was run.
      config: the experiments' configurations as plain values, by name.
      environments: those that made the numbers.
      command: the command line that repeats the run.
      setting: the sizes, γ and τ of the run in one line.
      papers: a heading for every paper, by its name.
      tables: whose declarations are explained, see `evidence.Table`.
      pending: ids of the claims that are still to be judged.
      timing: where the time went, see `spans.TIMING`.
    """
    shown: set[str] = set()
    claims, paper = [], None
    for verdict in verdicts:
        if papers and verdict.paper in papers and verdict.paper != paper:
            paper = verdict.paper
            claims.append(f'<h2 class="paper">{escaped(papers[paper])}</h2>')
        claims.append(_claim(verdict, figures, shown))
    body = [
        _head(verdicts, profile, environments, command, setting, pending),
        _configs(config),
        _overview(verdicts),
        *claims,
        timing_section(timing),
        _tables(tables if timing is None else [*tables, timing]),
    ]
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>Theory checks: {escaped(profile)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(filter(None, body))
        + "\n</main>\n</body>\n</html>\n"
    )
    write_text(path, page)


def _head(
    verdicts: Sequence[Verdict],
    profile: str,
    environments: Sequence[Environment],
    command: str,
    setting: str,
    pending: Sequence[str],
) -> str:
    facts = {"profile": profile, **({"setting": setting} if setting else {})}
    made = [_facts(facts), *(_environment(environment) for environment in environments)]
    wait = f'<p class="note">Still running: {len(pending)} claims are to be judged.</p>\n' if pending else ""
    return (
        f'<header>\n<h1>Theory checks</h1>\n<p class="muted">{escaped(summary(verdicts))}</p>\n{wait}'
        f"{''.join(made)}\n<h3>Reproduce</h3>\n<pre>{escaped(command)}</pre>\n</header>"
    )


def _environment(environment: Environment) -> str:
    """Where numbers were made."""
    device, precision = environment.device, environment.precision
    return _facts(
        {
            "device": f"{device['count']} × {device['kind']} ({device['platform']})",
            "precision": f"{precision['dtype']}, matrix products: {precision['matmul']}",
            "versions": ", ".join(f"{name} {version}" for name, version in environment.versions.items()),
            "revision": environment.git_revision or "not a git checkout",
        }
    )


def _configs(config: Mapping[str, Any]) -> str:
    return "\n".join(
        f"<details><summary>Configuration of {escaped(name)}</summary>\n{_facts(_flat(value))}\n</details>"
        for name, value in config.items()
    )


def _tables(tables: Sequence[pd.DataFrame]) -> str:
    """What the rows and columns of the Parquet files mean."""
    declared = {frame.attrs["table"]: frame.attrs for frame in tables if "table" in frame.attrs}
    if not declared:
        return ""
    lines = [
        f"<details><summary><code>tables/{escaped(name)}.parquet</code></summary>\n"
        f"<p>{escaped(about['meaning'])}</p>\n{_facts(about['columns'])}\n</details>"
        for name, about in sorted(declared.items())
    ]
    return "\n".join(['<section class="card"><h2>Tables</h2>', *lines, "</section>"])


def _overview(verdicts: Sequence[Verdict]) -> str:
    rows = "\n".join(
        f'<tr><td><a href="#{_anchor(v.id)}">{escaped(v.title)}</a></td><td>{_badge(v.outcome, v.answer)}</td>'
        f"{_numbers(v.binding)}<td>{escaped(seed_ranges(v.seeds))}</td></tr>"
        for v in verdicts
    )
    return (
        '<section class="card scroll">\n<table>\n<thead><tr><th>claim</th><th>verdict</th>'
        f"{_NUMBER_HEADS}<th>seeds</th></tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</section>"
    )


def _claim(verdict: Verdict, figures: Mapping[str, Drawn], shown: set[str]) -> str:
    """One claim's section; `shown` are the figures that are embedded already."""
    missed = "answered no by" if verdict.kind == "question" else "refuted by"
    lines = [
        f'<section class="card claim {verdict.outcome}" id="{_anchor(verdict.id)}">',
        f'<div class="head"><h2>{escaped(verdict.title)} <code class="muted">{escaped(verdict.id)}</code></h2>'
        f"{_badge(verdict.outcome, verdict.answer)}</div>",
        f"<blockquote><p>{escaped(verdict.statement)}</p>",
        f'<p class="muted">{escaped(verdict.kind.capitalize())}: {escaped(verdict.source)}</p></blockquote>',
    ]
    if verdict.refuted_by:
        lines.append(f'<p class="muted">It would be {missed}: {escaped(verdict.refuted_by)}.</p>')
    if verdict.note:
        lines.append(f'<p class="note">{escaped(verdict.note)}</p>')
    if verdict.outcome == "inconclusive" and not verdict.reachable:
        lines.append('<p class="muted">Theory says that this size cannot show the claim.</p>')
    named = ", ".join(f"<code>{escaped(name)}</code>" for name in verdict.experiments)
    proven = f" {verdict.passing.in_words(verdict.share)}" if verdict.passing else ""
    lines.append(f'<p class="muted">Measured on {named}.{escaped(proven)}</p>')
    lines += [_part(part, verdict) for part in verdict.parts]
    for name in verdict.figures:
        if name not in figures:
            continue
        if name in shown:
            # Embedding a picture once keeps the page small.
            lines.append(f'<p><a href="#{_anchor(name, "figure")}">Figure: {escaped(figures[name].caption)}</a></p>')
        else:
            lines.append(_figure(name, figures[name]))
            shown.add(name)
    return "\n".join([*lines, "</section>"])


def _part(part: Measurement, verdict: Verdict) -> str:
    decides = " (decides)" if len(verdict.parts) > 1 and part is verdict.binding else ""
    told = ANSWERS[part.outcome] if verdict.kind == "question" else part.outcome
    unit = f' <span class="muted">[{escaped(part.unit)}]</span>' if part.unit else ""
    per_seed = "\n".join(
        f'<tr><td>{_seed(seed)}</td><td class="number">{number(seed.value)}</td>'
        f'<td class="number">{_interval(seed.low, seed.high)}</td></tr>'
        for seed in part.seeds
    )
    return (
        f'<h3>{escaped(part.quantity)}{unit}{decides}</h3>\n<div class="scroll"><table>\n<thead><tr><th>verdict</th>'
        f"{_NUMBER_HEADS}</tr></thead>\n<tbody><tr><td>{_badge(part.outcome, told)}</td>{_numbers(part)}</tr></tbody>"
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


def _seed(seed: SeedValue) -> str:
    return "all" if seed.seed is None else str(seed.seed)


def _badge(outcome: str, text: str = "") -> str:
    return f'<span class="badge {outcome}">{text or outcome}</span>'


def _figure(name: str, figure: Drawn) -> str:
    data = base64.b64encode(figure.path.read_bytes()).decode("ascii")
    caption = escaped(figure.caption)
    return (
        f'<figure id="{_anchor(name, "figure")}"><img alt="{escaped(name)}: {caption}" '
        f'src="data:image/png;base64,{data}"/><figcaption>{caption}</figcaption></figure>'
    )


def _facts(facts: Mapping[str, Any]) -> str:
    items = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>" for name, value in facts.items())
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
