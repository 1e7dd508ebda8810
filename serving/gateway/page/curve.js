// A list of {step, value, low, high}, whatever the first two are called: drawn, with its interval.
import { html } from "./vendor/htm-preact.js";
import { Figure, Lines } from "./charts.js";

const MOST_DIGITS = 5;

const namesOf = (record) => Object.keys(record).filter((name) => name !== "low" && name !== "high");

export const isCurve = (value) =>
  Array.isArray(value) && value.length > 2
  && value.every((each) => each && typeof each === "object" && "low" in each && "high" in each
    && Object.values(each).every(Number.isFinite) && namesOf(each).length === 2);

export function Curve({ title, records }) {
  const [step, value] = namesOf(records[0]);
  const line = (name, kind) => ({ name, kind, points: records.map((each) => [each[step], each[name]]) });
  const most = Math.max(...records.map(({ high }) => high));
  const least = Math.min(0, ...records.map(({ low }) => low));
  const cells = (each) => [step, value, "low", "high"].map((name) => String(Number(each[name].toPrecision(MOST_DIGITS))));
  return html`<${Figure} title=${title} head=${[step, value, "low", "high"].map(words)} rows=${records.map(cells)}>
    <${Lines} label=${`${title}: ${words(value)} by ${words(step)}`} xName=${words(step)} ys=${[least, most]}
      series=${[line(value, "main"), line("low", "other"), line("high", "other")]} />
  <//>`;
}

const words = (name) => name.replaceAll("_", " ");
