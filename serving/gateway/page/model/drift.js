// How requests and answers have moved away from the training: a small chart a quantity.
import { html, useState } from "../vendor/htm-preact.js";
import { Figure, Histogram, Spark } from "../charts.js";
import { number, words } from "./words.js";
import { percent } from "../words.js";

const PERIODS = { "1h": "the last hour", "24h": "the last day" };
const SIGNS = { "too few rows": "…", "as in training": "✓", moved: "◐", drifted: "▲" };

export function Drift({ drift: { reading, limits, versions } }) {
  const [period, choose] = useState("1h");
  const bounds = [limits.moved, limits.drifted]; // of the index
  return html`
    <p role="status">${summed(versions, period) || `${reading.slice(0, 1).toUpperCase()}${reading.slice(1)}.`}</p>
    ${versions.some(({ quantities }) => quantities.length) && html`<div class="row" role="group" aria-label="Period">
      ${Object.entries(PERIODS).map(([each, name]) => html`
        <button aria-pressed=${each === period ? "true" : "false"} onClick=${() => choose(each)}>${name}</button>`)}
      <span class="series"><span><i class="live" />came</span><span><i class="steps" />in training</span><span><i class="main" />index over the day, dashed ${bounds.join(" and ")}</span></span>
    </div>`}
    ${versions.map((version) => html`<${Version} key=${version.version} version=${version} period=${period} bounds=${bounds} />`)}`;
}

// How many quantities stand how, the worst first.
function summed(versions, period) {
  const states = versions.flatMap(({ quantities }) => quantities.map(({ periods }) => periods[period].state));
  const told = Object.keys(SIGNS).reverse().map((state) => [states.filter((each) => each === state).length, state]);
  const found = told.filter(([count]) => count).map((each) => each.join(" "));
  return states.length && `Of ${states.length} quantities: ${found.join(", ")}.`;
}

function Version({ version: { version, learned, learned_from: waiting, quantities }, period, bounds }) {
  return html`<h3>Version ${version}</h3>
    ${learned && html`<p class="quiet">It tells nothing of its training, so it is compared with the first rows that came.</p>`}
    ${waiting > 0 && html`<p class="note">The bins are still being learned, from ${number(waiting)} rows so far.</p>`}
    <div class="charts">${quantities.map((each) => html`<${Quantity} key=${each.quantity} told=${each} period=${period} bounds=${bounds} />`)}</div>`;
}

function Quantity({ told: { quantity, bins, training, periods, points }, period, bounds }) {
  const { state, index, reading, rows, shares } = periods[period];
  const empty = training.at(-1) + shares.at(-1) === 0 ? -1 : undefined; // nothing is missing
  const [names, live, learned] = [bins, shares, training].map((each) => each.slice(0, empty));
  const now = Date.now() / 1000;
  return html`<${Figure} title=${words(quantity)} head=${["bin", "came", "in training"]}
      rows=${bins.map((bin, place) => [bin, percent(shares[place]), percent(training[place])])}>
    <p class="row"><span class=${`badge ${state.replaceAll(" ", "-")}`}><span aria-hidden="true">${SIGNS[state]} </span>${state}</span>
      <span class="quiet number">index ${rows ? index.toFixed(2) : "–"}</span></p>
    <${Histogram} label=${`Shares of the bins of ${words(quantity)}`} bins=${names} live=${live} training=${learned} />
    <p class="quiet ends"><span>${names[0]}</span><span>${names.at(-1)}</span></p>
    ${points.length > 1 && html`<${Spark} label=${`Index of ${words(quantity)} over the last day, ${points.at(-1).index.toFixed(2)} at the end`}
      points=${points.map((each) => [each.began, each.index])} bounds=${bounds} from=${now - 86400} to=${now} />`}
    <p class="quiet">${reading}</p>
  <//>`;
}
