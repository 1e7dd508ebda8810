// What was right in place of an answer, told to the gateway: its figures count it.
import { html, useState } from "./vendor/htm-preact.js";
import { post } from "./ask.js";
import { cardOf } from "./question.js";

const OUTCOMES = {
  joined: "Thank you: it counts in the figures of this version.",
  "already-given": "It was told before.",
  unknown: "The gateway does not keep this answer any more.",
};

// Of a label or of a price; others are told by programs.
export function Truth({ model, document: { prediction, request_id: id, version } }) {
  const [said, say] = useState("");
  if (prediction?.label === undefined && prediction?.price_usd === undefined) return null;
  const tell = async (event) => {
    event.preventDefault();
    const { truth } = event.target.elements;
    const given = prediction.label === undefined ? { price_usd: Number(truth.value) } : { label: truth.value };
    try {
      const { document } = await post(`feedback/${encodeURIComponent(model.name)}`, { request_id: id, ...given });
      say(OUTCOMES[document.results[0].outcome]);
    } catch (problem) {
      say(problem.message);
    }
  };
  return html`<details><summary>Was it right?</summary><form class="row" onSubmit=${tell}>
    <label class="check">In truth: ${prediction.label === undefined
      ? html`<input class="short" name="truth" type="number" min="0" step="any" required />`
      : html`<select name="truth">${labelsOf(prediction, cardOf(model, version)).map((label) => html`<option key=${label} value=${label}>${label}</option>`)}</select>`}</label>
    <button>Tell</button><span class="quiet" role="status">${said}</span></form></details>`;
}

function labelsOf({ top, probabilities, label }, card) {
  const answered = top?.map((each) => each.label) ?? Object.keys(probabilities ?? { [label]: 1 });
  return [...new Set([...answered, ...Object.keys(card?.confusion_matrix ?? {})])];
}
