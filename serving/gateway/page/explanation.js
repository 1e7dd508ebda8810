// Why an answer is what it is: words in their colours, the map over the picture, a waterfall of dollars.
import { html, useState } from "./vendor/htm-preact.js";
import { ProblemBox } from "./problem.js";
import { Record } from "./record.js";
import { dollars, signed } from "./words.js";

const PARTS = { text: Words, picture: Maps, house: Dollars };

export function Explanation({ kind, reasons: { state, answer, problem }, input }) {
  if (state === "none") return null;
  if (state === "busy") return html`<p class="quiet"><span class="busy">Asking why…</span></p>`;
  if (state === "failed") {
    if (problem.status === 404) return html`<p class="quiet">${problem.detail}.</p>`;
    return html`<${ProblemBox} problem=${problem} />`;
  }
  const { explanation } = answer.document.prediction;
  return html`<section class="why" aria-label="Why"><h2>Why</h2>
    <${PARTS[kind] ?? Plain} explanation=${explanation} input=${input} prediction=${answer.document.prediction} /></section>`;
}

const Plain = ({ explanation }) => html`<${Record} record=${explanation} />`;

// The text as it was sent, its words marked by what they add.
function Words({ explanation: { label, base, words, method }, input: { text } }) {
  const total = words.reduce((sum, { contribution }) => sum + contribution, base);
  return html`<p class="legend-words quiet"><span class="word for strong">speaks for ${label} <sup>+</sup></span>
      <span class="word against strong">speaks against it <sup>−</sup></span> <span>twice, and filled: strongly</span></p>
    <p class="words">${marked([...text], words)}</p>
    <p class="quiet">In log-odds of ${label}: ${base.toFixed(2)} without any word, ${total.toFixed(2)} with these. ${method && `${method}.`}</p>`;
}

// Ranges count characters as Python does; where two words come of the same ones, the first has them.
function marked(characters, words) {
  const most = Math.max(...words.map(({ contribution }) => Math.abs(contribution)), 1e-9);
  const parts = [];
  let at = 0;
  for (const { start, end, contribution } of [...words].sort((one, other) => one.start - other.start)) {
    if (start < at || end <= start) continue;
    const word = characters.slice(start, end).join("");
    parts.push(characters.slice(at, start).join(""));
    parts.push(html`<${Word} word=${word} contribution=${contribution} strength=${Math.abs(contribution) / most} />`);
    at = end;
  }
  return [...parts, characters.slice(at).join("")];
}

const FAINT = 0.12, STRONG = 0.45; // of the strongest word

function Word({ word, contribution, strength }) {
  if (strength < FAINT) return word;
  const [side, sign] = contribution > 0 ? ["for", "+"] : ["against", "−"];
  const isStrong = strength >= STRONG;
  return html`<span class=${`word ${side} ${isStrong ? "strong" : ""}`} title=${`${sign}${Math.abs(contribution).toFixed(2)}`}>${
    word}<sup>${isStrong ? sign + sign : sign}</sup></span>`;
}

function Dollars({ explanation: { base_usd: base, contributions, neighbours, method }, prediction: { price_usd: price } }) {
  let sum = base;
  const steps = contributions.map(({ feature, values, usd }) => {
    const from = sum;
    sum += usd;
    return { name: named(feature, values), from, to: sum, usd };
  });
  const amounts = [base, price, ...steps.flatMap(({ from, to }) => [from, to])];
  const low = Math.min(0, ...amounts), high = Math.max(...amounts, 1);
  const at = (amount) => (100 * (amount - low)) / (high - low);
  const row = (name, from, to, words, side) => html`<li key=${name} class="step"><span>${name}</span>
    <span class="fall" aria-hidden="true"><span class=${side} style=${{ left: `${at(Math.min(from, to))}%`, width: `${Math.max(at(Math.max(from, to)) - at(Math.min(from, to)), 0.4)}%` }}></span></span>
    <span class="number">${words}</span></li>`;
  return html`<ol class="waterfall">
      ${row("mean of what it is compared with", 0, base, dollars(base), "total")}
      ${steps.map(({ name, from, to, usd }) => row(name, from, to, signed(usd, dollars), usd < 0 ? "against" : "for"))}
      ${row("price", 0, price, dollars(price), "total")}
    </ol>
    ${neighbours.length > 0 && html`<${Neighbours} neighbours=${neighbours} />`}
    <p class="quiet">${method}.</p>`;
}

function named(feature, values) {
  const given = Object.values(values).filter((value) => value !== null);
  if (feature === "place") return "the place";
  return `${feature.replaceAll("_", " ")} ${given.length ? given[0].toLocaleString("en") : "unknown"}`;
}

function Neighbours({ neighbours }) {
  return html`<details><summary>The ${neighbours.length} known block groups that weighed most, also on the map</summary>
    <table><thead><tr><th scope="col" class="number">weight</th><th scope="col" class="number">away</th><th scope="col" class="number">price</th></tr></thead>
    <tbody>${neighbours.map(({ weight, kilometres, price_usd: price }) => html`<tr><td class="number">${(100 * weight).toFixed(0)} %</td>
      <td class="number">${kilometres.toFixed(1)} km</td><td class="number">${dollars(price)}</td></tr>`)}</tbody></table></details>`;
}

// The map lies over the square of the picture that was looked at, if the answer says which; it also is
// a picture of its own.
function Maps({ explanation: { maps, crop, method }, input }) {
  const [chosen, choose] = useState(0);
  const [isOver, setOver] = useState(true);
  const about = `what speaks for ${maps[chosen].label}, and what against it`;
  return html`<div class="row">${maps.map(({ label }, index) => html`<button type="button" aria-pressed=${String(index === chosen)} onClick=${() => choose(index)}>why ${label}</button>`)}
      ${crop && html`<label class="check"><input type="checkbox" checked=${isOver} onChange=${() => setOver(!isOver)} /> map over the picture</label>`}</div>
    <div class="overlaid">
      ${crop && html`<img src=${input.url} alt="" />`}
      ${(isOver || !crop) && html`<img class=${crop ? "over" : "alone"} style=${crop && placed(crop)} src=${maps[chosen].overlay} alt=${about} />`}</div>
    <p class="legend-words quiet"><span class="swatch yellow"></span> speaks for ${maps[chosen].label} <span class="swatch blue"></span> hatched: speaks against it</p>
    <p class="quiet">${method}.</p>`;
}

function placed({ left, top, side, width, height }) {
  const share = (part, whole) => `${(100 * part) / whole}%`;
  return { left: share(left, width), top: share(top, height), width: share(side, width), height: share(side, height) };
}
