// What a model is: its versions, the card of one, its release, its drift and its load now.
import { html, useRef, useState } from "./vendor/htm-preact.js";
import { Table } from "./charts.js";
import { ProblemBox } from "./problem.js";
import { Card } from "./model/card.js";
import { Drift } from "./model/drift.js";
import { Load } from "./model/load.js";
import { usePolled } from "./model/polled.js";
import { Release } from "./model/release.js";
import { date, number, words } from "./model/words.js";

export function ModelView({ name, get }) {
  const root = useRef(null);
  const path = `models/${encodeURIComponent(name)}`;
  const model = usePolled(get, path, (document) => (document?.release ? 3 : 10), root);
  const load = usePolled(get, `${path}/load`, () => 2, root);
  const drift = usePolled(get, `${path}/drift`, () => 10, root);
  const release = model.document?.release;
  return html`<div class="about" ref=${root}>
    <${Told} told=${model}>${(document) => html`
      <${Versions} model=${document} />
      ${release && html`<${Release} release=${release} version=${document.version} />`}`}<//>
    <${Section} title="Load now" told=${load}>${(document) => html`<${Load} load=${document} />`}<//>
    <${Section} title="Drift" told=${drift}>${(document) => html`<${Drift} drift=${document} />`}<//>
    ${model.document && html`<${Cards} model=${model.document} />`}
  </div>`;
}

function Section({ title, told, children }) {
  return html`<section class="card" aria-label=${title}><h2>${title}</h2><${Told} told=${told}>${children}<//></section>`;
}

// What was told last stays, with what has gone wrong since.
function Told({ told: { document, problem }, children }) {
  return html`
    ${problem && html`<${ProblemBox} problem=${problem} />`}
    ${problem && document && html`<p class="quiet">What is below was told before that.</p>`}
    ${document && children(document)}
    ${!document && !problem && html`<p class="quiet">Asking…</p>`}`;
}

function Versions({ model }) {
  const { version, labels, release, typed } = model;
  const roles = (each) => [
    each === version && "answers",
    release && each === release.stable && "stable",
    release && each === release.candidate?.version && "candidate",
    release && each === release.shadow?.version && "shadow",
    ...Object.entries(labels ?? {}).filter(([, number]) => number === each).map(([label]) => `label ${label}`),
  ].filter(Boolean);
  const rows = model.versions.map(({ version: each, state, error, unready, card }) => [
    each,
    html`<${State} state=${state} unready=${unready} error=${error} />`,
    roles(each).map((role) => html`<span class="badge" key=${role}>${role}</span> `),
    card && card.metrics[0] ? `${words(card.metrics[0].name)} ${number(card.metrics[0].value)}` : "",
    card ? html`<span class="one-line">${date(card.trained_at)}</span>` : "",
  ]);
  return html`<section class="card" aria-label="Versions"><h2>Versions</h2>
    <p class="quiet">${typed ? "A typed model: it has fields of its own." : "A generic model: it is asked by its tensors."} ${version === null ? "No version can answer now." : `Version ${version} answers whoever names none.`}</p>
    <${Table} title="Versions" head=${["version", "state", "part", "test", "trained"]} rows=${rows} />
  </section>`;
}

function State({ state, unready, error }) {
  const isWell = state === "AVAILABLE" && !unready;
  return html`<span class=${`badge ${isWell ? "holds" : error || unready ? "broken" : ""}`}>
      <span aria-hidden="true">${isWell ? "✓ " : error || unready ? "▲ " : ""}</span>${state}</span>
    ${(error || unready) && html` <span class="wrong">${error ?? `gets no traffic: ${unready}`}</span>`}`;
}

function Cards({ model: { versions, version } }) {
  const [chosen, choose] = useState(null);
  const carded = versions.filter(({ card }) => card);
  const shown = [chosen, version, carded[0]?.version].map((number) => carded.find((each) => each.version === number)).find(Boolean);
  return html`<section class="card" aria-label="Card"><h2>Card</h2>
    ${!shown && html`<p class="quiet">No version tells anything of itself.</p>`}
    ${carded.length > 1 && html`<div class="row" role="group" aria-label="Version of the card">${carded.map((each) => html`
      <button key=${each.version} aria-pressed=${each === shown ? "true" : "false"} onClick=${() => choose(each.version)}>Version ${each.version}</button>`)}</div>`}
    ${shown && html`<${Card} key=${shown.version} card=${shown.card} />`}
  </section>`;
}
