// An answer: what is said, how sure it is, why, and who said it.
import { html } from "./vendor/htm-preact.js";
import { Explanation } from "./explanation.js";
import { ProblemBox } from "./problem.js";
import { Record } from "./record.js";
import { Truth } from "./truth.js";
import { dollars, milliseconds, percent } from "./words.js";

const BUSY = "Asking…";
const ROUTES = {
  pinned: "the version that was asked for",
  stable: "the stable version",
  candidate: "the candidate of a release",
};

// The answer in a few words, for where there is room for no more.
export function headline({ state, answer, problem }) {
  if (state === "none") return html`<span class="quiet">No question yet</span>`;
  if (state === "busy") return html`<span class="busy">${BUSY}</span>`;
  if (state === "failed") return html`<strong class="wrong">${problem.title}</strong>`;
  const said = summary(answer.document);
  return html`<strong>${said[0]}</strong><span class="quiet">${said[1]}</span>`;
}

function summary({ prediction, outputs }) {
  if (prediction?.label !== undefined) return [prediction.label, prediction.confidence === undefined ? "" : percent(prediction.confidence)];
  if (prediction?.price_usd !== undefined) {
    const { low, high } = prediction.interval_usd;
    return [dollars(prediction.price_usd), `${dollars(low)} to ${dollars(high)}`];
  }
  return ["Answered", outputs ? outputs.map(({ name }) => name).join(", ") : ""];
}

export function Answer({ kind, model, asking, reasons, input, again }) {
  const { state, answer, problem, question } = asking;
  const isPast = state === "busy" || (state === "answered" && question.input !== input);
  return html`<div class=${`answer ${isPast ? "past" : ""}`} aria-busy=${String(state === "busy")}>
    <div class="status"><h2>Answer</h2><p class="quiet" role="status">${status(asking, isPast)}</p></div>
    ${problem && state === "failed" && html`<${ProblemBox} problem=${problem} again=${again} />`}
    ${answer && state !== "failed" && html`<${Said} answer=${answer} model=${model} />`}
    ${answer && state === "answered" && reasons && html`<${Explanation} kind=${kind} reasons=${reasons} input=${question.input} />`}
    ${answer && state !== "failed" && html`<${Facts} answer=${answer} />`}
    ${answer && state === "answered" && html`<${Truth} key=${answer.document.request_id} model=${model} document=${answer.document} />`}
  </div>`;
}

function status({ state, answer }, isPast) {
  if (state === "none") return "The answer will stand here.";
  if (state === "busy") return html`<span class="busy">${answer ? "Asking… below is still the answer to what was there before." : BUSY}</span>`;
  if (state === "failed") return "There is no answer.";
  if (isPast) return "The question has been changed since: this is the answer to what it was.";
  return html`<span class="hidden-text">Answered: ${summary(answer.document).join(", ")}</span>`;
}

function Said({ answer: { document } }) {
  if (document.outputs) return document.outputs.map((each) => html`<${Output} key=${each.name} output=${each} all=${document.outputs} />`);
  const { prediction } = document;
  const { label, labels, price_usd: price, interval_usd: interval, familiarity, warnings, class_sets: sets } = prediction;
  return html`
    ${label !== undefined && html`<p class="says">${label}</p><${Bars} shares=${sharesOf(prediction)} />`}
    ${price !== undefined && html`<p class="says">${dollars(price)}</p><${Interval} price=${price} interval=${interval} />`}
    ${interval?.open_above && html`<p class="quiet">The upper end is the highest price that the model knows: the true one may lie above.</p>`}
    ${label === undefined && price === undefined && html`<${Record} record=${prediction} />`}
    ${labels && html`<p>Of the labels that may apply together: <strong>${labels.map(({ name, score }) => `${name} (${percent(score)})`).join(", ") || "none"}</strong>.</p>`}
    ${sets && grouped(sets).map(([labels, coverages]) => html`<p key=${labels}>Right in ${coverages.map(percent).join(" and ")} of cases: <strong>${labels}</strong>.</p>`)}
    ${familiarity && html`<${Familiarity} ...${familiarity} />`}
    ${warnings?.map(({ message }) => html`<p class="note warning">${message}</p>`)}`;
}

