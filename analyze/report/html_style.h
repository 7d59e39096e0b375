#pragma once
// The report's only style sheet. System fonts, both colour schemes, paper.

namespace kanshiki {

inline constexpr const char* html_style = R"css(
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5a6675; --paper: #ffffff; --ground: #f2f4f7; --line: #d8dee6;
  --critical: #9b1028; --high: #c2410c; --medium: #956600; --low: #1f5fa8; --info: #5a6675; --code: #eef1f5; --link: #1d4f91; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ef; --soft: #9aa6b5; --paper: #171c24; --ground: #0f1319; --line: #2c3542;
  --critical: #ff6b81; --high: #ff9357; --medium: #e6b84c; --low: #6fb0ff; --info: #9aa6b5; --code: #0f141b; --link: #86b6ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main, header, footer { max-width: 1080px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 32px; }
h1 { font-size: 26px; line-height: 1.25; margin: 4px 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 36px 0 12px; padding-bottom: 6px; border-bottom: 2px solid var(--line); }
h3 { font-size: 16px; line-height: 1.35; margin: 0 0 6px; overflow-wrap: anywhere; }
p { margin: 0 0 8px; overflow-wrap: anywhere; }
a { color: var(--link); }
.brand { color: var(--soft); letter-spacing: .08em; text-transform: uppercase; font-size: 12px; font-weight: 600; }
.soft { color: var(--soft); }
.tally { display: flex; flex-wrap: wrap; gap: 10px; margin: 16px 0; padding: 0; list-style: none; }
.tally li { flex: 1 1 120px; background: var(--paper); border: 1px solid var(--line); border-top: 4px solid var(--c); border-radius: 8px; padding: 10px 14px; }
.tally b { display: block; font-size: 26px; line-height: 1.2; color: var(--c); }
.tally .none b { color: var(--soft); }
.critical { --c: var(--critical); } .high { --c: var(--high); } .medium { --c: var(--medium); } .low { --c: var(--low); } .info { --c: var(--info); }
.panel { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 14px 18px; margin: 0 0 14px; }
.panel ol { margin: 0; padding-left: 24px; } .panel li { margin: 3px 0; overflow-wrap: anywhere; }
.finding { border-left: 5px solid var(--c); break-inside: avoid; }
.mark { display: inline-block; min-width: 68px; text-align: center; border: 1px solid var(--c); color: var(--c); border-radius: 4px; padding: 0 8px; font-size: 12px; font-weight: 700; text-transform: uppercase; letter-spacing: .04em; }
.facts { font-size: 13px; color: var(--soft); margin: 0 0 6px; display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: center; }
.evidence { list-style: none; margin: 10px 0 0; padding: 0; }
.evidence li { border-top: 1px solid var(--line); padding: 7px 0 3px; }
code, pre { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { overflow-wrap: anywhere; }
pre { background: var(--code); border-radius: 5px; padding: 7px 10px; margin: 5px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; overflow-wrap: normal; } td.n, th.n { text-align: right; } td.n, .when { white-space: nowrap; }
.custody th { width: 190px; }
summary { cursor: pointer; font-weight: 600; padding: 4px 0; }
footer { padding: 24px 24px 40px; color: var(--soft); font-size: 13px; }
@media (max-width: 640px) { main, header, footer { padding-left: 14px; padding-right: 14px; } .when { white-space: normal; } .custody th { width: 110px; } }
@media print { body { background: #fff; font-size: 11pt; } main, header, footer { max-width: none; padding: 0; } .panel { border-color: #bbb; } a { color: inherit; text-decoration: none; } }
)css";

} // namespace kanshiki
