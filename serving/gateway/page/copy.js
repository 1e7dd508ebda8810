// What is asked, to be taken elsewhere: as a program, or as a link.
import { html, useRef, useState } from "./vendor/htm-preact.js";
import { hasKey } from "./ask.js";
import { sharing } from "./link.js";
import { curl, isLong, javascript, requests, tritonclient } from "./programs.js";
import { isWhole, requestOf } from "./question.js";
import { forLink } from "./shared.js";

const DIALECTS = {
  tf_serving_rest_rows: "TensorFlow Serving's REST, in rows",
  tf_serving_rest_columns: "TensorFlow Serving's REST, in columns",
  open_inference_http: "Open Inference Protocol",
  open_inference_grpc: "Open Inference Protocol over gRPC",
  tf_serving_grpc: "TensorFlow Serving's gRPC, in Python",
};

export function Copy({ kind, model, input, explain }) {
  const [isOpen, open] = useState(false);
  return html`<section class="card" aria-label="Take it along">
    <details onToggle=${({ target }) => open(target.open)}><summary>Use it in a program</summary>
      ${!isOpen ? null : isWhole(kind, model, input) ? html`<${Programs} ...${{ kind, model, input, explain }} />` : html`<p class="quiet">Once there is a question, it stands here as a program.</p>`}
      <${Examples} kind=${kind} model=${model} input=${input} />
    </details>
    <${Share} kind=${kind} model=${model} input=${input} />
  </section>`;
}

function programsOf(kind, model, input, explain) {
  const request = requestOf(kind, model, input, { explain });
  if (isLong(request)) return {};
  const url = new URL(request.path, document.baseURI).href;
  const withKey = hasKey();
  const triton = tritonclient(document.baseURI, kind, model, input, withKey);
  return {
    curl: curl(url, request, withKey),
    "Python, requests": requests(url, request, withKey),
    ...(triton && { "Python, tritonclient": triton }),
    JavaScript: javascript(url, request, withKey),
  };
}

function Programs({ kind, model, input, explain }) {
  const programs = programsOf(kind, model, input, explain);
  const [chosen, choose] = useState("curl");
  if (!programs.curl) return html`<p class="quiet">The question is too long to be pasted; the examples have its form.</p>`;
  const shown = chosen in programs ? chosen : "curl";
  return html`<div class="programs">
    <div class="row" role="group" aria-label="Languages">${Object.keys(programs).map((name) => html`
      <button type="button" key=${name} aria-pressed=${String(name === shown)} onClick=${() => choose(name)}>${name}</button>`)}</div>
    <${Program} key=${shown} name=${shown} text=${programs[shown]} /></div>`;
}

function Program({ name, text }) {
  const shown = useRef(null);
  const [done, say] = useState("");
  const take = async () => say((await copied(text, shown.current)) ? "Copied." : "Press Ctrl+C: it is selected.");
  return html`<pre class="wrapped" tabindex="0" ref=${shown} aria-label=${name}>${text}</pre>
    <div class="row"><button type="button" onClick=${take}>Copy</button><span class="quiet" role="status">${done}</span></div>`;
}

// Browsers let pages write to the clipboard over HTTPS and on this machine; elsewhere one may still select.
async function copied(text, node) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return false;
  }
}

function Examples({ kind, model, input }) {
  const examples = model.signatures[kind === "tensors" ? input.signature : "serving_default"]?.examples ?? {};
  return html`<div class="dialects"><h3>In other dialects, by its tensors</h3>${Object.entries(examples).map(([dialect, text]) => html`
    <details key=${dialect}><summary>${DIALECTS[dialect]}</summary><pre class="wrapped" tabindex="0">${text}</pre></details>`)}</div>`;
}

function Share({ kind, model, input }) {
  const [told, tell] = useState({});
  const shown = useRef(null);
  const shared = isWhole(kind, model, input) ? forLink(kind, input) : null;
  const link = shared && sharing(model.name, shared);
  const take = async () => tell({ link, words: (await copied(link, shown.current)) ? "Copied: whoever opens it sees the same question." : "Press Ctrl+C: it is selected." });
  return html`<div class="row"><button type="button" disabled=${!link} onClick=${take}>Copy a link to this question</button>
    <span class="quiet" role="status">${told.link === link ? told.words : ""}</span></div>
    ${!link && isWhole(kind, model, input) && html`<p class="quiet">It is too large for a link.</p>`}
    <p class="hidden-text" ref=${shown}>${link}</p>`;
}
