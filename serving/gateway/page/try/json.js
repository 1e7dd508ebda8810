// A value as JSON. While it is none, the form is not sent, and what was asked counts as changed.
import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { useId } from "../ids.js";

const WRONG = "This is no JSON yet.";

const written = (value) =>
  (value === null ? "" : JSON.stringify(value, null, 1).replace(/\[[^[\]{}]*\]/g, (list) => list.replace(/\s+/g, " ")));

export function Json({ id, label, value, change, about, rows = "4" }) {
  const aboutId = useId();
  const [text, type] = useState(() => written(value));
  const [isWrong, setWrong] = useState(false);
  const box = useRef(null);
  const told = useRef(value); // from here; what is another comes from elsewhere, such as an example
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    type(written(value));
    setWrong(false);
    box.current.setCustomValidity("");
  }, [value]);
  const typed = ({ target }) => {
    type(target.value);
    const read = parsed(target.value);
    target.setCustomValidity(read ? "" : WRONG);
    setWrong(!read);
    told.current = read ? read.value : structuredClone(value);
    change(told.current);
  };
  return html`<textarea ref=${box} id=${id} aria-label=${label} aria-describedby=${aboutId} class="code ${isWrong ? "invalid" : ""}" rows=${rows}
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
