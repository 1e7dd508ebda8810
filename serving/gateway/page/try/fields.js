// Any other typed model: a field for each of its own.
import { html } from "../vendor/htm-preact.js";
import { cardOf, kindOfField } from "../question.js";
import { useId } from "../ids.js";
import { words } from "../model/words.js";
import { Json } from "./json.js";
import { scale, Slider } from "./slider.js";

export const waits = true; // for somebody to press Ask: nobody knows what a question costs

export const initial = (model) =>
  Object.fromEntries(Object.entries(model.request_schema.properties).map(([name, { default: value }]) => [name, value ?? null]));

export function Form({ model, input, change, wrong }) {
  const { properties, required = [] } = model.request_schema;
  return html`<div class="sliders">${Object.entries(properties).map(([name, schema]) => html`
    <${Field} key=${name} name=${name} schema=${schema} value=${input[name]} optional=${!required.includes(name)}
      card=${cardOf(model)} wrong=${wrong[name]} change=${(value) => change({ ...input, [name]: value })} />`)}
  </div>`;
}

function Field(field) {
  const id = useId();
  const kind = kindOfField(field.schema);
  if (kind.type === "number" || kind.type === "integer") return html`<${Slider} ...${field} knots=${scale(field.name, field.card)} />`;
  const said = field.wrong ?? field.schema.description;
  return html`<div class="slider"><label for=${id}>${words(field.name)}</label>
    ${["array", "object"].includes(kind.type)
      ? html`<${Json} id=${id} value=${field.value} change=${field.change} about=${said} />`
      : html`<${controlOf(kind)} ...${field} kind=${kind} id=${id} /><p class=${field.wrong ? "wrong" : "quiet"} id=${`about-${id}`}>${said}</p>`}
  </div>`;
}

const controlOf = (kind) => (kind.enum || kind.type === "boolean" ? Choice : Text);

function Choice({ id, name, kind, value, change }) {
  const values = kind.enum ?? [true, false];
  return html`<select id=${id} name=${name} aria-describedby=${`about-${id}`} value=${JSON.stringify(value ?? "")}
    onChange=${({ target }) => change(JSON.parse(target.value))}>
    <option value='""' disabled>choose</option>
    ${values.map((each) => html`<option value=${JSON.stringify(each)}>${String(each)}</option>`)}
  </select>`;
}

function Text({ id, name, value, change }) {
  return html`<textarea id=${id} name=${name} rows="2" aria-describedby=${`about-${id}`} value=${value ?? ""}
    onInput=${({ target }) => change(target.value || null)} />`;
}
