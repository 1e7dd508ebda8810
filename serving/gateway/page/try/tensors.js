// A generic model: a form from its signature, or the request as JSON.
import { html, useState } from "../vendor/htm-preact.js";
import { Json } from "./json.js";

const MAX_FIELDS = 16; // of a tensor; more are a list

export const waits = true; // for somebody to press Ask: nobody knows what a question costs

export function initial(model) {
  const names = Object.keys(model.signatures);
  return begin(model, names.includes("serving_default") ? "serving_default" : names[0]);
}

const begin = (model, signature) => ({ signature, body: model.signatures[signature]?.body ?? null });

export function Form({ model, input, change }) {
  const [asJson, setJson] = useState(false);
  const signature = model.signatures[input.signature];
  if (!signature) return html`<p class="note">No version of it can be asked at this moment.</p>`;
  return html`
    <label>signature
      <select name="signature" value=${input.signature} onChange=${({ target }) => change(begin(model, target.value))}>
        ${Object.keys(model.signatures).map((each) => html`<option value=${each}>${each}</option>`)}
      </select></label>
    <${Tensors} title="inputs" tensors=${signature.inputs} />
    <${Tensors} title="outputs" tensors=${signature.outputs} />
    ${signature.apart && html`<p class="note">Its requests are sent one by one: ${signature.apart}.</p>`}
    ${signature.body
      ? html`<div class="row"><button type="button" aria-pressed=${String(asJson)} onClick=${() => setJson(!asJson)}>As JSON</button></div>
        <${asJson ? Whole : Fields} key=${input.signature} body=${input.body} change=${(body) => change({ ...input, body })} />`
      : html`<p class="note warning">JSON cannot carry these tensors; under “Use it in a program” are other ways to ask, if there are any.</p>`}`;
}

const shapeOf = (shape) => (shape ? `[${shape.map((size) => size ?? "any").join(", ")}]` : "any shape");

function Tensors({ title, tensors }) {
  return html`<table><caption>${title}</caption><tbody>${Object.entries(tensors).map(([name, { dtype, shape, optional }]) => html`
    <tr key=${name}><th scope="row">${name}</th><td>${dtype}</td><td>${shapeOf(shape)}</td><td>${optional ? "optional" : ""}</td></tr>`)}
  </tbody></table>`;
}

function Whole({ body, change }) {
  return html`<${Json} label="request" value=${body} change=${change} rows="14"
    about="As the Open Inference Protocol has it. The only value of data stands for all, if it does not fill the shape." />`;
}

function Fields({ body, change }) {
  const set = (index) => (data) =>
    change({ ...body, inputs: body.inputs.map((each, at) => (at === index ? { ...each, data } : each)) });
  return body.inputs.map((tensor, index) => html`<${Tensor} key=${tensor.name} tensor=${tensor} change=${set(index)} />`);
}

function Tensor({ tensor, change }) {
  const { name, datatype, shape, data } = tensor;
  const size = shape.reduce((product, each) => product * each, 1);
  if (size > MAX_FIELDS || data.length !== size) return html`<${List} tensor=${tensor} change=${change} />`;
  return html`<fieldset><legend>${name} <span class="quiet">${datatype} ${shapeOf(shape)}</span></legend>
    <div class="row">${data.map((value, at) => html`<${Value} key=${at} datatype=${datatype} label=${`${name} ${at}`} value=${value}
      change=${(now) => change(data.map((each, index) => (index === at ? now : each)))} />`)}</div>
  </fieldset>`;
}

function Value({ datatype, label, value, change }) {
  if (datatype === "BOOL") {
    return html`<select aria-label=${label} value=${String(value)} onChange=${({ target }) => change(target.value === "true")}>
      ${["true", "false"].map((each) => html`<option value=${each}>${each}</option>`)}</select>`;
  }
  if (datatype === "BYTES") return html`<input aria-label=${label} value=${value} onInput=${({ target }) => change(target.value)} />`;
  return html`<input class="short" type="number" step="any" aria-label=${label} value=${value}
    onInput=${({ target }) => target.value !== "" && change(Number(target.value))} />`;
}

// Many values, as a list; the only one stands for all.
function List({ tensor: { name, datatype, shape, data }, change }) {
  return html`<${Json} label=${`${name} ${datatype} ${shapeOf(shape)}`} value=${data} change=${change}
    about=${`${name}, ${datatype} ${shapeOf(shape)}: a list of all values, row by row. The only value stands for all, if it does not fill the shape.`} />`;
}
