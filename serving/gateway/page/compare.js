// The same input, asked of two versions.
import { html, useMemo, useState } from "./vendor/htm-preact.js";
import { Answer } from "./answer.js";
import { useAnswer } from "./ask.js";
import { isWhole, requestOf, send } from "./question.js";
import { Examples } from "./try/examples.js";
import { FORMS } from "./try/try.js";
import { dollars, percent, signed } from "./words.js";

export function Compare({ kind, model, input, question, change, ask, isShown }) {
  const there = model.versions.filter(({ state }) => state === "AVAILABLE").map(({ version }) => version);
  const [chosen, choose] = useState([null, null]);
  const versions = [chosen[0] ?? model.version ?? there[0], chosen[1] ?? there.find((each) => each !== (chosen[0] ?? model.version))];
  const sides = versions.map((version) => useSide(kind, model, question, version));
  if (there.length < 2) return html`<p class="note">There is one version of it: as soon as there is another one, both can be asked here.</p>`;
  const { Form, waits } = FORMS[kind];
  const submit = (event) => {
    event.preventDefault();
    ask();
  };
  const choice = (side, title) => html`<label>${title}
    <select value=${versions[side]} onChange=${({ target }) => choose(chosen.map((each, at) => (at === side ? Number(target.value) : each)))}>
      ${there.map((each) => html`<option value=${each}>version ${each}</option>`)}</select></label>`;
  return html`<div class="compared">
    <form class="card" onSubmit=${submit} aria-label="Question">
      <${Examples} kind=${kind} model=${model} choose=${(picked) => change(picked, { now: true })} />
      <${Form} model=${model} input=${input} change=${(next, pause) => change(next, { pause })} wrong=${{}} isShown=${isShown} />
      ${waits && html`<button class="ask" disabled=${!isWhole(kind, model, input)}>Ask both</button>`}
    </form>
    <p class="note" role="status">${difference(sides, versions)}</p>
    <div class="two">${["one", "other"].map((title, side) => html`
      <section key=${title} class="card" aria-label=${`The ${title} version`}>${choice(side, `The ${title}`)}
        <${Answer} kind=${kind} model=${model} asking=${sides[side]} input=${input} again=${ask} /></section>`)}</div>
  </div>`;
}

function useSide(kind, model, question, version) {
  const asked = useMemo(() => (question && version ? { ...question, version } : null), [question, version]);
  return useAnswer(asked, ({ input }, signal) => send(requestOf(kind, model, input, { version }), signal));
}

function difference(sides, versions) {
  if (sides.some(({ state }) => state === "busy")) return "Asking both…";
  if (sides.some(({ state }) => state !== "answered")) return "Both are asked the same.";
  const [one, other] = sides.map(({ answer }) => answer.document.prediction);
  if (!one) return "Both have answered.";
  const words = `version ${versions[1]} compared with version ${versions[0]}`;
  if (one.price_usd !== undefined) {
    const change = other.price_usd - one.price_usd;
    return `${signed(change, dollars)} (${signed(change / one.price_usd, percent)}): ${words}.`;
  }
  if (one.label === undefined) return JSON.stringify(one) === JSON.stringify(other) ? "Both say the same." : "They differ.";
  if (one.label !== other.label) return `They disagree: ${one.label} (version ${versions[0]}), ${other.label} (version ${versions[1]}).`;
  return `Both say ${one.label}; ${signed(100 * (other.confidence - one.confidence), (points) => `${points.toFixed(1)} points`)} of probability: ${words}.`;
}
