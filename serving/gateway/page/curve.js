// Lists of numbers, drawn: a curve is one of {step, value, low, high}, whatever the first two are
// called; a series, of the numbers alone.
import { html } from "./vendor/htm-preact.js";
import { Figure, Lines } from "./charts.js";
import { words } from "./model/words.js";

const MOST_DIGITS = 5;

const namesOf = (record) => Object.keys(record).filter((name) => name !== "low" && name !== "high");

export const isCurve = (value) =>
  Array.isArray(value) && value.length > 2
  && value.every((each) => each && typeof each === "object" && "low" in each && "high" in each
    && Object.values(each).every(Number.isFinite) && namesOf(each).length === 2);

export const isSeries = (value) => Array.isArray(value) && value.length > 2 && value.every(Number.isFinite);

export function Curve({ title, values }) {
  const [step, value] = namesOf(values[0]);
  const line = (name, kind) => ({ name, kind, points: values.map((each) => [each[step], each[name]]) });
  const most = Math.max(...values.map(({ high }) => high));
  const least = Math.min(0, ...values.map(({ low }) => low));
  const cells = (each) => [step, value, "low", "high"].map((name) => short(each[name]));
  return html`<${Figure} title=${title} head=${[step, value, "low", "high"].map(words)} rows=${values.map(cells)}>
    <${Lines} label=${`${title}: ${words(value)} by ${words(step)}`} xName=${words(step)} ys=${[least, most]}
      series=${[line(value, "main"), line("low", "other"), line("high", "other")]} />
  <//>`;
}

export function Series({ title, values }) {
  const rows = values.map((value, place) => [String(place + 1), short(value)]);
  const points = values.map((value, place) => [place + 1, value]);
  return html`<${Figure} title=${title} head=${["place", "value"]} rows=${rows}>
    <${Lines} label=${`${title}, by place`} xName="place" series=${[{ name: title, kind: "main", points }]}
      ys=${[Math.min(0, ...values), Math.max(0, ...values)]} />
  <//>`;
}

const short = (value) => String(Number(value.toPrecision(MOST_DIGITS)));
