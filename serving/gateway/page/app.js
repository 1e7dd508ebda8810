// The page as a whole: the models as tabs, the key, and which of them is shown.
import { html, render, useEffect, useState } from "./vendor/htm-preact.js";
import { onRefused, useDocument, useKey } from "./ask.js";
import { address, read } from "./link.js";
import { ProblemBox } from "./problem.js";
import { Tab } from "./tab.js";

function useRoute() {
  const [route, go] = useState(() => read(location.hash));
  useEffect(() => {
    const follow = () => go(read(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

function App() {
  const route = useRoute();
  const [keys, setKeys] = useState(0); // how many were typed in
  const [isRefused, setRefused] = useState(false);
  useEffect(() => onRefused(() => setRefused(true)), []);
  const listed = useDocument("models", [keys]);
  const names = listed.document?.models.map(({ name }) => name) ?? [];
  const current = route.name || names[0];
  const opened = useOpened(current);
  const take = (typed) => {
    useKey(typed);
    setRefused(false);
    setKeys(keys + 1);
  };
  useEffect(() => { document.title = current ? `${current} · tfgate` : "tfgate"; }, [current]);

  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="top">
      <a class="name" href="#/">tfgate</a>
      <nav class="models" aria-label="Models">${union(names, opened).map((name) => html`
        <a key=${name} href=${address(name)} aria-current=${name === current ? "page" : null}>${name}</a>`)}
      </nav>
      <${Other} />
      <a class="quiet" href="docs">API</a>
    </header>
    ${isRefused && html`<${Key} take=${take} />`}
    <main id="main" tabindex="-1">
      ${listed.problem && html`<${ProblemBox} problem=${listed.problem} again=${listed.again} />`}
      ${!listed.document && !listed.problem && html`<p class="quiet">Asking which models there are…</p>`}
      ${listed.document && !current && html`<p>There is no model yet. Once the model server has one, open it by its name.</p>`}
      ${opened.map((name) => html`
        <${Tab} key=${name} name=${name} keys=${keys} isShown=${name === current} route=${name === current ? route : null} />`)}
    </main>`;
}

// Tabs stay as they are while others are looked at: what was entered is there when one comes back.
function useOpened(current) {
  const [opened, open] = useState([]);
  const now = current && !opened.includes(current) ? [...opened, current] : opened;
  useEffect(() => open(now), [current]);
  return now;
}

const union = (names, more) => [...new Set([...names, ...more])];

function skip(event) {
  event.preventDefault();
  document.querySelector("#main").focus();
}

// A model that nobody has asked for yet is known from then on.
function Other() {
  const open = (event) => {
    event.preventDefault();
    const name = event.target.elements.other.value.trim();
    if (name) location.hash = address(name);
    event.target.reset();
  };
  return html`<form class="other" onSubmit=${open}>
    <input name="other" placeholder="another model" aria-label="another model" autocomplete="off" spellcheck=${false} />
    <button>Open</button>
  </form>`;
}

function Key({ take }) {
  const enter = (event) => {
    event.preventDefault();
    const { key } = event.target.elements;
    if (key.value) take(key.value.trim());
    key.value = "";
  };
  return html`<form class="key" onSubmit=${enter}>
    <label>API key <input name="key" type="password" autocomplete="off" required /></label>
    <button>Use it</button>
    <p class="quiet">The gateway wants one. It stays in this page's memory, and is gone when you leave.</p>
  </form>`;
}

// Behind a path, the address may lack the slash at its end: links would then load the page again.
const home = new URL(document.baseURI);
if (home.pathname !== location.pathname) history.replaceState(null, "", home.pathname + location.hash);

render(html`<${App} />`, document.querySelector("#app"));
