// A record of whatever a model of one's own says: its curves and series drawn, all else in a table.
import { html } from "./vendor/htm-preact.js";
import { Curve, isCurve, isSeries, Series } from "./curve.js";
import { words } from "./model/words.js";

export function Record({ record }) {
  const told = Object.entries(record).filter(([, value]) => value !== null);
  const drawn = told.filter(([, value]) => isCurve(value) || isSeries(value));
  const others = told.filter((each) => !drawn.includes(each));
  return html`
    ${drawn.length > 0 && html`<div class="charts">${drawn.map(([name, value]) => html`
      <${isCurve(value) ? Curve : Series} key=${name} title=${words(name)} values=${value} />`)}</div>`}
    ${others.length > 0 && html`<table><tbody>${others.map(([name, value]) => html`
      <tr key=${name}><th scope="row">${words(name)}</th><td>${typeof value === "object" ? JSON.stringify(value) : String(value)}</td></tr>`)}
    </tbody></table>`}`;
}
