// One model: its views share the input.
import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { get, useDocument } from "./ask.js";
import { Compare } from "./compare.js";
import { address, VIEWS } from "./link.js";
import { ModelView } from "./models.js";
import { ProblemBox } from "./problem.js";
import { isWhole, kindOf } from "./question.js";
import { fromLink } from "./shared.js";
import { FORMS, Try } from "./try/try.js";

export function Tab({ name, keys, isShown, route }) {
  const { document: model, problem, again } = useDocument(`models/${encodeURIComponent(name)}`, [keys]);
  const view = useView(route);
  useEffect(() => { if (isShown && (model || problem)) again(); }, [isShown]);
  return html`<div class="tab" hidden=${!isShown}>
    <div class="tab-head"><h1>${name}</h1>
      <nav class="views" aria-label=${`Views of ${name}`}>${Object.entries(VIEWS).map(([each, title]) => html`
        <a key=${each} href=${address(name, each)} aria-current=${each === view ? "page" : null}>${title}</a>`)}
      </nav></div>
    ${problem && html`<${ProblemBox} problem=${problem} again=${again} />`}
    ${!model && !problem && html`<p class="quiet"><span class="busy">Asking what it is…</span></p>`}
    ${model && html`<${Views} model=${model} view=${view} isShown=${isShown} shared=${route?.input} renew=${again} />`}
  </div>`;
}

// The view that was shown last, while another tab is looked at.
function useView(route) {
  const [view, show] = useState(route?.view ?? "try");
  useEffect(() => { if (route) show(route.view); }, [route]);
  return route?.view ?? view;
}

function Views({ model, view, isShown, shared, renew }) {
  const kind = useMemo(() => kindOf(model), [Boolean(model.request_schema)]);
  const entered = useInput(kind, model);
  useShared(kind, model, shared, entered.change);
  const views = { kind, model, ...entered, renew };
  return html`
    <div hidden=${view !== "try"}><${Try} ...${views} isShown=${isShown && view === "try"} /></div>
    ${view === "compare" && html`<${Compare} ...${views} isShown=${isShown} />`}
    ${view === "model" && html`<${ModelView} name=${model.name} get=${get} />`}`;
}

// What is entered, and what is asked of it: {input, pause}, or null while there is nothing to ask.
function useInput(kind, model) {
  const [input, enter] = useState(() => FORMS[kind].initial(model));
  const [question, put] = useState(null);
  const latest = useRef(input);
  const asked = (now, pause) => put(isWhole(kind, model, now) ? { input: now, pause } : null);
  const change = (next, { pause = 0, now = false } = {}) => {
    latest.current = next;
    enter(next);
    if (now || !FORMS[kind].waits) asked(next, now ? 0 : pause);
  };
  const clear = () => {
    change(FORMS[kind].initial(model));
    put(null);
  };
  return { input, question, change, clear, ask: () => asked(latest.current, 0) };
}

// What a link holds is entered, and asked where one need not press a button for that.
function useShared(kind, model, shared, change) {
  useEffect(() => {
    if (!shared) return;
    history.replaceState(null, "", address(model.name));
    fromLink(kind, model, shared).then((input) => input && change(input));
  }, [shared]);
}
