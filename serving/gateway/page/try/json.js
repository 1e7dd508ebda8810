// A value as JSON. While it is none, the form is not sent, and what was asked counts as changed.
import { html, useState } from "../vendor/htm-preact.js";
import { useId } from "../ids.js";

const WRONG = "This is no JSON yet.";

const written = (value) =>
  (value === null ? "" : JSON.stringify(value, null, 1).replace(/\[[^[\]{}]*\]/g, (list) => list.replace(/\s+/g, " ")));

export function Json({ id, label, value, change, about, rows = "4" }) {
  const aboutId = useId();
  const [text, type] = useState(() => written(value));
  const [isWrong, setWrong] = useState(false);
  const typed = ({ target }) => {
    type(target.value);
    const read = parsed(target.value);
    target.setCustomValidity(read ? "" : WRONG);
    setWrong(!read);
    change(read ? read.value : structuredClone(value));
  };
  return html`<textarea id=${id} aria-label=${label} aria-describedby=${aboutId} class="code ${isWrong ? "invalid" : ""}" rows=${rows}
      spellcheck=${false} value=${text} onInput=${typed} />
    <p id=${aboutId} class=${isWrong ? "wrong" : "quiet"}>${isWrong ? WRONG : about}</p>`;
}

function parsed(text) {
  try {
    return { value: text.trim() ? JSON.parse(text) : null };
  } catch {
    return null;
  }
}
