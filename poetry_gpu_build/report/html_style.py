"""How the HTML report looks: light and dark, wide and narrow, with and without colours."""

from __future__ import annotations

# Text and its background, by scheme; each pair has a contrast of at least 4.5 (WCAG 2.2, 1.4.3), and what is no text
# of at least 3 against the page (1.4.11).
LIGHT = {
    "page": "#ffffff",
    "panel": "#f5f6f8",
    "ink": "#1c2126",
    "quiet": "#59636e",
    "rule": "#d5dae0",
    "grid": "#e6e9ed",
    "run": "#3a6db0",
    "path": "#b3470a",
    "cached": "#7b8590",
    "failed": "#b3201c",
    "built": "#1a7040",
    "focus": "#0b57d0",
    "target": "#fff3d6",
}
DARK = {
    "page": "#14181d",
    "panel": "#1d232a",
    "ink": "#e8ebee",
    "quiet": "#a3adb8",
    "rule": "#39424c",
    "grid": "#2a323b",
    "run": "#6ea3e6",
    "path": "#f59a56",
    "cached": "#8a95a1",
    "failed": "#ff8a80",
    "built": "#6fcf97",
    "focus": "#9ec5ff",
    "target": "#43391f",
}

_RULES = """
*{box-sizing:border-box}
html{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink)}
main{max-width:80rem;margin:0 auto;padding:1.5rem 1.25rem 4rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .5rem;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2.25rem 0 .6rem}
p,ul,ol{margin:.4rem 0}
code,pre{font:.87em/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
code{overflow-wrap:anywhere}
pre{margin:.5rem 0;padding:.75rem 1rem;background:var(--panel);border-left:3px solid var(--failed);overflow-x:auto}
a{color:inherit}
a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--focus);outline-offset:-1px}
.skip{position:absolute;left:-999rem}
.skip:focus{left:1rem;top:.5rem;background:var(--page);padding:.25rem .75rem;z-index:2}
.outcome{display:inline-block;font-weight:600;border:1.5px solid;border-radius:.3rem;padding:0 .5rem;white-space:nowrap}
.built{color:var(--built)}.failed,.interrupted{color:var(--failed)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.75rem 1.5rem;margin:1.1rem 0 0;
padding:.9rem 1.1rem;background:var(--panel);border-radius:.4rem}
.facts div{min-width:0}
.facts dt{color:var(--quiet);font-size:.85rem}
.facts dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.quiet{color:var(--quiet)}
.reasons li{margin:.5rem 0}
.chain{padding-left:2rem}
.chain li{padding-left:.2rem}
.num{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.4rem;padding:0;list-style:none;font-size:.87rem;color:var(--quiet)}
.legend i{display:inline-block;position:relative;width:2rem;height:.75rem;margin-right:.45rem;vertical-align:-1px}
.legend .bar,.legend .bar.path{top:0;bottom:0;left:0;right:0}
.timeline{border-top:1px solid var(--rule)}
.axis,.row{display:grid;grid-template-columns:minmax(9rem,34%) 1fr 5.5rem;gap:.75rem;align-items:center}
.axis{font-size:.78rem;color:var(--quiet);height:1.6rem}
.axis span{position:relative;height:100%}
.axis b{position:absolute;top:.25rem;font-weight:400;transform:translateX(-50%);white-space:nowrap}
.axis b:first-child{transform:none}
summary{cursor:pointer;font-weight:600;padding:.3rem 0 .15rem}
summary .quiet{font-weight:400}
details{border-bottom:1px solid var(--rule);padding-bottom:.35rem}
.row{height:1.5rem;text-decoration:none;font-size:.87rem}
.row:hover{background:var(--panel)}
.label{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.glyph{display:inline-block;width:1.1rem;text-align:center}
.plot{position:relative;height:100%;background-image:repeating-linear-gradient(to right,var(--grid) 0 1px,
transparent 1px var(--tick));overflow:hidden}
.bar{position:absolute;top:.3rem;bottom:.3rem;border-radius:2px;border:1.5px solid var(--run);background:var(--run);
print-color-adjust:exact;-webkit-print-color-adjust:exact}
.bar.cached,.bar.unstarted{background:none;border:1.5px solid var(--cached)}
.bar.unstarted{border-style:dotted}
.bar.failed,.bar.cancelled{border-color:var(--failed);background:repeating-linear-gradient(45deg,var(--failed) 0 3px,
transparent 3px 6px)}
.bar.path{top:.12rem;bottom:.12rem;border-color:var(--path)}
.bar.path.run{background:var(--path)}
.bar.path.failed,.bar.path.cancelled{border-width:2.5px}
.scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:.4rem}
table{border-collapse:collapse;width:100%;font-size:.87rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .7rem;border-bottom:1px solid var(--rule)}
tbody tr:last-child>*{border-bottom:0}
th{font-weight:600;white-space:nowrap}
td.name{min-width:18rem}
td.where,td.state{white-space:nowrap}
tr:target{background:var(--target)}
tr:target td:first-child{box-shadow:inset 4px 0 var(--path)}
td.num,th.num{width:1%}
@media (max-width:40rem){main{padding:1rem .75rem 3rem}
.axis,.row{grid-template-columns:minmax(7rem,42%) 1fr 4.4rem;gap:.4rem}
.axis b:nth-child(even){display:none}td.name{min-width:13rem}}
@media (forced-colors:active){.bar{border-color:CanvasText}.bar.run{background:CanvasText}
.bar.path{outline:2px solid Highlight}}
@media print{.row{break-inside:avoid}.skip{display:none}}
"""


def style() -> str:
    """The style sheet."""
    return (
        f":root{{color-scheme:light dark;{_variables(LIGHT)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}{_RULES}"
    )


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())
