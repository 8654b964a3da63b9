"""How a report looks: light or dark as the reader's system has it, from a phone to a wide screen, and on paper."""

STYLE = """
:root{color-scheme:light dark;--paper:#fbfbfa;--card:#fff;--ink:#1d1d20;--soft:#5b5b63;--line:#dcdce0;--bar:#3b6fb5;
--link:#0b57d0;--bad:#b3261e;--bad-paper:#fdeceb;--odd:#7a4f00;--odd-paper:#fdf3dd;--good:#146c2e}
@media (prefers-color-scheme:dark){:root{--paper:#141518;--card:#1d1f23;--ink:#e9e9ec;--soft:#a9aab3;--line:#383a41;
--bar:#7fabe6;--link:#8ab4f8;--bad:#f5b5b0;--bad-paper:#3a1f1e;--odd:#f0c36d;--odd-paper:#33290f;--good:#8fd6a2}}
*{box-sizing:border-box}
html{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;background:var(--paper);
color:var(--ink);-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:76rem;padding:0 1rem 3rem;overflow-wrap:anywhere}
.skip{position:absolute;left:-100vw;top:0;padding:.5rem 1rem;background:var(--card);z-index:1}
.skip:focus{left:1rem}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:2px}
h1{font-size:1.7rem;line-height:1.25;margin:1.5rem 0 .25rem}
h2{font-size:1.3rem;margin:2.5rem 0 .75rem}
h3{font-size:1.05rem;margin:0 0 .5rem;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
h4{font-size:1rem;margin:1rem 0 .25rem}
p{margin:.5rem 0}
.soft,caption,figcaption,.ends,footer{color:var(--soft)}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding:0;margin:.75rem 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin:1rem 0}
.tiles div{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.6rem .9rem}
.tiles dt{color:var(--soft);font-size:.875rem}
.tiles dd{margin:0;font-size:1.35rem;font-weight:600;line-height:1.3}
.good{color:var(--good)}
.bad{color:var(--bad)}
.odd{color:var(--odd)}
.anomalies{list-style:none;padding:0;margin:0}
.anomalies li{border-left:.3rem solid;border-radius:.3rem;padding:.4rem .75rem;margin:.4rem 0}
.anomalies li b{margin-right:.4em}
.anomalies span{color:var(--ink)}
.anomalies .bad{background:var(--bad-paper)}
.anomalies .odd{background:var(--odd-paper)}
.scroll{overflow-x:auto;container-type:inline-size}
.scroll caption{position:sticky;left:0;max-width:100cqw}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
caption{text-align:left;padding:0 0 .4rem;font-size:.875rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);
font-weight:400}
thead th{font-weight:600}
th:last-child,td:last-child{padding-right:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.name{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875rem}
.wide td,.wide thead th{overflow-wrap:break-word}
.wide .name{min-width:8rem}
.features{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));gap:1rem;margin-top:1.5rem}
article{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem;min-width:0}
article:target{outline:3px solid var(--link)}
.facts{display:grid;grid-template-columns:minmax(6.5rem,auto) minmax(0,1fr);gap:.1rem .75rem;margin:0 0 .75rem;
font-size:.9375rem}
.facts dt{color:var(--soft)}
.facts dd{margin:0;font-variant-numeric:tabular-nums}
.chart svg{display:block;width:100%;height:7.5rem;border-bottom:1px solid var(--line)}
rect{fill:var(--bar)}
.ends{display:flex;justify-content:space-between;gap:1rem;margin:.15rem 0 .5rem;font-size:.8125rem;
font-variant-numeric:tabular-nums}
.bars td:nth-child(2){width:30%;min-width:3rem}
.bars .bar{display:block;width:100%;height:.7rem;margin-top:.4rem}
.bars th[scope=row]{max-width:14rem}
details{margin:.25rem 0 .75rem;font-size:.9375rem}
summary{cursor:pointer;color:var(--link)}
.folded{margin:0;font-size:1rem}
.folded>summary h3{display:inline}
.folded[open]>summary{margin-bottom:.5rem}
.gallery{list-style:none;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:1rem}
.gallery li{min-width:0}
figure{margin:0}
figure img,.broken{display:flex;width:100%;height:10rem;object-fit:contain;background:var(--card);
border:1px solid var(--line);border-radius:.4rem}
.pixels{image-rendering:pixelated}
.broken{align-items:center;justify-content:center;text-align:center;padding:.5rem;color:var(--bad);
background:var(--bad-paper);font-size:.875rem;height:auto;min-height:10rem}
figcaption{font-size:.8125rem;line-height:1.35;margin-top:.25rem}
figcaption b{color:var(--ink);font-weight:600}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:.75rem;font-size:.875rem}
@media print{.skip,nav,details:not(.folded){display:none}article{break-inside:avoid}}
"""
