// A model's release as it runs: who answers which share, how both sides do, what the guard says.
import { html } from "../vendor/htm-preact.js";
import { Table } from "../charts.js";
import { duration, number, time } from "./words.js";
import { percent } from "../words.js";

export function Release({ release, version }) {
  const { state, reason, candidate, shadow, guard, figures } = release;
  const answering = version === release.stable ? "" : ` ${version === null ? "No version" : `Version ${version}`} answers meanwhile.`;
  const facts = [
    candidate?.next_step && `${percent(candidate.steps[candidate.step].percent / 100)} from ${time(candidate.next_step)}.`,
    shadow && `Version ${shadow.version} is the shadow: asked ${percent(shadow.percent / 100)} of the requests as well, and never heard.`,
  ].filter(Boolean);
  return html`<section class="card" aria-label="Release">
    <h2>Release</h2>
    <p role="status" class=${state === "running" ? "" : "note warning"}><strong>Release ${state}</strong>${reason ? `: ${reason}.` : "."}${answering}</p>
    <${Shares} release=${release} />
    <ul class="plain">
      ${facts.map((fact) => html`<li>${fact}</li>`)}
      ${figures.verdicts.map((each) => html`<${Verdict} key=${each.rule} ...${each} limit=${guard?.rules[each.rule]} isRunning=${state === "running"} />`)}
    </ul>
    <${Sides} figures=${figures} isTried=${candidate !== null} />
    <p class="quiet">As the process that answered sees it, of the last ${duration(guard?.window_seconds ?? 300)}.</p>
  </section>`;
}

function Shares({ release: { stable, candidate } }) {
  const tried = candidate?.percent ?? 0;
  return html`<div>
    <div class="shares" aria-hidden="true"><span style=${{ width: `${tried}%` }} /></div>
    <p>stable ${stable}: ${percent(1 - tried / 100)}${candidate && `, candidate ${candidate.version}: ${percent(tried / 100)}`}</p>
  </div>`;
}

const SIGNS = { holds: "✓", broken: "▲", "not judged": "…" };

function Verdict({ rule, says, words, limit, isRunning }) {
  const lasts = says === "broken" && isRunning ? "; taken back if that lasts" : "";
  return html`<li>Guard, ${rule} ${limit !== undefined && `(at most ${number(limit)})`}: <span class=${`badge ${says}`}><span aria-hidden="true">${SIGNS[says]} </span>${says}</span> ${words}${lasts}.</li>`;
}

const some = (value, told) => (value === null ? "" : told(value));
// What is told of a side, by its row; one that tells nothing of either is left out.
const ROWS = {
  requests: (side) => number(side.requests),
  failed: (side) => (side.requests ? `${number(side.failed)} (${percent(side.failed / side.requests)})` : ""),
  "median latency": (side) => some(side.p50_seconds, duration),
  "p99 latency": (side) => some(side.p99_seconds, duration),
  "mean answer": (side) => some(side.mean_answer, number),
  answers: (side) => Object.entries(side.labels).map(([label, share]) => `${label} ${percent(share)}`).join(", "),
  "agrees with stable": (side) => (side.compared_rows ? percent(1 - side.disagreeing_rows / side.compared_rows) : ""),
  accuracy: (side) => some(side.accuracy, percent),
  RMSE: (side) => some(side.rmse, number),
};

function Sides({ figures, isTried }) {
  const roles = isTried ? ["stable", "candidate"] : ["stable"];
  const rows = Object.entries(ROWS)
    .map(([name, told]) => [name, ...roles.map((role) => told(figures[role]))])
    .filter(([, ...cells]) => cells.some(Boolean));
  return html`<${Table} title="Both sides" head=${["side", ...roles]} rows=${rows} />`;
}