const sharesOf = ({ top, probabilities, label, confidence }) =>
  top?.map((each) => [each.label, each.probability])
  ?? (probabilities ? Object.entries(probabilities).sort((one, other) => other[1] - one[1]) : [[label, confidence]]);

// Sets that are the same are told once.
function grouped(sets) {
  const found = new Map();
  for (const { coverage, labels } of sets) found.set(oneOf(labels), [...(found.get(oneOf(labels)) ?? []), coverage]);
  return [...found];
}

const oneOf = (labels) => (labels.length === 1 ? labels[0] : `${labels.slice(0, -1).join(", ")} or ${labels.at(-1)}`);

export function Bars({ shares }) {
  return html`<ul class="bars">${shares.filter(([, share]) => share !== undefined).map(([name, share]) => html`
    <li class="bar" key=${name}><span>${name}</span><span class="track"><span style=${{ width: `${100 * share}%` }}></span></span>
      <span class="number">${percent(share)}</span></li>`)}</ul>`;
}

function Interval({ price, interval: { low, high, coverage } }) {
  const [from, to] = [Math.max(0, low - 0.25 * (high - low)), high + 0.25 * (high - low)];
  const at = (amount) => `${(100 * (amount - from)) / (to - from)}%`;
  return html`<div class="interval" aria-hidden="true">
      <span class="range" style=${{ left: at(low), width: `calc(${at(high)} - ${at(low)})` }}></span>
      <span class="at" style=${{ left: at(price) }}></span>
    </div>
    <p>It lies between <strong class="number">${dollars(low)}</strong> and <strong class="number">${dollars(high)}</strong>, as ${percent(coverage)} of the prices do in such intervals. <span class="quiet">That is of all block groups like those of its training, not of every kind of them. US dollars of 1990.</span></p>`;
}

function Familiarity({ score, threshold, message }) {
  const isLow = score < threshold;
  const words = isLow ? `This input is ${message}` : `Such inputs are familiar: ${percent(score)} of ordinary ones are at most as familiar`;
  return html`<div class=${`note ${isLow ? "warning" : ""}`}><p>${words}.</p>
    <p class="quiet">Familiarity ${score.toFixed(2)}; below ${threshold} an input counts as unfamiliar.</p></div>`;
}

const MAX_VALUES = 60;

function Output({ output: { name, datatype, shape, data }, all }) {
  const labels = all.find((each) => each.datatype === "BYTES" && each.data.length === data.length && each.name !== name)?.data;
  const isShares = datatype.startsWith("FP") && data.length > 1 && data.length <= 100 && Math.abs(data.reduce((sum, each) => sum + each, 0) - 1) < 0.01
    && data.every((each) => each >= 0);
  return html`<div><h3>${name} <span class="quiet">${datatype} [${shape.join(", ")}]</span></h3>
    ${isShares
      ? html`<${Bars} shares=${data.map((share, at) => [labels?.[at] ?? String(at), share])} />`
      : html`<p class="values number">${data.slice(0, MAX_VALUES).map(told).join(", ")}${data.length > MAX_VALUES ? `, and ${(data.length - MAX_VALUES).toLocaleString("en")} more` : ""}</p>`}
  </div>`;
}

const told = (value) => (typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(5))) : String(value));

function Facts({ answer: { document, seconds, version, route } }) {
  return html`<ul class="facts">
      <li>version ${version ?? document.version ?? document.model_version}${route && ROUTES[route] ? `, ${ROUTES[route]}` : ""}</li>
      <li class="number">${milliseconds(seconds)} until the answer was here</li>
    </ul>
    <details><summary>The answer as JSON</summary><pre tabindex="0">${JSON.stringify(short(document), null, 2)}</pre></details>`;
}

// Maps and drawings are shown, and too long to be read.
function short(value) {
  if (typeof value === "string") return value.length > 2000 ? `${value.slice(0, 60)}…` : value;
  if (Array.isArray(value)) return value.length > 200 ? [...value.slice(0, 5), `… ${value.length - 5} more`] : value.map(short);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, short(each)]));
  return value;
}
