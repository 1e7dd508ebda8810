// A number, by a slider over what was learned and by a field for any other.
import { html } from "../vendor/htm-preact.js";
import { useId } from "../ids.js";
import { words } from "../model/words.js";

const STEPS = 1000;

// The values at equal distances along the slider: by quantiles, where the card has them, as half of
// all block groups have a twentieth of the largest number of rooms.
export function scale(name, card) {
  const learned = card?.input_statistics[name];
  if (!learned) return null;
  const edges = card.histograms?.find(({ quantity }) => quantity === name)?.edges ?? [];
  const { minimum, maximum } = learned;
  return [minimum, ...edges.filter((edge) => edge > minimum && edge < maximum), maximum];
}

export const middle = (knots) => {
  const half = (knots.length - 1) / 2;
  return rounded((knots[Math.floor(half)] + knots[Math.ceil(half)]) / 2, knots);
};

function valueAt(step, knots) {
  const place = (step / STEPS) * (knots.length - 1);
  const below = Math.min(Math.floor(place), knots.length - 2);
  return rounded(knots[below] + (place - below) * (knots[below + 1] - knots[below]), knots);
}

function stepOf(value, knots) {
  const above = knots.findIndex((knot) => value < knot);
  if (above === 0) return 0;
  if (above < 0) return STEPS;
  const share = (value - knots[above - 1]) / (knots[above] - knots[above - 1]);
  return Math.round((STEPS * (above - 1 + share)) / (knots.length - 1));
}

// As finely as the range is wide.
function rounded(value, knots) {
  const range = knots.at(-1) - knots[0];
  const digits = range >= 40 ? 0 : 2;
  return Number(value.toFixed(digits));
}

export function Slider({ name, schema, knots, value, optional, change, wrong }) {
  const label = words(name);
  const id = useId();
  const about = `about-${id}`;
  return html`<div class="slider">
    <label for=${id}>${label}</label>
    <input id=${id} name=${name} type="number" step="any" value=${value ?? ""} aria-describedby=${about}
      class=${wrong ? "invalid" : ""} placeholder=${optional ? "unknown" : ""}
      onInput=${({ target }) => change(target.value === "" ? null : Number(target.value))} />
    ${knots && html`<input type="range" min="0" max=${STEPS} aria-label=${`${label}, within what was learned`}
      value=${value === null || value === undefined ? STEPS / 2 : stepOf(value, knots)}
      aria-valuetext=${String(value ?? "unknown")} onInput=${({ target }) => change(valueAt(Number(target.value), knots))} />`}
    <p class=${wrong ? "wrong" : "quiet"} id=${about}>${wrong ?? schema.description}</p>
  </div>`;
}
