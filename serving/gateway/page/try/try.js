// Asking a model: the form for its kind of input, and the answer beside it.
import { html, useEffect, useMemo, useRef, useState } from "../vendor/htm-preact.js";
import { Answer, headline } from "../answer.js";
import { useAnswer } from "../ask.js";
import { Copy } from "../copy.js";
import { explains, isWhole, requestOf, send } from "../question.js";
import { Examples } from "./examples.js";
import * as fields from "./fields.js";
import * as house from "./house.js";
import * as picture from "./picture.js";
import * as tensors from "./tensors.js";
import * as text from "./text.js";

export const FORMS = { fields, house, picture, tensors, text };

// `question` is {input, pause}, asked once its pause is over; null if there is none.
export function Try({ kind, model, input, question, change, clear, ask, renew, isShown }) {
  const [isWhy, setWhy] = useState(true);
  const answers = useRef(null);
  const asking = useAnswer(question, (asked, signal) => send(requestOf(kind, model, asked.input), signal));
  useNewVersions(model, asking.answer, renew);
  const reasons = useReasons(kind, model, isWhy, asking);
  const wrong = Object.fromEntries((asking.problem?.errors ?? []).map(({ field, message }) => [field, message]));
  const { Form, waits } = FORMS[kind];
  const submit = (event) => {
    event.preventDefault();
    ask();
  };
  return html`
    <div class="two">
      <form class="card" onSubmit=${submit} aria-label="Question">
        <${Examples} kind=${kind} model=${model} choose=${(chosen) => change(chosen, { now: true })} />
        <${Form} model=${model} input=${input} change=${(next, pause) => change(next, { pause })} wrong=${wrong}
          isShown=${isShown} explanation=${reasons.answer?.document.prediction.explanation} />
        <div class="row">
          ${waits && html`<button class="ask" disabled=${!isWhole(kind, model, input)}>Ask</button>`}
          <button type="button" onClick=${clear}>Clear</button>
          ${explains(kind, model) && html`<label class="check"><input type="checkbox" checked=${isWhy} onChange=${() => setWhy(!isWhy)} /> and why</label>`}
        </div>
      </form>
      <div class="answers" ref=${answers} tabindex="-1">
        <section class="card" aria-label="Answer">
          <${Answer} kind=${kind} model=${model} asking=${asking} reasons=${reasons} input=${input} again=${ask} />
        </section>
        <${Copy} kind=${kind} model=${model} input=${input} explain=${isWhy && explains(kind, model)} />
      </div>
    </div>
    <button type="button" class="headline" onClick=${() => answers.current.scrollIntoView({ behavior: "smooth" })}>
      ${headline(asking)}</button>`;
}

// A version that has come since the page was opened: what it learned, and can, is asked for.
function useNewVersions(model, answer, renew) {
  const version = Number(answer?.version ?? model.version);
  useEffect(() => {
    if (!model.versions.some((each) => each.version === version)) renew();
  }, [version]);
}

// Why the answer is what it is, of the version that gave it; asked after the answer, which it never delays.
function useReasons(kind, model, isWhy, { state, question, answer }) {
  const asked = useMemo(() => {
    if (!isWhy || state !== "answered" || !explains(kind, model)) return null;
    return { input: question.input, version: answer.document.version };
  }, [isWhy, state === "answered" && answer]);
  return useAnswer(asked, ({ input, version }, signal) =>
    send(requestOf(kind, model, input, { version, explain: true }), signal));
}
