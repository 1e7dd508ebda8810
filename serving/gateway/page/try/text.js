// A text, asked as it is typed.
import { html } from "../vendor/htm-preact.js";

const PAUSE = 350; // milliseconds without a key, after which what is there is asked

export const initial = () => ({ text: "" });

export function Form({ model, input, change, wrong }) {
  const { description, maxLength } = model.request_schema.properties.text;
  const { length } = [...input.text];
  return html`
    <label>Text
      <textarea name="text" rows="7" value=${input.text} maxlength=${maxLength} class=${wrong.text ? "invalid" : ""}
        onInput=${({ target }) => change({ text: target.value }, PAUSE)} />
    </label>
    <p class="quiet">${description}. ${length > 0 && `${length.toLocaleString("en")} characters.`}</p>`;
}
